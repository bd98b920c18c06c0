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
mod progress;
mod removal;
mod rows;

use serde_json::{Map, Value};

pub use lanes::Admission;
pub use lifecycle::{Creation, Ending, NewJob};
pub use list::JobFilter;
pub(in crate::store) use list::every_collection;
pub use progress::{Commit, LogLine, Taken};
pub use removal::Removal;
pub use rows::{Chunks, StoredInput};

/// A job's parameters: fixed at its creation, but for the columns of an import that reads its source first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobParameters {
    /// The module's options.
    pub options: Map<String, Value>,
    /// Columns of the input rows.
    pub input_columns: Vec<String>,
    /// Columns of the result rows (outsend 9.3).
    pub columns: Vec<String>,
}
