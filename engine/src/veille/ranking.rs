//! The order of signals, and which of them are asked for (outsend 15.2, 15.5).

use std::cmp::Reverse;

use super::{
    diff::{Bucket, Finding},
    signal::SignalType,
};

/// What the signals of a run are narrowed to (outsend 15.2).
#[derive(Clone, Debug)]
pub struct Filter {
    /// What became of the row; `None` means all.
    pub bucket: Option<Bucket>,
    /// Types; an empty list means any.
    pub kinds: Vec<SignalType>,
    /// The least score.
    pub min_score: u8,
}

impl Default for Filter {
    fn default() -> Self {
        Self { bucket: Some(Bucket::Modified), kinds: Vec::new(), min_score: 0 }
    }
}

impl Filter {
    /// Whether a signal is asked for.
    #[must_use]
    pub fn holds(&self, mark: &Mark) -> bool {
        self.bucket.is_none_or(|bucket| bucket == mark.bucket)
            && (self.kinds.is_empty() || self.kinds.contains(&mark.kind))
            && mark.score >= self.min_score
    }
}

/// What a signal is ranked and found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What became of the row.
    pub bucket: Bucket,
    /// Its type.
    pub kind: SignalType,
    /// Its score.
    pub score: u8,
    /// The row's key.
    pub key: String,
    /// The part of the snapshots that it was found in.
    pub part: u8,
    /// Its place among that part's findings.
    pub place: usize,
}

/// All signals of a run by rank. It keeps their keys, each of at most [`MAX_KEY`](super::MAX_KEY) bytes, and no row.
#[derive(Debug, Default)]
pub struct Ranking(Vec<Mark>);

impl Ranking {
    /// Takes the findings of a part.
    pub fn add(&mut self, part: u8, findings: &[Finding]) {
        self.0.extend(findings.iter().enumerate().map(|(place, finding)| Mark {
            bucket: finding.bucket,
            kind: finding.kind,
            score: finding.score,
            key: finding.key.clone(),
            part,
            place,
        }));
    }

    /// The signals that are asked for: the highest score first, then by key.
    #[must_use]
    pub fn ranked(mut self, filter: &Filter) -> Vec<Mark> {
        self.0.retain(|mark| filter.holds(mark));
        self.0.sort_unstable_by(|one, other| (Reverse(one.score), &one.key).cmp(&(Reverse(other.score), &other.key)));
        self.0
    }
}
