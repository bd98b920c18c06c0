//! Jobs on the wire (outsend 7, 8).

mod create;
mod download;
mod events;
mod resume;

use engine::Module;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

pub use create::{create_scrap, create_typed};
pub use download::download;
pub use events::stream;
pub use resume::resume;

use super::{
    account::timestamp,
    auth::Gates,
    call::{Call, answer},
    envelope::{Problem, json_answer},
    fields::{Paging, object},
    text::{Detail, Fault},
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{Job, JobId, JobStatus, UserId},
    serve::BoxFuture,
    store::{Ending, JobFilter},
};

/// EF of a number of planned requests: ten-thousandths, rounded half up to 3 decimals (outsend 2.2, 18.2).
pub(super) fn ef(requests: u64) -> f64 {
    let thousandths = (requests + 5) / 10;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let thousandths = thousandths as f64;
    thousandths / 1_000.0
}

/// JobPublic (outsend 7.1).
pub(super) fn job_object(job: &Job, now: OffsetDateTime) -> Value {
    let file = job.has_file(now);
    let mut breakdown = Map::new();
    if job.module == Module::Scrap {
        breakdown.insert("by_query".to_owned(), json!({}));
        breakdown.insert("by_zone".to_owned(), json!({}));
    } else {
        breakdown.insert("ignored".to_owned(), json!(job.ignored));
    }
    breakdown.extend(job.breakdown.clone());
    json!({
        "id": job.id.to_string(),
        "job_type": job.module.as_str(),
        "queries": [],
        "zones": [],
        "include_reviews": false,
        "status": job.status_at(now).as_str(),
        "grid_points_count": job.planned.unwrap_or(0),
        "processed_points": job.processed,
        "results_count": job.results,
        "error_count": job.errors,
        "ef_cost": ef(job.charged),
        "created_at": timestamp(job.created_at),
        "started_at": job.started_at.map(timestamp),
        "completed_at": job.completed_at.map(timestamp),
        "expires_at": timestamp(job.expires_at),
        "error_message": job.error_message,
        "output_filename": file.then(|| format!("{}_{}.csv", job.module.as_str(), job.id)),
        "download_available": file,
        "source_job_id": job.source.map(|id| id.to_string()),
        "pipeline_id": null,
        "email_mode": null,
        "breakdown": breakdown,
        "dead_queries": [],
        "flagged_tiles_count": 0,
        "total_attempts_count": job.attempts,
        "query_stats": {},
    })
}

/// The job that the path names, in the segment after `jobs`; malformed like unknown (outsend 2.2).
fn named(call: &Call) -> Option<JobId> {
    call.request.path.split('/').nth(3).and_then(JobId::parse)
}

/// The caller's job that the path names. In a process that knows the caller, both are read at once.
async fn owned(call: &Call, gates: Gates) -> Result<(UserId, Result<Job, Detail>), Problem> {
    let read = async {
        match named(call) {
            Some(id) => call.context.store().any_job(id).await,
            None => Ok(None),
        }
    };
    let (caller, job) = futures_util::future::join(call.caller(gates, None), read).await;
    let user = caller?.account.user.id;
    Ok((user, job?.filter(|job| job.user == user).ok_or(Detail::NoJob)))
}

/// `GET /api/jobs/{id}`
#[must_use]
pub fn get_job(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(get_now(call)))
}

async fn get_now(call: &Call) -> Result<Answer, Problem> {
    let (_, job) = owned(call, Gates::default()).await?;
    Ok(json_answer(200, &job_object(&job?, call.now)))
}

/// `GET /api/jobs`
#[must_use]
pub fn list_jobs(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(list_now(call)))
}

/// The values of a filter that may be repeated, or listed with commas.
fn values<T>(call: &Call, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let given = call.request.query.pairs().iter().filter(|(known, _)| known == name);
    given.flat_map(|(_, value)| value.split(',')).map(|value| parse(value.trim())).collect()
}

