//! Two runs compared, one part of their snapshots at a time (outsend 15.4).

use super::{
    compared::{Change, Compared},
    signal::{CLOSED, NEW, SignalType, judged},
    snapshot::{Corrupt, Entry, read},
};

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// Its key is only there now.
    New,
    /// Its key was only there before.
    Closed,
    /// Its key is in both, and one of its values changed.
    Modified,
}

impl Bucket {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Closed => "closed",
            Self::Modified => "modified",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::New, Self::Closed, Self::Modified].into_iter().find(|known| known.as_str() == text)
    }
}

/// A row in one of two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Where the row is among the run's rows.
    pub position: u64,
    /// Its values.
    pub compared: Compared,
}

impl From<Entry> for Side {
    fn from(entry: Entry) -> Self {
        Self { position: entry.position, compared: entry.compared }
    }
}

/// A row that is new, closed or modified.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What became of it.
    pub bucket: Bucket,
    /// Its key.
    pub key: String,
    /// How much it matters, 1 to 100 (outsend 15.5).
    pub score: u8,
    /// What it says first of all.
    pub kind: SignalType,
    /// What changed, in the contract's order; nothing of a row that is new or closed.
    pub changes: Vec<Change>,
    /// The row as it was, unless it is new.
    pub before: Option<Side>,
    /// The row as it is, unless it is closed.
    pub after: Option<Side>,
}

/// How many rows there are of each (outsend 15.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Only there now.
    pub new: u64,
    /// Only there before.
    pub closed: u64,
    /// In both, and changed.
    pub modified: u64,
    /// In both, and the same.
    pub unchanged: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.closed += other.closed;
        self.modified += other.modified;
        self.unchanged += other.unchanged;
    }
}

/// What a part of two snapshots came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// How many rows there are of each.
    pub counts: Counts,
    /// What changed, by key.
    pub findings: Vec<Finding>,
}

/// Compares one part of two snapshots, each with its pieces in order. Whoever adds up all parts has compared the runs.
///
/// # Errors
/// When a piece is malformed.
pub fn compare(before: &[&[u8]], after: &[&[u8]]) -> Result<Found, Corrupt> {
    let mut before = read(before)?;
    let mut found = Found::default();
    for (key, now) in read(after)? {
        let Some(then) = before.remove(&key) else {
            found.counts.new += 1;
            found.findings.push(only(key, Bucket::New, now));
            continue;
        };
        let changes = then.compared.changes(&now.compared);
        if changes.is_empty() {
            found.counts.unchanged += 1;
            continue;
        }
        found.counts.modified += 1;
        let (score, kind) = judged(&then.compared, &now.compared, &changes);
        let (before, after) = (Some(then.into()), Some(now.into()));
        found.findings.push(Finding { bucket: Bucket::Modified, key, score, kind, changes, before, after });
    }
    for (key, then) in before {
        found.counts.closed += 1;
        found.findings.push(only(key, Bucket::Closed, then));
    }
    found.findings.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    Ok(found)
}

/// A row that only one of the runs has.
fn only(key: String, bucket: Bucket, entry: Entry) -> Finding {
    let side = Some(entry.into());
    let (score, kind, before, after) = match bucket {
        Bucket::Closed => (CLOSED, SignalType::Closed, side, None),
        _ => (NEW, SignalType::New, None, side),
    };
    Finding { bucket, key, score, kind, changes: Vec::new(), before, after }
}
