//! Functions as processes: the real binaries, spoken to over the Lambda Runtime API, started on
//! first use, kept warm, several of one function when it is busy.
//!
//! One port serves all of them: each process is given a base URL that names its function and itself.

mod pool;
mod process;
mod runtime_api;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use shared::serve::{Invoke, InvokeError};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
    task::JoinHandle,
};

use crate::{engine::stopped, log::Capture};
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
    tasks: Mutex<Vec<JoinHandle<()>>>,
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
        let (pools, tasks) = (Mutex::default(), Mutex::default());
        let lambda = Self(Arc::new(Inner { options, address, log, pools, tasks, stop: stop.clone() }));
        let router = runtime_api::router(lambda.clone());
        lambda.keep(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped(stop)).await {
                tracing::error!(cause = %error, "runtime api stopped");
            }
        }));
        Ok(lambda)
    }

    /// Invokes the function with this crate name.
    #[must_use]
    pub fn invoker(&self, function: &str) -> Invoke {
        let (lambda, function) = (self.clone(), function.to_owned());
        Arc::new(move |event| {
            let (lambda, function) = (lambda.clone(), function.clone());
            Box::pin(async move { lambda.invoke(&function, event).await })
        })
    }

    /// Waits, after the stop signal, until every process has ended.
    pub async fn ended(self) {
        loop {
            let tasks = std::mem::take(&mut *lock(&self.0.tasks));
            if tasks.is_empty() {
                return;
            }
            for task in tasks {
                let _ = task.await;
            }
        }
    }

    async fn invoke(&self, function: &str, event: Bytes) -> Result<Bytes, InvokeError> {
        if *self.0.stop.borrow() {
            return Err(InvokeError("shutting down".to_owned()));
        }
        let timeout = self.0.options.timeout.unwrap_or(TIMEOUT);
        let (answer, answered) = oneshot::channel();
        let job = Job::new(event, timeout, answer);
        let id = job.id.clone();
        self.change(function, |pool| pool.submit(job));
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(InvokeError("invocation dropped".to_owned())),
            Err(_) => {
                self.change(function, |pool| pool.abandon(&id));
                Err(InvokeError(format!("timed out after {} s", timeout.as_secs_f32())))
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
            let (lambda, function) = (self.clone(), function.to_owned());
            self.keep(tokio::spawn(process::run(lambda, function, worker, kill)));
        }
        result
    }

    fn keep(&self, task: JoinHandle<()>) {
        let mut tasks = lock(&self.0.tasks);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// The binary of a function: `<directory>/<crate>/bootstrap`, or `<directory>/<crate>`.
    fn binary(&self, function: &str) -> PathBuf {
        let named = self.0.options.directory.join(function);
        let bootstrap = named.join(Path::new("bootstrap"));
        if bootstrap.is_file() { bootstrap } else { named }
    }
}

/// A poisoned lock holds a whole state all the same: nothing here panics half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