fn filter(call: &Call) -> Result<(JobFilter, Paging), Problem> {
    let mut faults = Vec::new();
    let paging = Paging::read(&call.request.query, 500, 50, &mut faults);
    let statuses = values(call, "status", JobStatus::parse).unwrap_or_else(|| {
        faults.push(("status".to_owned(), Fault::OneOf("pending, running, done, failed, cancelled, expired")));
        Vec::new()
    });
    let modules = values(call, "type", Module::parse_either).unwrap_or_else(|| {
        faults.push(("type".to_owned(), Fault::Format));
        Vec::new()
    });
    if faults.is_empty() { Ok((JobFilter { statuses, modules }, paging)) } else { Err(Problem::Invalid(faults)) }
}

async fn list_now(call: &Call) -> Result<Answer, Problem> {
    let store = call.context.store();
    let asked = filter(call);
    let early = async {
        match (super::auth::known_user(call), &asked) {
            (Some(user), Ok((filter, paging))) => store
                .jobs_page(user, filter, (paging.offset, paging.limit), call.now)
                .await
                .map(|page| Some((user, page))),
            _ => Ok(None),
        }
    };
    let (caller, early) = futures_util::future::join(call.caller(Gates::default(), None), early).await;
    let user = caller?.account.user.id;
    let (filter, paging) = asked?;
    let page = match early? {
        Some((known, page)) if known == user => page,
        _ => store.jobs_page(user, &filter, (paging.offset, paging.limit), call.now).await?,
    };
    let jobs: Vec<_> = page.iter().map(|job| job_object(job, call.now)).collect();
    Ok(json_answer(200, &Value::Array(jobs)))
}

/// `GET /api/jobs/{id}/items`
#[must_use]
pub fn list_items(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(items_now(call)))
}

async fn items_now(call: &Call) -> Result<Answer, Problem> {
    let (_, job) = owned(call, Gates::default()).await?;
    let job = job?;
    let mut faults = Vec::new();
    let paging = Paging::read(&call.request.query, 1_000, 100, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    if job.status_at(call.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    let store = call.context.store();
    let (rows, parameters) = futures_util::future::join(
        store.result_rows(job.id, job.results, paging.offset, paging.limit as usize),
        store.job_parameters(job.id),
    )
    .await;
    let columns = parameters?.ok_or(Detail::NoJob)?.columns;
    let rows: Vec<Value> =
        rows?.into_iter().map(|row| Value::Object(columns.iter().cloned().zip(row).collect())).collect();
    Ok(json_answer(200, &json!({"items": rows, "total": job.results, "limit": paging.limit, "offset": paging.offset})))
}

/// `GET /api/jobs/{id}/report`: only placement checks have one (outsend 12.16).
#[must_use]
pub fn report(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(report_now(call)))
}

async fn report_now(call: &Call) -> Result<Answer, Problem> {
    let (_, job) = owned(call, Gates::default()).await?;
    let job = job?;
    // no placement check can have been created as long as the module is not available
    if job.module == Module::DeliveryCheck && job.status_at(call.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    Err(Detail::NoFile.into())
}

/// `POST /api/jobs/{id}/cancel`
#[must_use]
pub fn cancel(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(cancel_now(call)))
}

async fn cancel_now(call: &Call) -> Result<Answer, Problem> {
    let (_, job) = owned(call, Gates { active: true, ..Gates::default() }).await?;
    object(&call.request, false)?;
    let job = job?;
    let ended = call.context.store().end_job(job.id, Ending::Cancelled, call.now).await?.ok_or(Detail::NoJob)?;
    match ended.status_at(call.now) {
        JobStatus::Cancelled => Ok(json_answer(200, &job_object(&ended, call.now))),
        status => Err(Detail::JobEnded(status.as_str()).into()),
    }
}

/// `DELETE /api/jobs/{id}`
#[must_use]
pub fn delete_job(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(delete_now(call)))
}

async fn delete_now(call: &Call) -> Result<Answer, Problem> {
    let (user, job) = owned(call, Gates { active: true, ..Gates::default() }).await?;
    object(&call.request, false)?;
    let mut job = job?;
    loop {
        if job.status.is_active() {
            return Err(Detail::JobActive.into());
        }
        if call.context.store().delete_job(&job, call.now).await? {
            return Ok(json_answer(200, &json!({"ok": true})));
        }
        job = call.context.store().job(user, job.id).await?.ok_or(Detail::NoJob)?;
    }
}
