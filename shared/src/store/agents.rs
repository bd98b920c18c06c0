//! Jobs of agents (openscouter 12.3) and what they make: notes and reports. What a job makes is written with its end.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item},
    reports::report_key,
    retry::MAX_ATTEMPTS,
    test_sessions::test_session_pk,
};
use crate::model::{
    AgentJob, AgentJobId, AgentKind, AgentStatus, Note, Notes, OrganizationId, Report, ReportId, StudyId, TestSession,
    TestSessionId, UserId,
};

const NOTES: &str = "NOTES";
/// What a session's or a study's partition finds its jobs by.
pub(super) const NAMED: &str = "AJOB#";

pub(super) fn agent_job_key(id: AgentJobId) -> (String, String) {
    (format!("AJOB#{id}"), "AJOB".to_owned())
}

pub(super) fn agent_job_item(job: &AgentJob) -> Item {
    let (pk, sk) = agent_job_key(job.id);
    let item = Item::new(pk, sk)
        .text("id", job.id.to_string())
        .text("kind", job.kind.as_str())
        .text("status", job.status.as_str())
        .number("attempts", job.attempts)
        .optional_text("session", job.session.map(|id| id.to_string()).as_deref())
        .text("study", job.study.to_string())
        .text("organization", job.organization.to_string())
        .optional_text("tester", job.tester.map(|id| id.to_string()).as_deref())
        .text("actor", job.actor.to_string())
        .text("request_id", &*job.request_id)
        .number("cutoff", job.cutoff)
        .text("streams", job.streams.join(" "))
        .text("filled", job.filled.join(" "))
        .optional_text("report", job.report.map(|id| id.to_string()).as_deref())
        .optional_text("insights", job.insights.as_deref())
        .optional_text("error", job.error.as_deref())
        .time("created_at", job.created_at)
        .optional_time("started_at", job.started_at)
        .optional_time("finished_at", job.finished_at)
        .number("version", job.version);
    match job.moments {
        Some(moments) => item.number("moments", moments),
        None => item,
    }
}

