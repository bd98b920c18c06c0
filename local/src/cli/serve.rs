//! `outscout serve` and `outscout store`.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
};

use shared::{clock::Clock, config::ExposeSecret as _, context::Context};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{
    arguments::{ServeArguments, StoreArguments},
    banner, configuration, directory,
    output::{Failed, print},
};
use crate::{
    backup,
    control::Ready,
    data::{DataDirectory, Places, settings, start_store},
    demo,
    embedded_store::new_credentials,
    log::Capture,
    sam,
    server::{Options, Server},
    template::Templates,
};

/// This program, also when its file was replaced since it started.
const LAUNCHER: &str = "/proc/self/exe";

/// The signals that ask the process to end. They are listened to from the beginning: who is told that the server is ready may
/// send one at once.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Whether one was sent before now.
    async fn was_asked(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.asked() => true,
            () = std::future::ready(()) => false,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line hands its environment on to the functions")]
fn variables() -> Vec<(String, String)> {
    // processes of functions find programs there
    let names = configuration::passed().chain(["PATH"]);
    names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
}

pub(super) async fn serve(arguments: ServeArguments) -> Result<(), Failed> {
    let mut stop = Stop::listen()?;
    let data = (!arguments.in_memory).then(|| arguments.data.clone());
    let (kept, new) = (data.as_deref().map(DataDirectory::seen), data.as_deref().is_some_and(|path| !path.exists()));
    let options = Options {
        port: arguments.port,
        data,
        store: arguments.store_address,
        lambda: arguments.lambda,
        at_once: arguments.at_once.get(),
        launcher: cfg!(target_os = "linux").then(|| LAUNCHER.into()),
        variables: variables(),
        host_names: arguments.host_names,
    };
    let folder = options.variables.iter().find(|(name, _)| name == "OUTSCOUT_DATA_FOLDER").map(|(_, folder)| folder);
    background_work::add_data(folder.map(Path::new))?;
    let started = Server::start(options, Capture::install()).await;
    // a start that failed may have made it, too
    if let Some(directory) = kept.as_ref().filter(|directory| new && directory.path().exists()) {
        directory::tell_made(directory.path())?;
    }
    let server = started?;
    let files = kept.map(|directory| (directory.demo_key_file(), directory.demo_account_file()));
    let kept = files.as_ref().map(|(key, account)| demo::Kept { key, account });
    let demo = if arguments.no_demo { None } else { Some(demo::seed(&server, kept).await?) };
    if stop.was_asked().await {
        server.shutdown().await;
        return Ok(());
    }
    let ready = Ready { text: banner::text(&server, demo.as_ref()), line: banner::ready(&server, demo.as_ref()) };
    io::stderr().write_all(ready.text.as_bytes())?;
    let line = arguments.ready_json.then(|| ready.line.to_string());
    server.show(ready);
    if let Some(line) = line {
        print(&line)?;
    }
    stop.asked().await;
    server.shutdown().await;
    Ok(())
}

pub(super) async fn store(arguments: StoreArguments) -> Result<(), Failed> {
    let mut asked = Stop::listen()?;
    let directory = arguments.data.as_deref().map(directory::existing_or_new).transpose()?;
    let _held = match &directory {
        None => None,
        Some(directory) => Some(directory.hold_alone()?),
    };
    let (stop, stopped) = watch::channel(false);
    let address = SocketAddr::from((arguments.address, arguments.port));
    let (credentials, tables) = (new_credentials()?, Templates::embedded()?.tables);
    let engine = start_store(directory.as_ref(), address, &credentials, &tables, stopped).await?;
    let places = Places { store: &engine.endpoint, windows: &engine.endpoint, clock: None, credentials: &credentials };
    let context = Context::new(settings(places, &[])?, Clock::system());
    backup::migrate(&context, directory.as_ref()).await?;
    if let Some(directory) = &directory {
        directory.announce(&engine)?;
        sam::write(directory, &engine)?;
    }
    let (id, secret) = (credentials.access_key_id.expose_secret(), credentials.secret_access_key.expose_secret());
    writeln!(
        io::stderr(),
        "the store answers at {}, to who has the credentials of this start:\n  \
         export AWS_ACCESS_KEY_ID={id}\n  export AWS_SECRET_ACCESS_KEY={secret}",
        engine.endpoint
    )?;
    asked.asked().await;
    let _ = stop.send(true);
    engine.ended().await;
    Ok(())
}
