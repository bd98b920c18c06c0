//! Veille: what changed between two runs (outsend 15.4, 15.5). No store and no clock.
//!
//! The rows of a run are sorted by their keys: a [`Sorter`] takes them in any order and gives away sorted parts of
//! bounded size, which are merged like the parts of any external sort. Two runs are then walked side by side, key by key,
//! and a [`Comparison`] says what became of each: memory depends on a few rows, and not on the run. What was found is a
//! row itself: the cells of its signal, what changed, and the row that it is about.

mod bucket;
mod compared;
mod comparison;
mod found;
mod key;
mod signal;
mod sorter;
#[cfg(test)]
mod tests;

pub use bucket::Bucket;
pub use compared::Change;
pub use comparison::{Comparison, Finding};
pub use found::{Filter, FoundRow, SIGNAL_COLUMNS, rank};
pub use key::MAX_KEY;
pub use signal::SignalType;
pub use sorter::{Sorter, keyed};
