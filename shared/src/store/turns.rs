//! Turns: the tasks of one process that change the same entity go one after another, since each would only find itself
//! overtaken by another. Between processes the conditions of the writes decide alone.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use tokio::sync::{Mutex, MutexGuard};

/// Entities that can be changed at a time; two of them may share a place.
const PLACES: usize = 64;

/// The turns of a process; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<[Mutex<()>]>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

/// A task's turn, which ends when it is dropped.
pub(super) struct Turn<'a> {
    /// Whether somebody else's came before it, so that what was read earlier is likely old.
    pub(super) waited: bool,
    _held: Option<MutexGuard<'a, ()>>,
}

impl Turns {
    /// Waits for a turn at the entity with this partition key.
    pub(super) async fn take(&self, pk: &str) -> Turn<'_> {
        let mut hasher = DefaultHasher::new();
        pk.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % PLACES as u64).unwrap_or(0);
        let Some(place) = self.0.get(place) else { return Turn { waited: false, _held: None } };
        match place.try_lock() {
            Ok(held) => Turn { waited: false, _held: Some(held) },
            Err(_) => Turn { waited: true, _held: Some(place.lock().await) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_after_another_at_one_entity() {
        let turns = Turns::default();
        let first = turns.take("STUDY#1").await;
        assert!(!first.waited);
        let second = turns.clone();
        let second = tokio::spawn(async move { second.take("STUDY#1").await.waited });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap());
    }
}
