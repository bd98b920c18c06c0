//! The functions as processes: with `OUTSCOUT_TEST_BINARIES` the tests invoke the real binaries instead of the linked
//! functions.
//!
//! It names their folder (`target/debug` after `cargo build --workspace`). `OUTSCOUT_TEST_AT_ONCE` says how many invocations a
//! process takes at once. Tests of what a request costs invoke the linked functions all the same: meters stand inside the
//! process, and a bench's functions share what they remember.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use local::lambda::{self, Lambda};
use shared::lambda::Reply;
use tokio::sync::{OnceCell, watch};

use crate::{
    Failure, log,
    notes::{Notes, Processes},
};

/// How long an invocation may take. Debug builds on a busy machine start slowly, and of a thousand at once most wait.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The folder of the binaries, if the tests run over them.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    // cargo runs a test in its package's folder
    let named = variable("OUTSCOUT_TEST_BINARIES")?;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(named);
    Some(folder.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", folder.display())))
}

/// How many invocations a process takes at once.
#[must_use]
pub fn at_once() -> usize {
    variable("OUTSCOUT_TEST_AT_ONCE").map_or(1, |text| text.parse().unwrap())
}

tokio::task_local! {
    /// Set while linked functions are invoked, whatever the tests run over.
    static LINKED: ();
}

/// Invokes the linked functions, whatever the tests run over.
pub async fn linked<T>(invocations: impl Future<Output = T>) -> T {
    LINKED.scope((), invocations).await
}

/// Whether the linked functions are to be invoked.
pub(crate) fn are_linked() -> bool {
    LINKED.try_with(|()| ()).is_ok()
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    std::env::var(name).ok()
}

/// The processes of one bench, started when they are first invoked. They end with it.
#[derive(Debug)]
pub(crate) struct Binaries {
    directory: PathBuf,
    variables: Vec<(String, String)>,
    running: OnceCell<(Lambda, watch::Sender<bool>)>,
    /// The processes that notes are made of.
    noted: Processes,
}

impl Binaries {
    /// The processes over these variables, if the tests run over binaries.
    pub(crate) fn over(variables: &[(String, String)], offset: &Offset) -> Option<Self> {
        let (directory, clock) = (folder()?, offset.file()?);
        let mut variables = variables.to_vec();
        variables.push(("OUTSCOUT_CLOCK_FILE".to_owned(), clock));
        let noted = Processes::of(&directory, &variables);
        Some(Self { directory, variables, running: OnceCell::new(), noted })
    }

    /// Processes with the same variables, which remember nothing.
    pub(crate) fn others(&self) -> Self {
        let (directory, variables) = (self.directory.clone(), self.variables.clone());
        let noted = Processes::of(&directory, &variables);
        Self { directory, variables, running: OnceCell::new(), noted }
    }

    pub(crate) async fn invoke(&self, function: &str, event: Bytes, notes: Option<&Notes>) -> Result<Reply, Failure> {
        let (lambda, _) = self.running.get_or_try_init(|| self.start()).await?;
        let invocation = lambda.invoker(function)(event);
        Ok(match notes {
            None => invocation.await?,
            Some(notes) => notes.invocation(&self.noted, function, invocation).await?,
        })
    }

    async fn start(&self) -> Result<(Lambda, watch::Sender<bool>), Failure> {
        let (stop, stopped) = watch::channel(false);
        let names = local::functions::ALL.iter().map(|function| function.name().to_owned());
        let options = lambda::Options {
            directory: self.directory.clone(),
            variables: self.variables.clone(),
            launcher: None,
            at_once: at_once(),
            time_limits: names.map(|name| (name, TIMEOUT)).collect(),
        };
        Ok((lambda::start(options, log().clone(), stopped).await?, stop))
    }
}

/// By how much a bench's clock is moved. Processes read it in a file.
#[derive(Clone, Debug)]
pub(crate) struct Offset(Arc<Moved>);

#[derive(Debug)]
struct Moved {
    milliseconds: Arc<AtomicI64>,
    file: Option<Mutex<PathBuf>>,
}

impl Offset {
    /// Not moved.
    pub(crate) fn new() -> Self {
        let file = std::env::temp_dir().join(format!("outscout-clock-{}", uuid::Uuid::new_v4()));
        Self(Arc::new(Moved { milliseconds: Arc::default(), file: folder().map(|_| Mutex::new(file)) }))
    }

    /// Where the functions of this process read it.
    pub(crate) fn shared(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.0.milliseconds)
    }

    /// Moves the clock forward.
    pub(crate) fn add(&self, milliseconds: i64) {
        let Some(file) = &self.0.file else {
            self.0.milliseconds.fetch_add(milliseconds, Ordering::SeqCst);
            return;
        };
        // one after another, so that the file is never older than what was added
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.milliseconds.fetch_add(milliseconds, Ordering::SeqCst) + milliseconds;
        let new = file.with_extension("new");
        std::fs::write(&new, now.to_string()).and_then(|()| std::fs::rename(&new, &*file)).unwrap();
    }

    fn file(&self) -> Option<String> {
        let file = self.0.file.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(file.to_string_lossy().into_owned())
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(&*file.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
