//! `outscout serve` and `outscout store`.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
};

use shared::{clock::Clock, config::ExposeSecret as _, context::Context};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{
    arguments::{ServeArguments, StoreArguments},
    banner, directory,
    output::{Failed, print},
};
use crate::{
    backup,
    data::{DataDirectory, Places, settings},
    demo,
    embedded_store::{Engine, new_credentials},
    log::Capture,
    sam,
    server::{Options, Server},
    template::Templates,
};

/// This program, also when its file was replaced since it started.
const LAUNCHER: &str = "/proc/self/exe";

/// Variables of the functions that the server passes on from its own environment.
const PASSED: [&str; 54] = [
    "PATH",
    "OUTSCOUT_LOG",
    "OUTSCOUT_OUTSET_PUBLIC_URL",
    "OUTSCOUT_OUTSET_CORS_ORIGINS",
    "OUTSCOUT_OUTSET_LIMIT_FREE",
    "OUTSCOUT_OUTSET_LIMIT_PRO",
    "OUTSCOUT_OUTSET_LIMIT_ANONYMOUS",
    "OUTSCOUT_OUTSEND_PUBLIC_URL",
    "OUTSCOUT_OUTSEND_CORS_ORIGINS",
    "OUTSCOUT_OUTSEND_INVITE_ONLY",
    "OUTSCOUT_OUTSEND_CAPTCHA_SECRET",
    "OUTSCOUT_OUTSEND_CAPTCHA_URL",
    "OUTSCOUT_FEEDBACK_EMAIL",
    "OUTSCOUT_JOB_LIFETIME_DAYS",
    "OUTSCOUT_RESULT_RETENTION_DAYS",
    "OUTSCOUT_SERIAL_LANE_WIDTH",
    "OUTSCOUT_PARALLEL_LANE_SLOTS",
    "OUTSCOUT_USER_RUNNING_JOBS",
    "OUTSCOUT_EF_JOB_CEILING",
    "OUTSCOUT_EF_QUOTA_FREE",
    "OUTSCOUT_EF_QUOTA_PRO",
    "OUTSCOUT_DNS_SERVER",
    "OUTSCOUT_SMTP_PROBE",
    "OUTSCOUT_SMTP_PORT",
    "OUTSCOUT_CRAWL_ALLOW_HOSTS",
    "OUTSCOUT_WEBHOOK_ALLOW_HOSTS",
    "OUTSCOUT_RECHERCHE_ENTREPRISES_URL",
    "OUTSCOUT_BODACC_URL",
    "OUTSCOUT_PAGESPEED_URL",
    "OUTSCOUT_PAGESPEED_API_KEY",
    "OUTSCOUT_REVIEWS_SOURCE_URL",
    "OUTSCOUT_RDAP_URL",
    "OUTSCOUT_DATA_FOLDER",
    "OUTSCOUT_CRON_SECRET",
    "OUTSCOUT_CONSENT_VERSION",
    "OUTSCOUT_AGENT_PROVIDER",
    "OUTSCOUT_AGENT_MODEL",
    "OUTSCOUT_AGENT_BASE_URL",
    "OUTSCOUT_AGENT_API_KEY",
    "OUTSCOUT_WEBHOOK_SECRETS",
    "OUTSCOUT_STRIPE_BASE_URL",
    "OUTSCOUT_STRIPE_SECRET_KEY",
    "OUTSCOUT_STRIPE_WEBHOOK_SECRET",
    "OUTSCOUT_PLATFORM_FEE_RATE",
    "OUTSCOUT_TELEGRAM_BASE_URL",
    "OUTSCOUT_TELEGRAM_BOT_TOKEN",
    "OUTSCOUT_TELEGRAM_BOT_NAME",
    "OUTSCOUT_TELEGRAM_WEBHOOK_SECRET",
    "OUTSCOUT_STAGE",
    "OUTSCOUT_BILLING_EXEMPT_DEFAULT",
    "OUTSCOUT_OPENSCOUTER_PUBLIC_URL",
    "OUTSCOUT_OPENSCOUTER_APP_URL",
    "OUTSCOUT_OPENSCOUTER_CORS_BASE_DOMAIN",
    "OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS",
];

async fn told_to_stop() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the command line hands its environment on to the functions")]
fn variables() -> Vec<(String, String)> {
    PASSED.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?))).collect()
}

pub(super) async fn serve(arguments: ServeArguments) -> Result<(), Failed> {
    let data = (!arguments.in_memory).then(|| arguments.data.clone());
    let kept = data.as_deref().map(directory::existing_or_new).transpose()?;
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
    let server = Server::start(options, Capture::install()).await?;
    let files = kept.map(|directory| (directory.demo_key_file(), directory.demo_account_file()));
    let kept = files.as_ref().map(|(key, account)| demo::Kept { key, account });
    let demo = if arguments.no_demo { None } else { Some(demo::seed(&server, kept).await?) };
    io::stderr().write_all(banner::text(&server, demo.as_ref()).as_bytes())?;
    if arguments.ready_json {
        print(&banner::ready(&server, demo.as_ref()).to_string())?;
    }
    told_to_stop().await?;
    server.shutdown().await;
    Ok(())
}

pub(super) async fn store(arguments: StoreArguments) -> Result<(), Failed> {
    let directory = arguments.data.as_deref().map(directory::existing_or_new).transpose()?;
    let _held = match &directory {
        None => None,
        Some(directory) => Some(directory.hold()?.ok_or("another outscout runs on this data directory")?),
    };
    let (stop, stopped) = watch::channel(false);
    let address = SocketAddr::from((arguments.address, arguments.port));
    let file = directory.as_ref().map(DataDirectory::store_file);
    let (credentials, tables) = (new_credentials()?, Templates::embedded()?.tables);
    let engine = Engine::start(address, &credentials, file.as_deref(), &tables, stopped).await?;
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
    told_to_stop().await?;
    let _ = stop.send(true);
    engine.ended().await;
    Ok(())
}
