//! Pipelines and their runs (outsend 14).
//!
//! | item | sk | holds |
//! | --- | --- | --- |
//! | header | `PIPE` | name, number of runs, those that may be active, version |
//! | definition, its further parts | `DEF`, `DEF#PART` | the text as it was sent, compressed |
//! | run | `RUN#<number>` | state, and each node with its job; version |
//!
//! A run is written by whoever saw one of its jobs change, always over the version that was read. A child's job and its
//! node are one transaction, so that it is made once.

mod item;
mod life;
mod list;
mod removal;

pub(in crate::store) use item::{numbers, pipeline_item, read_numbers};
pub use life::{NodeCreation, RunCreation};
pub use removal::PipelineRemoval;
