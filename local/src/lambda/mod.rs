//! Functions as processes: the real binaries, spoken to over the Lambda Runtime API, started on
//! first use, kept warm, several of one function when it is busy.
//!
//! One port serves all of them: each process is given a base URL that names its function and itself.
//!
//! No process outlives the server. When it stops, it kills each process with its group; when it is
//! killed itself, the system kills them, because they are started through [`launch`]. Where the system
//! knows no parent-death signal, a function ends by itself when its Runtime API is gone.

mod launch;
mod pool;
mod process;
mod runtime_api;
mod streamed;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use shared::lambda::{Invoke, InvokeError, Reply};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{embedded_store::stopped, log::Capture};
pub use launch::launch;
use pool::{Job, Pool};

/// How long one invocation may take, start of its process included.
const TIMEOUT: Duration = Duration::from_secs(29);

/// How processes are started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder that holds `<crate>/bootstrap`, or the binaries by crate name.
    pub directory: PathBuf,
    /// Variables of every process.
    pub variables: Vec<(String, String)>,
    /// The program whose `launch` command starts a binary, see [`launch`]; `None` starts it directly.
    pub launcher: Option<PathBuf>,
    /// How long one invocation may take; `None` means 29 seconds.
    pub timeout: Option<Duration>,
}

/// The functions' processes. Clones share them.
#[derive(Clone, Debug)]
pub struct Lambda(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    address: SocketAddr,
    log: Capture,
    pools: Mutex<HashMap<String, Pool>>,
    processes: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Receiver<bool>,
}

impl Lambda {
    /// Serves the Runtime API on a loopback port until `stop` says so. Starts no process yet.
    ///
    /// # Errors
    /// When `options.directory` is no folder or no port can be had.
    pub async fn start(options: Options, log: Capture, stop: watch::Receiver<bool>) -> io::Result<Self> {
        if !options.directory.is_dir() {
            let text = format!("{}: not a folder with function binaries", options.directory.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, text));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (pools, processes) = (Mutex::default(), Mutex::default());
        let lambda = Self(Arc::new(Inner { options, address, log, pools, processes, stop: stop.clone() }));
        let router = runtime_api::router(lambda.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped(stop)).await {
                tracing::error!(cause = %error, "runtime api stopped");
            }
        });
        Ok(lambda)
    }

    /// Checks that there is a binary for each of these functions.
    ///
    /// # Errors
    /// Names those that have none.
    pub fn check<'a>(&self, functions: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let missing: Vec<_> = functions.filter(|function| !self.binary(function).is_file()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("{}: no binary for {}", self.0.options.directory.display(), missing.join(", "));
        Err(io::Error::new(io::ErrorKind::NotFound, text))
    }

    /// Invokes the function with this crate name.
    #[must_use]
    pub fn invoker(&self, function: &str) -> Invoke {
        let (lambda, function) = (self.clone(), function.to_owned());
        Arc::new(move |event| {
            let (lambda, function) = (lambda.clone(), function.clone());
            // a client that goes away ends no invocation, and no time limit
            let invocation = tokio::spawn(async move { lambda.invoke(&function, event).await });
            Box::pin(
                async move { invocation.await.unwrap_or_else(|cause| Err(InvokeError::failed(cause.to_string()))) },
            )
        })
    }

    /// Waits, after the stop signal, until every process has ended.
    pub async fn ended(self) {
        loop {
            let processes = std::mem::take(&mut *lock(&self.0.processes));
            if processes.is_empty() {
                return;
            }
            for process in processes {
                let _ = process.await;
            }
        }
    }

    async fn invoke(&self, function: &str, event: Bytes) -> Result<Reply, InvokeError> {
        if *self.0.stop.borrow() {
            return Err(InvokeError::failed("shutting down"));
        }
        let timeout = self.0.options.timeout.unwrap_or(TIMEOUT);
        let (answer, answered) = oneshot::channel();
        let job = Job::new(event, timeout, answer);
        let id = job.id.clone();
        self.change(function, |pool| pool.submit(job));
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(InvokeError::failed("invocation dropped")),
            Err(_) => {
                self.change(function, |pool| pool.abandon(&id));
                Err(InvokeError::TimedOut(timeout))
            }
        }
    }

    /// Changes a function's pool, then starts the processes that it now wants.
    fn change<T>(&self, function: &str, change: impl FnOnce(&mut Pool) -> T) -> T {
        let mut pools = lock(&self.0.pools);
        let pool = pools.entry(function.to_owned()).or_default();
        let result = change(pool);
        if *self.0.stop.borrow() {
            return result;
        }
        while let Some((worker, kill)) = pool.grow() {
            let process = tokio::spawn(process::run(self.clone(), function.to_owned(), worker, kill));
            let mut processes = lock(&self.0.processes);
            processes.retain(|process| !process.is_finished());
            processes.push(process);
        }
        result
    }

    /// The binary of a function: `<directory>/<crate>/bootstrap`, or `<directory>/<crate>`.
    fn binary(&self, function: &str) -> PathBuf {
        let named = self.0.options.directory.join(function);
        let bootstrap = named.join("bootstrap");
        if bootstrap.is_file() { bootstrap } else { named }
    }
}

/// A poisoned lock holds a whole state all the same: nothing here panics half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
