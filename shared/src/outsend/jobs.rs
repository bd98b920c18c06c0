//! Jobs on the wire, and how endpoints find and make them (outsend 7, 8).

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    access::Caller,
    envelope::Problem,
    format::{ef, timestamp},
    messages::Detail,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    model::{Job, JobId, Module},
    store::{Creation, NewJob, StoreError},
};

/// `JobPublic` (outsend 7.1).
#[derive(Debug, Serialize)]
pub struct JobView<'a> {
    id: String,
    job_type: &'static str,
    queries: &'a [String],
    zones: &'a [String],
    include_reviews: bool,
    status: &'static str,
    grid_points_count: u64,
    processed_points: u64,
    results_count: u64,
    error_count: u64,
    ef_cost: f64,
    created_at: String,
    started_at: Option<String>,
    completed_at: Option<String>,
    expires_at: String,
    error_message: Option<&'a str>,
    output_filename: Option<String>,
    download_available: bool,
    source_job_id: Option<String>,
    pipeline_id: Option<String>,
    email_mode: Option<&'static str>,
    breakdown: Map<String, Value>,
    dead_queries: Vec<&'a str>,
    flagged_tiles_count: u64,
    total_attempts_count: u64,
    query_stats: Map<String, Value>,
}

/// The `JobPublic` of a job at `now`: what has outlived its retention is expired, swept or not.
#[must_use]
pub fn view(job: &Job, now: OffsetDateTime) -> JobView<'_> {
    let file = job.has_file(now);
    JobView {
        id: job.id.to_string(),
        job_type: job.module.as_str(),
        queries: job.search.as_ref().map_or(&[], |search| &search.queries),
        zones: job.search.as_ref().map_or(&[], |search| &search.zones),
        include_reviews: job.search.as_ref().is_some_and(|search| search.include_reviews),
        status: job.status_at(now).as_str(),
        grid_points_count: job.planned.unwrap_or(0),
        processed_points: job.processed,
        results_count: job.results,
        error_count: job.errors,
        ef_cost: ef(job.charged),
        created_at: timestamp(job.created_at),
        started_at: job.started_at.map(timestamp),
        completed_at: job.completed_at.map(timestamp),
        expires_at: timestamp(job.expires_at),
        error_message: job.error_message.as_deref(),
        output_filename: file.then(|| format!("{}_{}.csv", job.module.as_str(), job.id)),
        download_available: file,
        source_job_id: job.source.map(|id| id.to_string()),
        pipeline_id: job.run.map(|(pipeline, _)| pipeline.to_string()),
        email_mode: (job.module == Module::Emails).then_some(if job.deep { "deep" } else { "normal" }),
        breakdown: breakdown(job),
        dead_queries: dead_queries(job),
        flagged_tiles_count: counted(job, "flagged", "tiles"),
        total_attempts_count: job.attempts,
        query_stats: query_stats(job),
    }
}

fn breakdown(job: &Job) -> Map<String, Value> {
    let mut breakdown = Map::new();
    if job.module == Module::Scrap {
        breakdown.insert("by_query".to_owned(), json!({}));
        breakdown.insert("by_zone".to_owned(), json!({}));
    } else {
        breakdown.insert("ignored".to_owned(), json!(job.ignored));
    }
    breakdown.extend(job.breakdown.clone());
    // what other fields tell
    for own in ["with_results", "flagged"] {
        breakdown.shift_remove(own);
    }
    breakdown
}

/// A count that the job's steps have kept.
fn counted(job: &Job, group: &str, key: &str) -> u64 {
    job.breakdown.get(group).and_then(|group| group.get(key)).and_then(Value::as_u64).unwrap_or(0)
}

/// The queries without rows of a search that has ended.
fn dead_queries(job: &Job) -> Vec<&str> {
    let queries = job.search.iter().filter(|_| !job.status.is_active()).flat_map(|search| &search.queries);
    queries.filter(|query| counted(job, "by_query", query) == 0).map(String::as_str).collect()
}

/// Of each query of a search how many of its tiles are done, and how many of them have rows (outsend 7.1, 10).
#[must_use]
pub fn query_stats(job: &Job) -> Map<String, Value> {
    let Some(search) = &job.search else { return Map::new() };
    let cells = job.planned.unwrap_or(0).checked_div(search.queries.len() as u64).unwrap_or(0);
    let stats = search.queries.iter().zip(0_u64..).map(|(query, place)| {
        let tiles = job.processed.saturating_sub(place.saturating_mul(cells)).min(cells);
        let found = counted(job, "with_results", query);
        let percent = found.saturating_mul(100).checked_div(tiles).unwrap_or(0);
        (query.clone(), json!({"tiles": tiles, "with_results": found, "found_pct": percent}))
    });
    stats.collect()
}

/// The job that a path names, whoever it belongs to: nothing of it is seen before its owner is known to ask.
#[derive(Debug)]
pub struct NamedJob(Result<Option<Job>, StoreError>);

/// Reads the job that the path's `job` names, while it is found out who calls. A malformed id is like an unknown one
/// (outsend 2.2).
#[must_use]
pub fn named(cx: &RequestContext) -> BoxFuture<'_, NamedJob> {
    Box::pin(async {
        NamedJob(match JobId::parse(cx.path("job")) {
            Some(id) => cx.context.store().any_job(id).await,
            None => Ok(None),
        })
    })
}

impl NamedJob {
    /// The job, if it is the caller's.
    ///
    /// # Errors
    /// 404 when there is none, or when it is somebody else's; when the store failed.
    pub fn owned_by(self, caller: &Caller) -> Result<Job, Problem> {
        let job = self.0?.filter(|job| job.user == caller.account.user.id);
        job.ok_or_else(|| Detail::NoJob.into())
    }
}

/// A job of the caller that was just created: the fields that do not depend on what it is to do.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_job(cx: &RequestContext, caller: &Caller, module: Module) -> Result<Job, Problem> {
    let lifetime = cx.context.settings().jobs.lifetime;
    Ok(Job::new(JobId::at(cx.now)?, &caller.account.user, module, cx.now, lifetime))
}

/// Refuses a second placement check of the caller's: each has a place in the lane for as long as it waits (outsend 12.16).
///
/// # Errors
/// 400 while one is pending or running; when the store fails.
pub fn one_check<'a>(cx: &'a RequestContext, caller: &'a Caller) -> BoxFuture<'a, Result<(), Problem>> {
    Box::pin(async {
        let active = cx.context.store().active_jobs(caller.account.user.id).await?;
        match active.iter().find(|job| job.module == Module::DeliveryCheck) {
            Some(running) => Err(Detail::CheckRunning(running.id.to_string()).into()),
            None => Ok(()),
        }
    })
}

/// Checks a job against the ceiling and the quota, and stores it (outsend 18.2). Gives the job.
///
/// # Errors
/// 400 when it costs too much, or when the job that it resumes changed meanwhile; when the store fails.
pub fn store_job<'a>(cx: &'a RequestContext, caller: &'a Caller, new: NewJob) -> BoxFuture<'a, Result<Job, Problem>> {
    Box::pin(async move {
        let ceiling = cx.context.settings().jobs.job_ceiling;
        if new.job.charged > ceiling {
            return Err(Detail::EfCeiling { need: new.job.charged, ceiling }.into());
        }
        match cx.context.store().create_job(&new, caller.account.organization.plan).await? {
            Creation::Created => Ok(new.job),
            Creation::OverQuota(used, quota) => Err(Detail::EfQuota { used, quota, need: new.job.charged }.into()),
            Creation::Changed => Err(Detail::NotResumable.into()),
        }
    })
}
