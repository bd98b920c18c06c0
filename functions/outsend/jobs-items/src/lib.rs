//! `GET /api/jobs/{id}/items`: a job's rows so far (outsend 8.1).

use serde::Serialize;
use serde_json::{Map, Value};

use shared::{
    http::Response,
    model::JobStatus,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::Paging,
        jobs::{NamedJob, named},
        messages::Detail,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, job| Box::pin(list(cx, caller, job)));

#[derive(Serialize)]
struct Items {
    /// Each row has every column of the job.
    items: Vec<Map<String, Value>>,
    total: u64,
    limit: u32,
    offset: u64,
}

async fn list(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    let job = job.owned_by(&caller)?;
    if job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    let mut faults = Vec::new();
    let Paging { limit, offset } = Paging::read(&cx.request.query, 1_000, 100, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    let store = cx.context.store();
    let (rows, parameters) = futures_util::future::join(
        store.result_rows(job.id, job.results, offset, limit as usize),
        store.job_parameters(job.id),
    )
    .await;
    let columns = parameters?.ok_or(Detail::NoJob)?.columns;
    let items = rows?.into_iter().map(|row| columns.iter().cloned().zip(row).collect()).collect();
    Ok(json_answer(200, &Items { items, total: job.results, limit, offset }))
}
