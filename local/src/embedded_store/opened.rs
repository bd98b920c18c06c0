//! An engine that was opened, and what follows from a write: who reads the streams hears of it, and it is on the disk
//! before anybody is answered.

use std::{
    fmt,
    fs::File,
    io,
    path::Path,
    sync::{
        Arc, Mutex as PlainMutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use dynoxide::Database;
use tokio::sync::{Mutex, watch};

use super::reads::Reads;
use crate::template::Table;

/// What is wrong with an engine's disk; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Whether there is some, so that who writes needs no lock.
    is_there: Arc<AtomicBool>,
    cause: Arc<PlainMutex<Option<String>>>,
    /// Where the engine's file is, if it has one.
    folder: Option<Arc<Path>>,
}

/// Bytes of room on a disk below which it is full for us: small writes may still find some in files that are there.
const LEAST_ROOM: u64 = 1_024 * 1_024;

impl Trouble {
    /// What the last write failed for, or that the disk is full; `None` when nothing is wrong.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cause.or_else(|| self.folder.as_deref().and_then(full))
    }

    /// Notes why a write failed.
    pub(super) fn note(&self, cause: String) {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        self.is_there.store(true, Ordering::SeqCst);
    }

    /// Notes that a write did not fail.
    pub(super) fn clear(&self) {
        if self.is_there.swap(false, Ordering::SeqCst) {
            *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// What is to be said of a folder whose disk is full.
fn full(folder: &Path) -> Option<String> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let left = found.f_bavail.saturating_mul(found.f_frsize);
    (left < LEAST_ROOM).then(|| format!("the disk of {} is full: make room", folder.display()))
}

tokio::task_local! {
    /// Whether something was written by work that waits for the disk at its end.
    static WROTE: Arc<AtomicBool>;
}

/// An engine; clones share it.
#[derive(Clone)]
pub struct Opened {
    /// Reads past the engine. They end before it does: the last connection that goes takes SQLite's log away, and these
    /// may not.
    pub(super) reads: Option<Arc<Reads>>,
    pub(super) database: Database,
    log: Option<Arc<Log>>,
    writes: Arc<watch::Sender<()>>,
    /// What is wrong with the disk.
    pub(super) trouble: Trouble,
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Opened").field("log", &self.log).finish_non_exhaustive()
    }
}

/// An engine in memory, or one whose file somebody else sees to.
impl From<Database> for Opened {
    fn from(database: Database) -> Self {
        let writes = Arc::new(watch::Sender::new(()));
        Self { database, reads: None, log: None, writes, trouble: Trouble::default() }
    }
}

impl Opened {
    /// The engine over `file`, which has `tables`. Its commits no longer wait for the disk one after another, with
    /// everybody else behind them: who is to be answered does, and one sync serves all who wait.
    pub(super) fn over(
        database: Database,
        file: &Path,
        tables: &[Table],
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        // the engine's one way to `synchronous = NORMAL`: SQLite still syncs its log before it writes the log back, so
        // that the file is whole whatever happens
        database.disable_bulk_loading()?;
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let log =
            Log { file: File::options().append(true).open(log)?, begun: AtomicU64::new(0), synced: Mutex::new(0) };
        let trouble = Trouble { folder: file.parent().map(Arc::from), ..Trouble::default() };
        let reads = Some(Arc::new(Reads::new(file, tables)));
        Ok(Self { reads, log: Some(Arc::new(log)), trouble, ..Self::from(database) })
    }

    /// Tells that something was written, and waits until it is on the disk, unless that is waited for later.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) async fn written(&self) -> io::Result<()> {
        self.writes.send_replace(());
        match WROTE.try_with(|wrote| wrote.store(true, Ordering::Relaxed)) {
            Ok(()) => Ok(()),
            Err(_) => self.synced().await,
        }
    }

    /// Waits until what was written so far is on the disk.
    async fn synced(&self) -> io::Result<()> {
        match &self.log {
            Some(log) => Arc::clone(log).synced().await,
            None => Ok(()),
        }
    }

    /// Says when something was written.
    pub(super) fn writes(&self) -> watch::Receiver<()> {
        self.writes.subscribe()
    }
}

/// Runs work whose outcome somebody is told: none of its writes waits for the disk, and then it waits once for all.
///
/// # Errors
/// When the disk does not take what it wrote.
pub(super) async fn told<T>(engines: impl Iterator<Item = &Opened>, work: impl Future<Output = T>) -> io::Result<T> {
    let wrote = Arc::new(AtomicBool::new(false));
    let outcome = WROTE.scope(Arc::clone(&wrote), work).await;
    if wrote.load(Ordering::Relaxed) {
        for engine in engines {
            engine.synced().await?;
        }
    }
    Ok(outcome)
}

/// SQLite's log of what is not yet in the file.
#[derive(Debug)]
struct Log {
    file: File,
    /// Writes that stand in the log.
    begun: AtomicU64,
    /// How many of them are on the disk for certain.
    synced: Mutex<u64>,
}

impl Log {
    /// Waits until what the caller wrote is on the disk. Of those who wait at a time one sees to it for all.
    async fn synced(self: Arc<Self>) -> io::Result<()> {
        let own = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let mut synced = self.synced.lock().await;
        if *synced >= own {
            return Ok(());
        }
        let all = self.begun.load(Ordering::SeqCst);
        let log = Arc::clone(&self);
        tokio::task::spawn_blocking(move || log.file.sync_data()).await??;
        *synced = all;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_sync_serves_all_who_wait() {
        let folder = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("store.db");
        let engine = Opened::over(Database::new(file.to_str().unwrap()).unwrap(), &file, &[]).unwrap();
        let mut writes = engine.writes();
        let log = engine.log.clone().unwrap();
        let held = log.synced.lock().await;
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                tokio::spawn({
                    let engine = engine.clone();
                    async move { engine.written().await }
                })
            })
            .collect();
        while log.begun.load(Ordering::SeqCst) < 5 {
            tokio::task::yield_now().await;
        }
        assert!(waiting.iter().all(|task| !task.is_finished()));
        drop(held);
        for task in waiting {
            task.await.unwrap().unwrap();
        }
        assert_eq!(*log.synced.lock().await, 5);
        assert!(writes.has_changed().unwrap());
        writes.mark_unchanged();
        let held = log.synced.lock().await;
        let work = told(std::iter::once(&engine), async { engine.written().await.unwrap() });
        let told = tokio::time::timeout(std::time::Duration::from_millis(50), work).await;
        assert!(told.is_err() && writes.has_changed().unwrap(), "it is told after the disk has it");
        drop(held);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_disk_without_room_is_told() {
        // the kernel's own file systems have none
        assert_eq!(full(Path::new("/proc")).as_deref(), Some("the disk of /proc is full: make room"));
        assert_eq!(full(&std::env::temp_dir()), None);
    }
}
