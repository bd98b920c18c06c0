//! What a process remembers, for a minute.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use shared::clock::epoch_millis;
use time::OffsetDateTime;
use tokio::sync::{Mutex as Turn, MutexGuard as Taken};

use crate::label::Label;

/// How long a label is remembered, in milliseconds: so long an organization counts for its former plan.
const KEPT_MS: i64 = 60_000;

/// How long the store is left alone after it did not answer, in milliseconds.
const REST_MS: i64 = 1_000;

/// Most labels that are remembered.
const MAX_LABELS: usize = 10_000;

/// Labels by the fingerprint of the credential, with the time of their end; `None` stands for a credential that is nobody's.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    labels: Mutex<HashMap<String, (Option<Label>, i64)>>,
    rests_until: AtomicI64,
    turns: [Turn<()>; 32],
}

impl Memory {
    fn labels(&self) -> MutexGuard<'_, HashMap<String, (Option<Label>, i64)>> {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The label of a credential that was met in the last minute.
    pub(crate) fn known(&self, fingerprint: &str, now: OffsetDateTime) -> Option<Option<Label>> {
        let labels = self.labels();
        let (label, end) = labels.get(fingerprint)?;
        (epoch_millis(now) < *end).then(|| label.clone())
    }

    pub(crate) fn keep(&self, fingerprint: String, label: Option<Label>, now: OffsetDateTime) {
        let mut labels = self.labels();
        let now = epoch_millis(now);
        if labels.len() >= MAX_LABELS {
            labels.retain(|_, (_, end)| now < *end);
        }
        if labels.len() >= MAX_LABELS {
            labels.clear();
        }
        labels.insert(fingerprint, (label, now + KEPT_MS));
    }

    /// The turn to look a credential up: of many requests with the same one that come at once, the first one does it.
    pub(crate) async fn turn(&self, fingerprint: &str) -> Option<Taken<'_, ()>> {
        let number =
            fingerprint.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        match self.turns.get(number % self.turns.len()) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }

    /// Whether the store is left alone, because it did not answer a moment ago.
    pub(crate) fn rests(&self, now: OffsetDateTime) -> bool {
        epoch_millis(now) < self.rests_until.load(Ordering::Relaxed)
    }

    pub(crate) fn rest(&self, now: OffsetDateTime) {
        self.rests_until.store(epoch_millis(now) + REST_MS, Ordering::Relaxed);
    }
}
