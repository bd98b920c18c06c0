//! Veille: what changed between two runs (outsend 15.4, 15.5). No store and no clock.
//!
//! A snapshot is the keys of a run's rows with the four values that are compared, in [`BUCKETS`] parts by the key's
//! digest. Rows come in any order: a [`Builder`] takes them one by one and gives away [`Piece`]s of bounded size, which
//! are stored as they are, so that a slice of a run can end behind any row. Two runs are then compared part by part,
//! each by itself, since equal keys are in equal parts: memory and the length of a slice depend on one part, and not
//! on the run. The rows themselves stay where they are; a snapshot names their positions.

mod compared;
mod diff;
mod key;
mod ranking;
mod rows;
mod signal;
mod snapshot;
#[cfg(test)]
mod tests;

pub use compared::{Change, Compared, ComparedColumns, Contact};
pub use diff::{Bucket, Counts, Finding, Found, Side, compare};
pub use key::{Keys, MAX_KEY};
pub use ranking::{Filter, Mark, Ranking};
pub use rows::{FactColumns, SIGNAL_COLUMNS};
pub use signal::SignalType;
pub use snapshot::{BUCKETS, Builder, Corrupt, Piece};
