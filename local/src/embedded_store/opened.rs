//! An engine that was opened, and what follows from a write: it is on the disk before it is answered, and who reads the
//! streams hears of it.

use std::{
    fmt,
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use dynoxide::Database;
use tokio::sync::{Mutex, watch};

/// An engine; clones share it.
#[derive(Clone)]
pub struct Opened {
    pub(super) database: Database,
    log: Option<Arc<Log>>,
    writes: Arc<watch::Sender<()>>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Opened").field("log", &self.log).finish_non_exhaustive()
    }
}

/// An engine in memory, or one whose file somebody else sees to.
impl From<Database> for Opened {
    fn from(database: Database) -> Self {
        Self { database, log: None, writes: Arc::new(watch::Sender::new(())) }
    }
}

impl Opened {
    /// The engine over `file`. Its commits no longer wait for the disk one after another, with everybody else behind
    /// them: [`Opened::written`] does, for all that are under way at once.
    pub(super) fn over(database: Database, file: &Path) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        // the engine's one way to `synchronous = NORMAL`: SQLite still syncs its log before it writes the log back, so
        // that the file is whole whatever happens
        database.disable_bulk_loading()?;
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let log =
            Log { file: File::options().append(true).open(log)?, begun: AtomicU64::new(0), synced: Mutex::new(0) };
        Ok(Self { log: Some(Arc::new(log)), ..Self::from(database) })
    }

    /// Tells that something was written, and waits until it is on the disk.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(super) async fn written(&self) -> io::Result<()> {
        self.writes.send_replace(());
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
        let engine = Opened::over(Database::new(file.to_str().unwrap()).unwrap(), &file).unwrap();
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
        std::fs::remove_dir_all(folder).unwrap();
    }
}
