//! An agent works (openscouter 12): its job is taken up, its gates are judged again, and what it makes is written with
//! its end. Results are a pure function of what was kept, so that a job that is run twice gives the same numbers.

mod end;
mod report;
mod session;

use serde_json::json;
use shared::{
    BoxFuture,
    context::Context,
    model::{Action, AgentJob, AgentJobId, AgentKind, AgentStatus, AuditEntry, Report, TestStatus, WorkItem},
    openscouter::agents::NO_APPROVAL,
    store::{AgentOutcome, StoreError},
};
use time::{Duration, OffsetDateTime};

use self::end::{FAILED, Failure, record};
use crate::{
    kind::{Kind, Outcome, WorkError, given_up},
    workers::Workers,
};

/// After how long a job that is at work counts as lost (openscouter 5.3).
const LOST: Duration = Duration::minutes(5);
/// How often a job is taken up.
const MAX_ATTEMPTS: u32 = 3;
/// The pause before a job that met a fault is taken up again.
const RETRY: Duration = Duration::seconds(5);

/// An agent's job; the subject is its id.
pub(crate) const AGENT: Kind = Kind { run, give_up };

fn run<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let due = run_job(workers.context(), work).await?;
        Ok(due.map_or(Outcome::Done("done"), Outcome::AgainAt))
    })
}

fn give_up<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async {
        let due = give_up_job(workers.context(), work).await?;
        Ok(due.map_or(given_up(), Outcome::AgainAt))
    })
}

/// Runs the job that a piece of work names; when it goes on, and `None` when it has ended.
///
/// # Errors
/// When the store fails.
async fn run_job(context: &Context, work: &WorkItem) -> Result<Option<OffsetDateTime>, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let Some(id) = AgentJobId::parse(&work.subject) else { return Ok(None) };
    let Some(job) = store.agent_job(id).await? else { return Ok(None) };
    match (job.status, job.started_at) {
        // the end was written, and what follows from it can have been lost
        (AgentStatus::Complete, _) if job.kind == AgentKind::Synthesis => {
            report::keep_score(context, &job).await?;
            return Ok(None);
        }
        (AgentStatus::Complete | AgentStatus::Failed, _) => return Ok(None),
        // somebody is at it, or was lost with it
        (AgentStatus::Processing, Some(started)) if now < started + LOST => return Ok(Some(started + LOST)),
        _ => {}
    }
    if job.attempts >= MAX_ATTEMPTS {
        return fail(context, &job, FAILED, None).await;
    }
    let taken = AgentJob {
        status: AgentStatus::Processing,
        attempts: job.attempts + 1,
        started_at: Some(now),
        version: job.version + 1,
        ..job
    };
    if !store.change_agent_job(&taken, AgentOutcome::Alone, None, now).await? {
        return Ok(Some(now + RETRY));
    }
    let failure = match work_on(context, &taken).await {
        Ok(()) => return Ok(None),
        Err(failure) => failure,
    };
    match failure {
        Failure::Gate(gate, text) => {
            let record = blocked(context, &taken, gate).await?;
            fail(context, &taken, text, Some(&record)).await
        }
        Failure::Gone => fail(context, &taken, FAILED, None).await,
        Failure::Fault(cause) => {
            tracing::warn!(job = %taken.id, cause, "agent failed");
            if taken.attempts >= MAX_ATTEMPTS {
                return fail(context, &taken, FAILED, None).await;
            }
            let queued = AgentJob { status: AgentStatus::Queued, version: taken.version + 1, ..taken };
            store.change_agent_job(&queued, AgentOutcome::Alone, None, now).await?;
            Ok(Some(now + RETRY))
        }
    }
}

/// Gives up the job that a piece of work names, which failed again and again; when that is to be tried again, and `None`
/// when it is done.
///
/// # Errors
/// When the store fails.
async fn give_up_job(context: &Context, work: &WorkItem) -> Result<Option<OffsetDateTime>, StoreError> {
    let Some(id) = AgentJobId::parse(&work.subject) else { return Ok(None) };
    match context.store().agent_job(id).await?.filter(|job| job.status.is_unfinished()) {
        Some(job) => fail(context, &job, FAILED, None).await,
        None => Ok(None),
    }
}

async fn work_on(context: &Context, job: &AgentJob) -> Result<(), Failure> {
    let store = context.store();
    if job.kind != AgentKind::Snapshot && store.current_approval(job.study, context.clock().now()).await?.is_none() {
        return Err(Failure::Gate("approval", NO_APPROVAL));
    }
    match job.kind {
        AgentKind::Snapshot => session::snapshot(context, job).await,
        AgentKind::Analyst => session::analyst(context, job).await,
        AgentKind::Report => {
            let session = store.test_session(job.session.ok_or(Failure::Gone)?).await?.ok_or(Failure::Gone)?;
            if session.status != TestStatus::Confirmed {
                return Err(Failure::Gate("notes_confirmed", FAILED));
            }
            report::of_session(context, job, &session).await
        }
        AgentKind::Synthesis => report::of_study(context, job).await,
    }
}

async fn blocked(context: &Context, job: &AgentJob, gate: &str) -> Result<AuditEntry, StoreError> {
    let object = job.session.map_or_else(|| job.study.wire(), |session| session.wire());
    record(context, job, Action::AgentBlocked, object, json!({"agent": job.kind.as_str(), "gate": gate})).await
}

/// Gives a job up, and with it the edition of a report that it was to make.
async fn fail(
    context: &Context,
    job: &AgentJob,
    text: &str,
    audit: Option<&AuditEntry>,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let (store, now) = (context.store(), context.clock().now());
    let failed = AgentJob {
        status: AgentStatus::Failed,
        error: Some(text.to_owned()),
        finished_at: Some(now),
        version: job.version + 1,
        ..job.clone()
    };
    let report = match job.report {
        None => None,
        Some(id) => store.report(id).await?.filter(|report| report.job == job.id),
    };
    let written = match &report {
        None => store.change_agent_job(&failed, AgentOutcome::Alone, audit, now).await?,
        Some(before) => {
            let report = Report { status: AgentStatus::Failed, version: before.version + 1, ..before.clone() };
            store.change_agent_job(&failed, AgentOutcome::Report(before, &report), audit, now).await?
        }
    };
    Ok((!written).then_some(now + RETRY))
}
