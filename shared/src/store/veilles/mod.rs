//! Veilles and their runs (outsend 15).
//!
//! | item | sk | holds |
//! | --- | --- | --- |
//! | header | `VEILLE` | name, source, schedule, counts, version |
//! | template | `TEMPLATE` | of a search for places: its parameters |
//! | run | `RUN#<number>` | state, counts, how far the comparison is; version |
//! | columns of a run's rows | `COLUMNS#<number>` | their names and the type of their job |
//! | rows | `DATA#<run>#<series>#<first>` | a chunk of a series of a run: its snapshot, what it found, what is on the way |
//!
//! A veille that is to run stands in one of a few lists, ordered by when it is due: the head of a list is found whatever
//! stands behind it. A slot is claimed by the header's version.

mod claim;
mod item;
mod life;
mod removal;
mod runs;
mod series;

pub use claim::{Claim, DueVeille};
pub use life::{NewVeille, Template, VeilleCreation};
pub use runs::{RunPage, VeilleAndRun};
pub use series::{RunTable, Series};
