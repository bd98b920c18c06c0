//! What was read from a stream and is not done yet: the checkpoint stands before the first of it.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::Checkpoints;

/// The records of one function that are under way. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Tracker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    function: String,
    checkpoints: Checkpoints,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Shard, sequence number, and whether it is done, in the order of reading.
    under_way: VecDeque<(String, String, bool)>,
    /// The ticket of the first of them.
    first: u64,
}

impl Tracker {
    pub(super) fn new(function: String, checkpoints: Checkpoints) -> Self {
        Self(Arc::new(Inner { function, checkpoints, state: Mutex::default() }))
    }

    /// The checkpoint of a shard.
    pub(super) fn reached(&self, shard: &str) -> Option<String> {
        self.0.checkpoints.reached(&self.0.function, shard)
    }

    /// Notes that a record was read; its ticket says when it is done.
    pub(super) fn begin(&self, shard: &str, number: &str) -> u64 {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.push_back((shard.to_owned(), number.to_owned(), false));
        state.first + state.under_way.len() as u64 - 1
    }

    /// Notes that records are done, and moves the checkpoint up to the first that is not.
    pub(super) fn finish(&self, tickets: &[u64]) -> io::Result<()> {
        self.done(tickets, false)
    }

    /// [`Self::finish`] of records that the function is not to get.
    pub(super) fn pass_over(&self, tickets: &[u64]) -> io::Result<()> {
        self.done(tickets, true)
    }

    fn done(&self, tickets: &[u64], nothing: bool) -> io::Result<()> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        for ticket in tickets {
            let position = ticket.checked_sub(state.first).and_then(|position| usize::try_from(position).ok());
            if let Some(record) = position.and_then(|position| state.under_way.get_mut(position)) {
                record.2 = true;
            }
        }
        let mut last = None;
        while state.under_way.front().is_some_and(|(_, _, done)| *done) {
            last = state.under_way.pop_front();
            state.first += 1;
        }
        match last {
            Some((shard, number, _)) => self.0.checkpoints.reach(&self.0.function, &shard, &number, nothing),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_waits_for_the_slowest() {
        let tracker = Tracker::new("work".to_owned(), Checkpoints::default());
        let tickets: Vec<_> = (1..=4).map(|number| tracker.begin("shard", &number.to_string())).collect();
        tracker.finish(&tickets[1..2]).unwrap();
        assert_eq!(tracker.reached("shard"), None);
        tracker.finish(&tickets[..1]).unwrap();
        assert_eq!(tracker.reached("shard").as_deref(), Some("2"));
        tracker.finish(&tickets[3..]).unwrap();
        assert_eq!(tracker.reached("shard").as_deref(), Some("2"));
        tracker.finish(&tickets[..3]).unwrap();
        assert_eq!(tracker.reached("shard").as_deref(), Some("4"));
        let next = tracker.begin("shard", "5");
        tracker.finish(&[next]).unwrap();
        assert_eq!(tracker.reached("shard").as_deref(), Some("5"));
    }
}
