//! The rows that a job can use of another job's results (outsend 8.3).

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::{
    BoxFuture,
    model::{Job, JobStatus, Module, Planner},
    outsend::{messages::Detail, refusal::Refusal},
    store::{PackedRows, Store},
};

/// Most rows of a request, and of a source that is read for one.
pub const MAX_ITEMS: usize = 10_000;

/// What is left of rows when those that a module cannot use are dropped.
#[derive(Debug, Default)]
pub struct Usable {
    /// The rows.
    pub rows: PackedRows,
    /// How many were dropped.
    pub ignored: u64,
    /// How many have what the module looks for already (outsend 12.4).
    pub answered: u64,
    /// Columns of the rows.
    pub input_columns: Vec<String>,
    /// Columns of the rows that the module makes of them (outsend 9.3).
    pub columns: Vec<String>,
}

/// Weight of an item of emails in deep mode that has no address yet (outsend 12.0).
const DEEP_WEIGHT: u64 = 3;

impl Usable {
    /// Planned requests of a job over these rows (outsend 12.0).
    #[must_use]
    pub const fn charge(&self, weight: u64, deep: bool) -> u64 {
        match deep {
            // what has an address is taken over
            true => self.rows.len().saturating_sub(self.answered).saturating_mul(DEEP_WEIGHT),
            false => self.rows.len().saturating_mul(weight),
        }
    }
}

/// Refuses a source that has not ended, or whose rows are gone.
pub(super) fn check_source(source: &Job, now: OffsetDateTime) -> Result<(), Detail> {
    match source.status_at(now) {
        JobStatus::Pending | JobStatus::Running => Err(Detail::SourceNotDone),
        JobStatus::Expired => Err(Detail::SourceExpired),
        JobStatus::Done | JobStatus::Failed | JobStatus::Cancelled => Ok(()),
    }
}

/// The rows of a job that has ended, as far as a module can use them.
///
/// # Errors
/// When the source has not ended, its rows are gone, or too many of them are usable; when the store fails.
pub fn usable_rows<'a>(
    store: &'a Store,
    planner: &'a dyn Planner,
    (module, options): (Module, &'a Map<String, Value>),
    source: &'a Job,
    now: OffsetDateTime,
) -> BoxFuture<'a, Result<Usable, Refusal>> {
    Box::pin(async move {
        check_source(source, now)?;
        let parameters = store.job_parameters(source.id).await?.ok_or(Detail::SourceExpired)?;
        let mut intake = planner.intake(module, &parameters.columns);
        let chunks = store.results(source.id);
        let (mut rows, mut position, mut usable) = (PackedRows::default(), 0, 0);
        while position < source.results {
            let chunk = chunks.from(position).await?;
            if chunk.is_empty() {
                return Err(Detail::SourceExpired.into());
            }
            position += chunk.len() as u64;
            for row in chunk.into_iter().flat_map(|row| intake.take(row)) {
                usable += 1;
                // what is over the limit is counted and not kept
                if usable <= MAX_ITEMS {
                    rows.push(&row)?;
                }
            }
        }
        if usable > MAX_ITEMS {
            return Err(Detail::TooManyRows(usable).into());
        }
        let input_columns = intake.columns().to_vec();
        let columns = planner.output(module, options, &input_columns);
        Ok(Usable { rows, ignored: intake.ignored(), answered: intake.answered(), input_columns, columns })
    })
}
