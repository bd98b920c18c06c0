//! How far each stream mapping has come, kept so that a killed system goes on where it was.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::private;

/// Checkpoints of all mappings, in a file or, without one, in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    file: Option<PathBuf>,
    reached: Mutex<BTreeMap<String, String>>,
}

impl Checkpoints {
    /// The checkpoints that `file` holds; none when there is no file yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(file: PathBuf) -> io::Result<Self> {
        let reached = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self(Arc::new(Inner { file: Some(file), reached: Mutex::new(reached) })))
    }

    /// The last sequence number that `function` is done with in `shard`.
    pub(super) fn reached(&self, function: &str, shard: &str) -> Option<String> {
        let reached = self.0.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.get(&key(function, shard)).cloned()
    }

    /// Writes down that `function` is done with everything up to `number`.
    pub(super) fn reach(&self, function: &str, shard: &str, number: &str) -> io::Result<()> {
        let mut reached = self.0.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.insert(key(function, shard), number.to_owned());
        let Some(file) = &self.0.file else { return Ok(()) };
        // a whole file takes the old one's place: a kill leaves one or the other
        private::write(file, &serde_json::to_vec(&*reached)?)
    }
}

fn key(function: &str, shard: &str) -> String {
    format!("{function} {shard}")
}
