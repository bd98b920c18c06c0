//! Jobs: the header that every transition is conditional on, and what hangs on it (outsend 7).
//!
//! | item | sk | holds |
//! | --- | --- | --- |
//! | header | `JOB` | state, counters, checkpoint, version |
//! | parameters | `PARAMS` | options, the input's and the output's columns |
//! | input rows | `IN#<first>` | a chunk of kept rows |
//! | text of an import | `TEXT#<part>` | compressed |
//! | result rows | `ROW#<first>` | a chunk of committed rows |
//! | log | `LOG#<first seq>` | lines of one commit |

mod deadlines;
mod item;
mod lanes;
mod lifecycle;
mod list;
mod log;
mod pack;
mod progress;
mod removal;
mod rows;

pub use item::JobParameters;
pub(in crate::store) use item::{job_item, job_pk, parameters_item, read_job, read_parameters};
pub use lanes::Admission;
pub use lifecycle::{Creation, Ending, NewJob};
pub use list::JobFilter;
pub(in crate::store) use list::every_collection;
pub use log::LogLine;
pub use progress::{Commit, Taken};
pub use removal::Removal;
pub use rows::{Chunks, PackedRows, StoredInput};
