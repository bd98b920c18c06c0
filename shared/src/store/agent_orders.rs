//! Orders for jobs of agents (openscouter 12.2, 13): a job is queued together with what names it, and where one of its
//! kind is unfinished, that one comes back.

use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, UpdateError, after_lost_race,
    agents::{NAMED, agent_job_item},
    item::{Condition, Item},
    studies::study_pk,
    test_sessions::test_session_pk,
};
use crate::model::{AgentJob, AgentJobId, AgentKind, Report, StudyId, TestSession, WorkItem, WorkKind};

/// The latest job of a kind that a session names.
const fn latest(session: &TestSession, kind: AgentKind) -> Option<AgentJobId> {
    match kind {
        AgentKind::Snapshot => session.snapshot,
        AgentKind::Analyst => session.analyst,
        AgentKind::Report => session.reporter,
        AgentKind::Synthesis => None,
    }
}

/// The session as it names a new job, and the report that the job makes.
fn naming(session: &TestSession, job: &AgentJob) -> TestSession {
    session.with(|next| match job.kind {
        AgentKind::Snapshot => next.snapshot = Some(job.id),
        AgentKind::Analyst => next.analyst = Some(job.id),
        AgentKind::Report => {
            next.reporter = Some(job.id);
            next.report = job.report;
        }
        AgentKind::Synthesis => {}
    })
}

/// The next edition of the report `before`, or the first one, which `job` makes.
fn edition(before: Option<&Report>, job: &mut AgentJob, number: u32) -> Report {
    let report = before.map_or_else(|| Report::first(job, number), |known| known.next(job.id));
    job.report = Some(report.id);
    report
}

impl Store {
    /// Queues a job on a session, unless the latest one of its kind is unfinished: then that one comes back. `rule`
    /// sees the session's current state, `session` at first, and makes the job. The check and the write are atomic: on
    /// a lost race the session is read and `rule` asked again. A job of agent 3 gets the next edition of the session's
    /// report.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn order_agent_job<'a, E: Send + 'a>(
        &'a self,
        session: TestSession,
        rule: &'a (dyn Fn(&TestSession) -> Result<AgentJob, E> + Send + Sync),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<AgentJob, UpdateError<E>>> {
        Box::pin(async move {
            let mut current = session;
            for attempt in 0.. {
                let mut job = rule(&current).map_err(UpdateError::Refused)?;
                if let Some(unfinished) = self.unfinished_agent_job(latest(&current, job.kind)).await? {
                    return Ok(unfinished);
                }
                let report = match job.kind {
                    AgentKind::Report => {
                        let before = match current.report {
                            None => None,
                            Some(id) => self.report(id).await?,
                        };
                        let report = edition(before.as_ref(), &mut job, current.number);
                        Some((before, report))
                    }
                    AgentKind::Snapshot | AgentKind::Analyst | AgentKind::Synthesis => None,
                };
                let next = naming(&current, &job);
                let report = report.as_ref().map(|(before, report)| (before.as_ref(), report));
                if self.queue_agent(&job, Some((&current, &next)), report, now).await? {
                    return Ok(job);
                }
                after_lost_race(attempt).await?;
                current = self.test_session(current.id).await?.ok_or(UpdateError::NotFound)?;
            }
            Err(StoreError::Contended(u32::MAX).into())
        })
    }

    /// Queues a job that makes the next edition of a study's report, unless the one that makes the latest edition is
    /// unfinished: then that one comes back. `make` makes the job, a new one after each lost race.
    ///
    /// # Errors
    /// When the store fails.
    pub fn order_study_report<'a>(
        &'a self,
        study: StudyId,
        make: &'a (dyn Fn() -> AgentJob + Send + Sync),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<AgentJob, StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let before = self.study_report(study).await?;
                if let Some(unfinished) = self.unfinished_agent_job(before.as_ref().map(|report| report.job)).await? {
                    return Ok(unfinished);
                }
                let mut job = make();
                let report = edition(before.as_ref(), &mut job, 0);
                if self.queue_agent(&job, None, Some((before.as_ref(), &report)), now).await? {
                    return Ok(job);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// A job of which something can come.
    async fn unfinished_agent_job(&self, id: Option<AgentJobId>) -> Result<Option<AgentJob>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        Ok(self.agent_job(id).await?.filter(|job| job.status.is_unfinished()))
    }

    /// The work that runs a job.
    fn agent_work(job: AgentJobId) -> WorkItem {
        WorkItem { id: format!("agent-{job}"), kind: WorkKind::Agent, subject: job.to_string(), attempt: 0 }
    }

    /// Queues a job beside a session that names it; `Ok(false)` when the session changed meanwhile. A report's first
    /// edition, or its next one over the one that was read, goes along.
    async fn queue_agent(
        &self,
        job: &AgentJob,
        session: Option<(&TestSession, &TestSession)>,
        report: Option<(Option<&Report>, &Report)>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        // every job is found from what it is about, so that it goes with it
        let about = job.session.map_or_else(|| study_pk(job.study), test_session_pk);
        let mut members = vec![
            agent_job_item(job).put(&self.main, Condition::Absent)?,
            Item::new(about, format!("{NAMED}{}", job.id)).put(&self.main, Condition::None)?,
            self.work_member(&Self::agent_work(job.id), now)?,
        ];
        if let Some((before, report)) = report {
            members.extend(self.report_members(before, report)?);
        }
        match session {
            Some((current, next)) => self.write_test_session(current, next, members, now).await,
            None => self.write_all(members, agent_job_item(job)).await,
        }
    }
}
