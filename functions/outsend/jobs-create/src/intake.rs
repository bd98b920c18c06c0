//! The rows that a module can use, from a request or from another job (outsend 8.3).

use engine::columns::{Intake, output};

use shared::{
    model::{Job, JobStatus, Module},
    outsend::{envelope::Problem, messages::Detail, request_context::RequestContext},
    store::PackedRows,
};

use crate::table::{MAX_ITEMS, Table};

/// What is left of rows when those that a module cannot use are dropped.
pub(crate) struct Usable {
    /// The rows.
    pub(crate) rows: PackedRows,
    /// How many were dropped.
    pub(crate) ignored: u64,
    /// Columns of the rows.
    pub(crate) input_columns: Vec<String>,
    /// Columns of the rows that the module makes of them (outsend 9.3).
    pub(crate) columns: Vec<String>,
}

impl Usable {
    fn new(module: Module, intake: &Intake, rows: PackedRows) -> Self {
        let input_columns = intake.columns().to_vec();
        let columns = output(module, &input_columns);
        Self { rows, ignored: intake.ignored(), input_columns, columns }
    }

    /// The usable rows of a request.
    pub(crate) fn of_table(module: Module, table: &Table<'_>) -> Result<Self, Problem> {
        let mut intake = Intake::new(module, &table.columns);
        let mut rows = PackedRows::default();
        for row in table.rows() {
            if let Some(row) = intake.take(row?) {
                rows.push(&row)?;
            }
        }
        Ok(Self::new(module, &intake, rows))
    }

    /// The usable rows of a job's results.
    pub(crate) async fn of_source(cx: &RequestContext, module: Module, source: &Job) -> Result<Self, Problem> {
        match source.status_at(cx.now) {
            JobStatus::Pending | JobStatus::Running => return Err(Detail::SourceNotDone.into()),
            JobStatus::Expired => return Err(Detail::SourceExpired.into()),
            JobStatus::Done | JobStatus::Failed | JobStatus::Cancelled => {}
        }
        let store = cx.context.store();
        let parameters = store.job_parameters(source.id).await?.ok_or(Detail::SourceExpired)?;
        let mut intake = Intake::new(module, &parameters.columns);
        let chunks = store.results(source.id);
        let (mut rows, mut position, mut usable) = (PackedRows::default(), 0, 0);
        while position < source.results {
            let chunk = chunks.from(position).await?;
            if chunk.is_empty() {
                return Err(Detail::SourceExpired.into());
            }
            position += chunk.len() as u64;
            for row in chunk.into_iter().filter_map(|row| intake.take(row)) {
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
        Ok(Self::new(module, &intake, rows))
    }
}
