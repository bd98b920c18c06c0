//! The whole system in one process.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, atomic::AtomicI64},
};

use axum::Router;
use shared::{clock::Clock, context::Context};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    control::Control,
    data::{ANY_PORT, DataDirectory, Held, settings},
    engine::{Engine, EngineError, stopped},
    functions,
    gateway::Gateway,
    log::Capture,
    template::{Api, Templates},
};

/// How a server runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// First of the four ports; 0 lets the system choose four.
    pub port: u16,
    /// Data directory; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// Variables of the functions' environment.
    pub variables: Vec<(String, String)>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// The control port's URL.
    pub control: String,
    /// Base URL of the Outset API.
    pub outset: String,
    /// Base URL of the Outsend API.
    pub outsend: String,
    /// Base URL of the OpenScouter API.
    pub openscouter: String,
    /// A context over the server's store.
    pub context: Context,
    stop: watch::Sender<bool>,
    engines: Vec<Engine>,
    tasks: Vec<JoinHandle<()>>,
    held: Option<Held>,
}

impl Server {
    /// Starts the system; it answers when this returns.
    ///
    /// # Errors
    /// When a port is taken, or the data directory is in use or cannot be read.
    pub async fn start(options: Options, log: Capture) -> Result<Self, EngineError> {
        let templates = Templates::embedded()?;
        let directory = options.data.as_deref().map(DataDirectory::open).transpose()?;
        let held = match &directory {
            Some(directory) => Some(directory.hold()?.ok_or("another outscout runs on this data directory")?),
            None => None,
        };
        let (stop, stop_signal) = watch::channel(false);
        let file = directory.as_ref().map(DataDirectory::store_file);
        let store = Engine::start(ANY_PORT, file.as_deref(), &templates.tables, stop_signal.clone()).await?;
        let windows = Engine::start(ANY_PORT, None, &templates.tables, stop_signal.clone()).await?;
        if let Some(directory) = &directory {
            directory.announce(&store.endpoint)?;
        }
        let clock_file = directory.as_ref().map(DataDirectory::clock_file);
        let kept = clock_file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let offset = Arc::new(AtomicI64::new(kept.and_then(|text| text.trim().parse().ok()).unwrap_or(0)));
        let settings = settings(&store.endpoint, &windows.endpoint, clock_file.as_deref(), &options.variables)?;
        let context = Context::new(settings, Clock::shared_offset(Arc::clone(&offset)));
        let mut listeners = Vec::new();
        for position in 0..4 {
            let port = if options.port == 0 { 0 } else { options.port + position };
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let bound = TcpListener::bind(address).await;
            listeners.push(bound.map_err(|error| format!("port {port}: {error}"))?);
        }
        let mut urls = Vec::new();
        for (listener, path) in listeners.iter().zip(["", "/v1", "/api", "/api"]) {
            urls.push(format!("http://{}{path}", listener.local_addr()?));
        }
        let [control, outset, outsend, openscouter] = <[String; 4]>::try_from(urls).map_err(|_| "ports")?;
        let named = [("Outset", &outset), ("Outsend", &outsend), ("OpenScouter", &openscouter)];
        let urls = named.into_iter().map(|(name, url)| (name, url.clone())).collect();
        let invokers: HashMap<_, _> = functions::ALL
            .iter()
            .map(|function| (function.name.to_owned(), (function.invoke)(context.clone())))
            .collect();
        let gateway = |api: Api| Gateway::new(api, invokers.clone(), context.clone()).router();
        let routers = [
            Control { offset, clock_file, log, urls }.router(),
            gateway(templates.outset),
            gateway(Api::default()),
            gateway(Api::default()),
        ];
        let tasks = listeners.into_iter().zip(routers);
        let tasks =
            tasks.map(|(listener, router)| tokio::spawn(serve(listener, router, stop_signal.clone()))).collect();
        Ok(Self { control, outset, outsend, openscouter, context, stop, engines: vec![store, windows], tasks, held })
    }

    /// Lets running requests finish and ends.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        for engine in self.engines {
            engine.ended().await;
        }
        drop(self.held);
    }
}

async fn serve(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped(stop)).await {
        tracing::error!(cause = %error, "listener stopped");
    }
}
