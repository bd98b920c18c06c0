//! What a process remembers of the batches that it met, so that most of them need no read.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use crate::model::{IngestedStream, TestSessionId};

/// Ids that a process remembers at most, over all sessions: up to 80 MB. Where more are sent to one process at a time
/// than this, streams are read again and again.
const MAX_REMEMBERED: usize = 4_000_000;
/// What a stream weighs beside its ids.
const STREAM: usize = 64;

/// What tells an item from others, as a process remembers it: the id that a client gave it, or all that is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemId(u64);

impl ItemId {
    /// Of this id, or of an item's text.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self(hash(id))
    }
}

/// Where an item stands in its batch's text, and its id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ingested {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) id: ItemId,
    /// Whether the client gave it the id: of those that it did not name, two in one batch are two.
    pub(super) named: bool,
}

/// A session's stream.
pub(super) type Key = (TestSessionId, IngestedStream);

/// Ids are hashes already.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // not reached: an id writes a number
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type Ids = HashSet<ItemId, BuildHasherDefault<AsItIs>>;

pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// What is remembered of a batch beside its ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batch {
    /// The hash of its name, if its request can come again.
    pub(super) called: Option<u64>,
    /// How many of its items were there already.
    pub(super) duplicates: u32,
}

/// What a process knows of the batches of a session's stream.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Number of the next batch.
    pub(super) next: u32,
    /// Whether `ids` and `batches` have those of all batches before.
    pub(super) complete: bool,
    ids: Ids,
    /// Batches whose request can come again, with their duplicates.
    pub(super) batches: HashMap<u64, u32>,
    /// When it was looked at last.
    used: u64,
}

impl Known {
    /// The items that are not there yet, each id that a client gave once.
    pub(super) fn fresh(&self, items: &[Ingested]) -> Vec<Ingested> {
        let mut seen = Ids::with_capacity_and_hasher(items.len(), BuildHasherDefault::default());
        let mut new = |item: &Ingested| !self.ids.contains(&item.id) && (!item.named || seen.insert(item.id));
        items.iter().filter(|item| new(item)).copied().collect()
    }

    /// Notes that a batch is there.
    pub(super) fn note(&mut self, number: u32, ids: impl Iterator<Item = ItemId>, batch: Batch) {
        self.next = self.next.max(number + 1);
        self.ids.extend(ids);
        self.batches.extend(batch.called.map(|called| (called, batch.duplicates)));
    }

    /// Notes a batch of so many stored items, unless it is known already, or what lies before it was forgotten: then it
    /// will be read together with that.
    pub(super) fn take(&mut self, number: u32, count: u32, ids: impl Iterator<Item = ItemId>, batch: Batch) {
        if number == self.next && count > 0 {
            self.note(number + count - 1, ids, batch);
        }
    }

    fn weight(&self) -> usize {
        STREAM + self.ids.len() + self.batches.len()
    }
}

/// What a process knows of the batches that it met, of the streams that it met last.
#[derive(Debug)]
pub(in super::super) struct IngestedMemory {
    known: Mutex<Streams>,
    most: usize,
}

#[derive(Debug, Default)]
struct Streams {
    streams: HashMap<Key, Known>,
    /// The streams by the time at which each was looked at last.
    order: BTreeMap<u64, Key>,
    weight: usize,
    time: u64,
}

impl Default for IngestedMemory {
    fn default() -> Self {
        Self::of(MAX_REMEMBERED)
    }
}

impl IngestedMemory {
    fn of(most: usize) -> Self {
        Self { known: Mutex::default(), most }
    }

    /// Looks at what is known of a stream. When all streams together weigh too much, those that were not looked at for
    /// longest are forgotten.
    pub(super) fn with<T>(&self, key: Key, look: impl FnOnce(&mut Known) -> T) -> T {
        let mut streams = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = &mut *streams;
        let mut known = streams.streams.remove(&key);
        if let Some(known) = &known {
            streams.weight -= known.weight();
            streams.order.remove(&known.used);
        }
        let mut known = known.take().unwrap_or_default();
        let looked = look(&mut known);
        streams.time += 1;
        known.used = streams.time;
        streams.weight += known.weight();
        streams.order.insert(known.used, key);
        streams.streams.insert(key, known);
        while streams.weight > self.most && streams.order.len() > 1 {
            let Some((_, oldest)) = streams.order.pop_first() else { break };
            streams.weight -= streams.streams.remove(&oldest).map_or(0, |known| known.weight());
        }
        looked
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stream_that_was_not_looked_at_for_longest_is_forgotten() {
        let memory = IngestedMemory::of(3 * STREAM + 30);
        let key = |number: u128| (TestSessionId::from_uuid(uuid::Uuid::from_u128(number)), IngestedStream::Events);
        let add = |stream: u128, ids: u64| {
            memory.with(key(stream), |known| known.take(known.next, 1, (0..ids).map(ItemId), Batch::default()));
        };
        let next = |stream: u128| memory.with(key(stream), |known| known.next);
        add(1, 10);
        add(2, 10);
        add(3, 10);
        assert_eq!([next(1), next(3), next(2)], [1, 1, 1], "just what fits");
        add(4, 1);
        assert_eq!([next(4), next(2), next(3)], [1, 1, 1]);
        assert_eq!(next(1), 0, "the first was looked at before the others");
        // one that is too large for all goes alone
        add(5, 1_000);
        assert_eq!(next(5), 1);
        let streams = memory.known.lock().unwrap();
        assert_eq!((streams.streams.len(), streams.order.len(), streams.weight), (1, 1, STREAM + 1_000));
    }

    proptest! {
        #[test]
        fn what_is_weighed_is_what_is_there(looks in proptest::collection::vec((0_u128..6, 0_u64..40), 0..60)) {
            let memory = IngestedMemory::of(4 * STREAM);
            for (stream, id) in looks {
                let key = (TestSessionId::from_uuid(uuid::Uuid::from_u128(stream)), IngestedStream::Voice);
                memory.with(key, |known| known.take(known.next, 1, std::iter::once(ItemId(id)), Batch::default()));
                let streams = memory.known.lock().unwrap();
                prop_assert_eq!(streams.weight, streams.streams.values().map(Known::weight).sum::<usize>());
                prop_assert_eq!(streams.streams.len(), streams.order.len());
                prop_assert!(streams.weight <= 4 * STREAM && streams.streams.contains_key(&key));
            }
        }
    }
}
