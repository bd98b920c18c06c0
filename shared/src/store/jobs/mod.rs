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
mod rows;

use serde_json::{Map, Value};

pub use lanes::Admission;
pub use lifecycle::{Creation, Ending, NewJob};
pub use list::JobFilter;
pub(in crate::store) use list::every_collection;
pub use progress::{Commit, LogLine, Taken};
pub use rows::{Chunks, StoredInput};

/// Rules of the platform that jobs stand under (outsend 18.3).
#[derive(Clone, Debug)]
pub struct JobRules {
    /// How long a job may take before it fails.
    pub lifetime: time::Duration,
    /// How long rows are kept after a job's end.
    pub retention: time::Duration,
    /// Jobs of the serial lane that run at a time.
    pub serial_width: usize,
    /// Jobs of the parallel lane that run at a time.
    pub parallel_slots: usize,
    /// Running jobs of a user, over both lanes.
    pub running_of_user: usize,
    /// Most planned requests of a job.
    pub job_ceiling: u64,
    /// Planned requests a month on the free plan; `None` means no quota.
    pub quota_free: Option<u64>,
    /// The same on the pro plan.
    pub quota_pro: Option<u64>,
}

impl Default for JobRules {
    fn default() -> Self {
        Self {
            lifetime: time::Duration::days(30),
            retention: time::Duration::days(7),
            serial_width: 1,
            parallel_slots: 6,
            running_of_user: 5,
            job_ceiling: 10_000,
            quota_free: Some(100_000),
            quota_pro: Some(1_000_000),
        }
    }
}

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
