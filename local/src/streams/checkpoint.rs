//! How far each stream mapping has come, kept so that a killed system goes on where it was.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::private;

/// How often the file follows what functions had nothing to do with.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// Checkpoints of all mappings, in a file or, without one, in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    file: Option<PathBuf>,
    reached: Mutex<BTreeMap<String, String>>,
    /// When the file was last written.
    kept_at: Mutex<Option<Instant>>,
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
        Ok(Self(Arc::new(Inner { file: Some(file), reached: Mutex::new(reached), kept_at: Mutex::default() })))
    }

    /// The last sequence number that `function` is done with in `shard`.
    pub(super) fn reached(&self, function: &str, shard: &str) -> Option<String> {
        let reached = self.0.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.get(&key(function, shard)).cloned()
    }

    /// For each shard that all of `functions` read: the last sequence number that every one of them is done with.
    #[must_use]
    pub fn passed_by_all(&self, functions: &[String]) -> BTreeMap<String, String> {
        let reached = self.0.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let mut passed: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for (known, number) in reached.iter() {
            let Some((function, shard)) = known.split_once(' ') else { continue };
            if functions.iter().any(|name| name == function) {
                let entry = passed.entry(shard.to_owned()).or_insert_with(|| (0, number.clone()));
                entry.0 += 1;
                // numbers have the same length, so that texts are in their order
                if *number < entry.1 {
                    entry.1.clone_from(number);
                }
            }
        }
        let of_all = passed.into_iter().filter(|(_, (count, _))| *count == functions.len());
        of_all.map(|(shard, (_, number))| (shard, number)).collect()
    }

    /// Writes down that `function` is done with everything up to `number`. When it did `nothing` for it, the file may
    /// follow later: what is read again is passed over again.
    pub(super) fn reach(&self, function: &str, shard: &str, number: &str, nothing: bool) -> io::Result<()> {
        let mut reached = self.0.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.insert(key(function, shard), number.to_owned());
        let Some(file) = &self.0.file else { return Ok(()) };
        let mut kept_at = self.0.kept_at.lock().unwrap_or_else(PoisonError::into_inner);
        if nothing && kept_at.is_some_and(|at| at.elapsed() < KEPT_EVERY) {
            return Ok(());
        }
        // a whole file takes the old one's place: a kill leaves one or the other
        private::write(file, &serde_json::to_vec(&*reached)?)?;
        *kept_at = Some(Instant::now());
        Ok(())
    }
}

fn key(function: &str, shard: &str) -> String {
    format!("{function} {shard}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_passed_as_far_as_its_slowest_reader() {
        let checkpoints = Checkpoints::default();
        let functions = ["work".to_owned(), "reactor".to_owned()];
        checkpoints.reach("work", "shard", "103", false).unwrap();
        assert!(checkpoints.passed_by_all(&functions).is_empty());
        checkpoints.reach("reactor", "shard", "101", false).unwrap();
        checkpoints.reach("reactor", "other", "109", false).unwrap();
        assert_eq!(checkpoints.passed_by_all(&functions), BTreeMap::from([("shard".to_owned(), "101".to_owned())]));
    }
}
