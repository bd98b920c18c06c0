//! Jobs on the wire (outsend 7, 8).

mod create;
mod download;
mod events;
mod resume;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

pub use create::{create_scrap, create_typed};
pub use download::download;
pub use events::stream;
pub use resume::resume;

use super::{
    access::Access,
    account::timestamp,
    endpoint::answer,
    envelope::{Problem, json_answer},
    fields::{Paging, object},
    messages::{Detail, Fault},
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Job, JobId, JobStatus, Module, UserId},
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
fn named(cx: &RequestContext) -> Option<JobId> {
    cx.request.path.split('/').nth(3).and_then(JobId::parse)
}

/// The caller's job that the path names. In a process that knows the caller, both are read at once.
async fn owned(cx: &RequestContext, access: Access) -> Result<(UserId, Result<Job, Detail>), Problem> {
    let read = async {
        match named(cx) {
            Some(id) => cx.context.store().any_job(id).await,
            None => Ok(None),
        }
    };
    let (caller, job) = futures_util::future::join(cx.caller(access), read).await;
    let user = caller?.account.user.id;
    Ok((user, job?.filter(|job| job.user == user).ok_or(Detail::NoJob)))
}

/// `GET /api/jobs/{id}`
#[must_use]
pub fn get_job(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(get_now(cx)))
}

async fn get_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, job) = owned(cx, Access::ANY).await?;
    Ok(json_answer(200, &job_object(&job?, cx.now)))
}

/// `GET /api/jobs`
#[must_use]
pub fn list_jobs(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(list_now(cx)))
}

/// The values of a filter that may be repeated, or listed with commas.
fn values<T>(cx: &RequestContext, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let given = cx.request.query.pairs().iter().filter(|(known, _)| known == name);
    given.flat_map(|(_, value)| value.split(',')).map(|value| parse(value.trim())).collect()
}

fn filter(cx: &RequestContext) -> Result<(JobFilter, Paging), Problem> {
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, 500, 50, &mut faults);
    let statuses = values(cx, "status", JobStatus::parse).unwrap_or_else(|| {
        faults.push(("status".to_owned(), Fault::OneOf("pending, running, done, failed, cancelled, expired")));
        Vec::new()
    });
    let modules = values(cx, "type", Module::parse_either).unwrap_or_else(|| {
        faults.push(("type".to_owned(), Fault::Format));
        Vec::new()
    });
    if faults.is_empty() { Ok((JobFilter { statuses, modules }, paging)) } else { Err(Problem::Invalid(faults)) }
}

async fn list_now(cx: &RequestContext) -> Result<Response, Problem> {
    let store = cx.context.store();
    let asked = filter(cx);
    let early = async {
        match (super::authentication::known_user(cx), &asked) {
            (Some(user), Ok((filter, paging))) => store
                .jobs_page(user, filter, (paging.offset, paging.limit), cx.now)
                .await
                .map(|page| Some((user, page))),
            _ => Ok(None),
        }
    };
    let (caller, early) = futures_util::future::join(cx.caller(Access::ANY), early).await;
    let user = caller?.account.user.id;
    let (filter, paging) = asked?;
    let page = match early? {
        Some((known, page)) if known == user => page,
        _ => store.jobs_page(user, &filter, (paging.offset, paging.limit), cx.now).await?,
    };
    let jobs: Vec<_> = page.iter().map(|job| job_object(job, cx.now)).collect();
    Ok(json_answer(200, &Value::Array(jobs)))
}

/// `GET /api/jobs/{id}/items`
#[must_use]
pub fn list_items(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(items_now(cx)))
}

async fn items_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, job) = owned(cx, Access::ANY).await?;
    let job = job?;
    let mut faults = Vec::new();
    let paging = Paging::read(&cx.request.query, 1_000, 100, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::Invalid(faults));
    }
    if job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    let store = cx.context.store();
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
pub fn report(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(report_now(cx)))
}

async fn report_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, job) = owned(cx, Access::ANY).await?;
    let job = job?;
    // no placement check can have been created as long as the module is not available
    if job.module == Module::DeliveryCheck && job.status_at(cx.now) == JobStatus::Expired {
        return Err(Detail::Purged.into());
    }
    Err(Detail::NoFile.into())
}

/// `POST /api/jobs/{id}/cancel`
#[must_use]
pub fn cancel(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(cancel_now(cx)))
}

async fn cancel_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, job) = owned(cx, Access::ACTIVE).await?;
    object(&cx.request, false)?;
    let job = job?;
    let ended = cx.context.store().end_job(job.id, Ending::Cancelled, cx.now).await?.ok_or(Detail::NoJob)?;
    match ended.status_at(cx.now) {
        JobStatus::Cancelled => Ok(json_answer(200, &job_object(&ended, cx.now))),
        status => Err(Detail::JobEnded(status.as_str()).into()),
    }
}

/// `DELETE /api/jobs/{id}`
#[must_use]
pub fn delete_job(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(delete_now(cx)))
}

async fn delete_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (user, job) = owned(cx, Access::ACTIVE).await?;
    object(&cx.request, false)?;
    let mut job = job?;
    loop {
        if job.status.is_active() {
            return Err(Detail::JobActive.into());
        }
        if cx.context.store().delete_job(&job, cx.now).await? {
            return Ok(json_answer(200, &json!({"ok": true})));
        }
        job = cx.context.store().job(user, job.id).await?.ok_or(Detail::NoJob)?;
    }
}
