//! Resumption of a job that ended before its time (outsend 8.4).

use super::{
    super::{
        access::{Access, Caller},
        endpoint::answer,
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        limits::JOBS,
        messages::Detail,
        request_context::RequestContext,
    },
    create::{new_job, store_job},
    job_object,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Job, JobId, JobStatus},
    store::NewJob,
};

/// `POST /api/jobs/resume`
#[must_use]
pub fn resume(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(resume_now(cx)))
}

async fn resume_now(cx: &RequestContext) -> Result<Response, Problem> {
    let access = Access::ACTIVE.verified();
    let caller = cx.caller(access.under(JOBS)).await?;
    let mut fields = Fields::new(object(&cx.request, true)?);
    let id = fields.text("job_id", 1, 64).unwrap_or_default();
    fields.finish()?;
    let id = JobId::parse(&id).ok_or(Detail::NoJob)?;
    let store = cx.context.store();
    let old = store.job(caller.account.user.id, id).await?.ok_or(Detail::NoJob)?;
    let job = continued(cx, &caller, &old).await?;
    Ok(json_answer(200, &job_object(&job, cx.now)))
}

async fn continued(cx: &RequestContext, caller: &Caller, old: &Job) -> Result<Job, Problem> {
    let store = cx.context.store();
    let stopped = matches!(old.status_at(cx.now), JobStatus::Failed | JobStatus::Cancelled);
    let planned = old.planned.filter(|planned| stopped && old.processed < *planned).ok_or(Detail::NotResumable)?;
    if !old.module.available() {
        return Err(Detail::ModuleOff(old.module.as_str()).into());
    }
    if let Some(earlier) = old.resumed_as
        && let Some(earlier) = store.any_job(earlier).await?
        && earlier.status.is_active()
    {
        return Err(Detail::AlreadyResumed(earlier.id.to_string()).into());
    }
    let parameters = store.job_parameters(old.id).await?.ok_or(Detail::NotResumable)?;
    let job = Job {
        planned: Some(planned),
        processed: old.processed,
        results: old.results,
        errors: old.errors,
        attempts: old.attempts,
        charged: (planned - old.processed) * old.module.entry().weight,
        source: Some(old.id),
        input: old.input,
        ignored: old.ignored,
        breakdown: old.breakdown.clone(),
        ..new_job(cx, caller, old.module)?
    };
    // the copies come first: without its header nobody sees them, and they end by themselves
    if !store.copy_rows(old, &job).await? {
        return Err(Detail::NotResumable.into());
    }
    let new = NewJob { job, parameters, rows: Vec::new(), text: None, log: Vec::new(), resumes: Some(old.clone()) };
    store_job(cx, caller, new).await
}
