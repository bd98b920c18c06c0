//! The functions' processes: who runs what, and what an invocation waits for.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use shared::{
    BoxFuture,
    lambda::{Invoke, InvokeError, Reply},
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    host::Host,
    pool::{Job, Pool},
    process,
};
use crate::embedded_store::stopped;

/// How long one invocation may take of which nothing is said.
const TIMEOUT: Duration = Duration::from_secs(29);
/// How long it may wait for a process, starts included: here they are few, where Lambda starts as many as it takes.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The functions' processes. Clones share them.
#[derive(Clone, Debug)]
pub struct Lambda(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Arc<Host>,
    pools: Mutex<HashMap<String, Pool>>,
    processes: Mutex<Vec<JoinHandle<()>>>,
}

impl Lambda {
    pub(super) fn new(host: Host) -> Self {
        Self(Arc::new(Inner { host: Arc::new(host), pools: Mutex::default(), processes: Mutex::default() }))
    }

    /// Waits for the signal that stops the system.
    pub(super) async fn stopped(&self) {
        stopped(self.0.host.stop.clone()).await;
    }

    /// Checks that there is a binary for each of these functions.
    ///
    /// # Errors
    /// Names those that have none.
    pub fn check<'a>(&self, functions: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let missing: Vec<_> = functions.filter(|function| !self.0.host.binary(function).is_file()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("{}: no binary for {}", self.0.host.options.directory.display(), missing.join(", "));
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
        if *self.0.host.stop.borrow() {
            return Err(InvokeError::failed("shutting down"));
        }
        let timeout = self.0.host.options.time_limits.get(function).copied().unwrap_or(TIMEOUT);
        let ((answer, answered), (taken, begun)) = (oneshot::channel(), oneshot::channel());
        let job = Job::new(event, timeout, answer, taken);
        let id = job.id.clone();
        self.change(function, |pool| pool.submit(job));
        let abandoned = |limit| {
            self.change(function, |pool| pool.abandon(&id));
            Err(InvokeError::TimedOut(limit))
        };
        // whoever drops it has answered, or will not
        let Ok(_) = tokio::time::timeout(MAX_WAIT, begun).await else { return abandoned(MAX_WAIT) };
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(InvokeError::failed("invocation dropped")),
            Err(_) => abandoned(timeout),
        }
    }

    /// Changes a function's pool, then starts the processes that it now wants.
    pub(super) fn change<T>(&self, function: &str, change: impl FnOnce(&mut Pool) -> T) -> T {
        let mut pools = lock(&self.0.pools);
        let at_once = self.0.host.options.at_once;
        let pool = pools.entry(function.to_owned()).or_insert_with(|| Pool::new(at_once));
        let result = change(pool);
        self.grow(function, pool);
        result
    }

    /// Starts the processes that a function's pool wants, unless the system stops.
    fn grow(&self, function: &str, pool: &mut Pool) {
        if *self.0.host.stop.borrow() {
            return;
        }
        while let Some((worker, kill)) = pool.grow() {
            let process = tokio::spawn(self.clone().run(function.to_owned(), worker, kill));
            let mut processes = lock(&self.0.processes);
            processes.retain(|process| !process.is_finished());
            processes.push(process);
        }
    }

    /// Runs one process to its end, and tells the pool.
    fn run(self, function: String, worker: u64, kill: oneshot::Receiver<()>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let cause = process::run(&self.0.host, &function, worker, kill).await;
            self.change(&function, |pool| pool.ended(worker, &cause));
        })
    }
}

/// A poisoned lock holds a whole state all the same: nothing here panics half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
