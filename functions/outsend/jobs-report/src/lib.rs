//! `GET /api/jobs/{id}/report`: the report of a placement check; no other job has one (outsend 12.16).

use serde_json::{Value, json};
use shared::{
    http::Response,
    model::{Job, JobStatus, Module},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        jobs::{NamedJob, named},
        messages::Detail,
        request_context::RequestContext,
    },
    store::JobParameters,
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedJob> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, named, |cx, caller, job| Box::pin(report(cx, caller, job)));

async fn report(cx: &RequestContext, caller: Caller, job: NamedJob) -> Result<Response, Problem> {
    let job = job.owned_by(&caller)?;
    if job.module != Module::DeliveryCheck {
        return Err(Detail::NoFile.into());
    }
    if job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    let parameters = cx.context.store().job_parameters(job.id).await?.ok_or(Detail::NoJob)?;
    Ok(json_answer(200, &told(&job, &parameters)))
}

/// What is known of the mailboxes by now.
fn told(job: &Job, parameters: &JobParameters) -> Value {
    let of = |name: &str| parameters.columns.iter().position(|column| column == name);
    let (status, placement) = (of("status"), of("placement"));
    let count = |place: Option<usize>, is: fn(&str) -> bool| {
        let cell = |row: &[Value]| place.and_then(|place| row.get(place)?.as_str()).is_some_and(is);
        job.seen.iter().filter(|seen| cell(&seen.row)).count()
    };
    let rows = job.seen.iter().map(|seen| {
        let cells = parameters.columns.iter().cloned().zip(seen.row.iter().cloned());
        cells.collect::<Value>()
    });
    json!({
        "job_id": job.id.to_string(),
        "domain": parameters.options.get("domain"),
        "received": count(status, |status| status == "received"),
        "total": job.seen.len(),
        "inbox": count(placement, |placement| placement.starts_with("Inbox")),
        "spam": count(placement, |placement| placement == "Spam"),
        "pending": count(status, str::is_empty),
        "seeds": rows.collect::<Vec<_>>(),
    })
}