fn read_agent_job(item: &Item) -> Result<AgentJob, StoreError> {
    let reader = item.read("agent job");
    Ok(AgentJob {
        id: reader.parsed("id", AgentJobId::parse)?,
        kind: reader.parsed("kind", AgentKind::parse)?,
        status: reader.parsed("status", AgentStatus::parse)?,
        attempts: reader.number("attempts")?,
        session: reader.optional_text("session").and_then(TestSessionId::parse),
        study: reader.parsed("study", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        tester: reader.optional_text("tester").and_then(UserId::parse),
        actor: reader.parsed("actor", UserId::parse)?,
        request_id: reader.text("request_id")?.to_owned(),
        cutoff: reader.number("cutoff")?,
        streams: reader.text("streams")?.split_whitespace().map(str::to_owned).collect(),
        report: reader.optional_text("report").and_then(ReportId::parse),
        insights: reader.optional_text("insights").map(str::to_owned),
        moments: reader.number("moments").ok(),
        filled: reader.optional_text("filled").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        error: reader.optional_text("error").map(str::to_owned),
        created_at: reader.time("created_at")?,
        started_at: reader.optional_time("started_at")?,
        finished_at: reader.optional_time("finished_at")?,
        version: reader.number("version")?,
    })
}

/// What an agent's job ends with.
#[derive(Clone, Copy, Debug)]
pub enum AgentOutcome<'a> {
    /// Nothing but the job itself.
    Alone,
    /// Notes on a session, which moves on.
    Notes(&'a TestSession, &'a TestSession, &'a Notes),
    /// A report over the one that was read.
    Report(&'a Report, &'a Report),
}

impl Store {
    /// Writes members of which one puts `sign`: that it is there says that they were written before.
    pub(super) async fn write_all(&self, members: Vec<TransactWriteItem>, sign: Item) -> Result<bool, StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            match self.transact(members.clone()).await? {
                Written::Done => return Ok(true),
                Written::Refused(failed) if !failed.is_empty() => {
                    let key = (sign.pk().to_owned(), sign.read("item").text("sk")?.to_owned());
                    return Ok(self.get(&self.main, key.0, key.1).await?.is_some_and(|known| known.0 == sign.0));
                }
                Written::Refused(_) => after_lost_race(attempt).await?,
            }
        }
        Ok(false)
    }

    /// A job, whosever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn agent_job(&self, id: AgentJobId) -> BoxFuture<'_, Result<Option<AgentJob>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = agent_job_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_agent_job).transpose()
        })
    }

    /// Several jobs, in no order; those that are gone are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn agent_jobs<'a>(&'a self, ids: &'a [AgentJobId]) -> BoxFuture<'a, Result<Vec<AgentJob>, StoreError>> {
        Box::pin(async move {
            let items = self.batch_get(ids.iter().map(|id| agent_job_key(*id)).collect()).await?;
            items.iter().map(read_agent_job).collect()
        })
    }

    /// Every job that a session ever had, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub fn agent_jobs_of(&self, session: TestSessionId) -> BoxFuture<'_, Result<Vec<AgentJob>, StoreError>> {
        Box::pin(async move {
            let named = self.query(test_session_pk(session), NAMED).await?;
            let id = |item: &Item| {
                item.read("job of a session").parsed("sk", |sk| AgentJobId::parse(sk.strip_prefix(NAMED)?))
            };
            self.agent_jobs(&named.iter().map(id).collect::<Result<Vec<_>, _>>()?).await
        })
    }

    /// Removes the jobs of agents that a partition names, with the reports that they made or were to make.
    pub(super) async fn drop_agent_jobs(&self, pk: String) -> Result<(), StoreError> {
        loop {
            let named = self.some_keys(pk.clone(), NAMED, 25).await?;
            if named.is_empty() {
                return Ok(());
            }
            let ids = named.iter().filter_map(|(_, sk)| AgentJobId::parse(sk.strip_prefix(NAMED)?));
            let ids: Vec<_> = ids.collect();
            let reports: std::collections::BTreeSet<_> =
                self.agent_jobs(&ids).await?.iter().filter_map(|job| job.report).collect();
            for report in reports {
                if let Some(report) = self.report(report).await? {
                    self.drop_report(&report).await?;
                }
            }
            self.batch_delete(ids.into_iter().map(agent_job_key).collect()).await?;
            self.batch_delete(named).await?;
        }
    }

    /// Queues a job again whose worker is gone for certain; whether it was at work.
    pub(super) async fn requeue_agent(&self, id: AgentJobId, now: OffsetDateTime) -> Result<bool, StoreError> {
        let job = self.agent_job(id).await?.filter(|job| job.status == AgentStatus::Processing);
        let Some(job) = job else { return Ok(false) };
        let queued = AgentJob { status: AgentStatus::Queued, version: job.version + 1, ..job };
        self.change_agent_job(&queued, AgentOutcome::Alone, None, now).await
    }

    /// Writes a job over the one that was read, with what it made; `Ok(false)` when somebody was faster.
    ///
    /// # Errors
    /// When the store fails.
    pub fn change_agent_job<'a>(
        &'a self,
        job: &'a AgentJob,
        outcome: AgentOutcome<'a>,
        beside: Option<&'a crate::model::AuditEntry>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            // two workers that take a job up at once would write alike but for this
            let item = agent_job_item(job).text("write", uuid::Uuid::new_v4().to_string());
            let mut members = vec![item.clone().put(&self.main, Condition::Version(job.version - 1))?];
            if let Some(audit) = beside {
                members.extend(self.audit_members(audit)?);
            }
            match outcome {
                AgentOutcome::Alone => self.write_all(members, item).await,
                AgentOutcome::Notes(current, next, notes) => {
                    members.extend(self.notes_members(current.id, notes)?);
                    self.write_test_session(current, next, members, now).await
                }
                AgentOutcome::Report(before, report) => {
                    members.extend(self.report_members(Some(before), report)?);
                    self.write_all(members, item).await
                }
            }
        })
    }

    /// A session's notes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn notes(&self, session: TestSessionId) -> BoxFuture<'_, Result<Notes, StoreError>> {
        Box::pin(async move {
            let pk = test_session_pk(session);
            let Some(head) = self.get(&self.main, pk.clone(), NOTES.to_owned()).await? else {
                return Ok(Notes::default());
            };
            let Some((head, text)) = self.large_text(head, (&pk, NOTES)).await? else {
                return Ok(Notes::default());
            };
            let reader = head.read("notes");
            let notes: Vec<Note> = serde_json::from_str(&text).map_err(|_| reader.malformed("text"))?;
            Ok(Notes { notes, updated_at: reader.optional_time("updated_at")?, version: reader.number("version")? })
        })
    }

    pub(super) fn notes_members(
        &self,
        session: TestSessionId,
        notes: &Notes,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let pk = test_session_pk(session);
        let head = Item::new(pk.clone(), NOTES.to_owned())
            .optional_time("updated_at", notes.updated_at)
            .number("version", notes.version);
        let text = serde_json::to_string(&notes.notes)
            .map_err(|error| StoreError::Call { operation: "notes", cause: error.to_string() })?;
        let condition =
            if notes.version == 1 { Condition::Absent } else { Condition::Version(notes.version.saturating_sub(1)) };
        self.large_members((&pk, NOTES), head, &text, condition)
    }

    /// Several reports, in no order; those that are gone are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reports<'a>(&'a self, ids: &'a [ReportId]) -> BoxFuture<'a, Result<Vec<Report>, StoreError>> {
        Box::pin(async move {
            let items = self.batch_get(ids.iter().map(|id| report_key(*id)).collect()).await?;
            let reports = items.into_iter().map(|item| self.read_report(item));
            Ok(futures_util::future::try_join_all(reports).await?.into_iter().flatten().collect())
        })
    }
}
