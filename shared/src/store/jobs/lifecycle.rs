//! A job's transitions: each one conditional write that succeeds once, with all that follows from it (outsend 7.2).

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use ranked::Change;
use time::OffsetDateTime;

use super::{
    item::{JobParameters, delete_version, header_key, job_item, job_pk, parameters_item, parameters_key},
    lanes::{Move, job_work},
    list::{collections, job_rank},
    log::{LogLine, log_chunk},
    rows::{Kind, PackedRows, text_parts},
};
use crate::{
    model::{Announcement, Job, JobId, JobStatus, Plan, UserId, WorkItem, WorkKind, month},
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        item::{Condition, Item, delete},
        retry::MAX_ATTEMPTS,
        user_items::user_pk,
        work::work_key,
    },
};

/// Bytes of compressed rows that the creating transaction still carries; more are staged before it.
const MAX_IN_TRANSACTION: usize = 1_000_000;
/// Items of rows that the creating transaction still carries, of the hundred that it may have.
const MAX_CHUNKS: usize = 40;
/// How much longer than their job staged rows may lie around.
const STAGED: time::Duration = time::Duration::days(2);

/// A job to be created.
#[derive(Debug)]
pub struct NewJob {
    /// Its header, version 1.
    pub job: Job,
    /// Its parameters.
    pub parameters: JobParameters,
    /// Its own input rows.
    pub rows: PackedRows,
    /// The text of an import.
    pub text: Option<Vec<u8>>,
    /// Lines for its log.
    pub log: Vec<LogLine>,
    /// The job that it resumes, as it was read.
    pub resumes: Option<Job>,
}

/// What became of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The job is there.
    Created,
    /// The month's quota does not allow it: what is used of it, and the quota.
    OverQuota(u64, u64),
    /// The job that was to be resumed, or the run that this one is a part of, changed meanwhile.
    Changed,
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All items are committed.
    Done,
    /// It cannot go on.
    Failed(String),
    /// Its owner stopped it.
    Cancelled,
}

fn quota_sk(month: &str) -> String {
    format!("QUOTA#{month}")
}

impl Store {
    /// Planned requests that a user was charged in the calendar month of `at` (outsend 18.2).
    ///
    /// # Errors
    /// When the store fails.
    pub fn requests_used(&self, user: UserId, at: OffsetDateTime) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, user_pk(user), quota_sk(&month(at))).await?;
            // a refund can reach a month that was never charged in this table
            item.map_or(Ok(0), |item| item.read("quota").number::<i64>("used").map(|used| used.max(0).cast_unsigned()))
        })
    }

    /// The quota of a plan in planned requests; `None` means that there is none.
    #[must_use]
    pub const fn quota(&self, plan: Plan) -> Option<u64> {
        match plan {
            Plan::Free => self.rules.quota_free,
            Plan::Pro => self.rules.quota_pro,
        }
    }

    /// Charges `requests`, or gives them back when they are negative; at most up to `quota`.
    fn charge_member(&self, job: &Job, requests: i64, quota: Option<u64>) -> Result<TransactWriteItem, StoreError> {
        let number = |value: i64| AttributeValue::N(value.to_string());
        let mut update = Update::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(user_pk(job.user)))
            .key("sk", AttributeValue::S(quota_sk(&job.month())))
            .update_expression("ADD #used :requests SET #ttl = :ttl")
            .expression_attribute_names("#used", "used")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":requests", number(requests))
            .expression_attribute_values(":ttl", number((job.created_at + time::Duration::days(400)).unix_timestamp()));
        if let Some(quota) = quota {
            let most = i64::try_from(quota).unwrap_or(i64::MAX) - requests;
            let absent = if most >= 0 { "attribute_not_exists(#used) OR #used <= :most" } else { "#used <= :most" };
            update = update.condition_expression(absent).expression_attribute_values(":most", number(most));
        }
        let update =
            update.build().map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Creates a job: it waits in its lane, is charged for, and stands in its owner's list; all or nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_job<'a>(&'a self, new: &'a NewJob, plan: Plan) -> BoxFuture<'a, Result<Creation, StoreError>> {
        self.create_job_with(new, plan, None)
    }

    /// [`Store::create_job`], together with the write of what the job is a part of, which has a condition of its own.
    pub(in crate::store) fn create_job_with<'a>(
        &'a self,
        new: &'a NewJob,
        plan: Plan,
        whole: Option<TransactWriteItem>,
    ) -> BoxFuture<'a, Result<Creation, StoreError>> {
        Box::pin(async move {
            let job = &new.job;
            let payload = self.staged(new).await?;
            let quota = self.quota(plan);
            let (lists, insertion) = (collections(job), Change::Insert(job_rank(job)));
            for attempt in 0..MAX_ATTEMPTS {
                let (lanes, ranked) =
                    futures_util::future::join(self.user_lanes(job.user), self.rank_in_all(&lists, &insertion)).await;
                let (lanes, Some(ranked)) = (lanes?, ranked?) else {
                    after_lost_race(attempt).await?;
                    continue;
                };
                let mut members = self.creation_members(new, &payload, quota, whole.as_ref())?;
                members.extend(self.lane_members(job.user, &lanes, &Move::Enter(job)).await?);
                members.extend(self.deadline_members(None, Some(job))?);
                members.extend(ranked);
                match self.transact(members).await? {
                    Written::Done => return Ok(Creation::Created),
                    // the answer to this very write can have been lost
                    Written::Refused(failed) if failed.contains(&0) => {
                        let known = self.any_job(job.id).await?;
                        return known.map(|_| Creation::Created).ok_or(StoreError::Contended(attempt));
                    }
                    Written::Refused(failed) if job.charged > 0 && failed.contains(&1) => {
                        let used = self.requests_used(job.user, job.created_at).await?;
                        return Ok(Creation::OverQuota(used, quota.unwrap_or(u64::MAX)));
                    }
                    Written::Refused(failed)
                        if (new.resumes.is_some() || whole.is_some())
                            && failed.contains(&(1 + usize::from(job.charged > 0))) =>
                    {
                        return Ok(Creation::Changed);
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// What a new job brings along: its rows, its text and its log. What is more than a transaction holds is written at
    /// once, and goes by itself when the job never comes to be; nothing is left to write then.
    async fn staged(&self, new: &NewJob) -> Result<Vec<Item>, StoreError> {
        let job = &new.job;
        let mut payload = new.rows.items(&job_pk(job.id), Kind::Input.prefix(), 0)?;
        if let Some(text) = &new.text {
            payload.extend(text_parts(job.id, text)?);
        }
        payload.extend(log_chunk(job.id, 1, &new.log)?);
        let size: usize = payload.iter().map(Item::size).sum();
        if size <= MAX_IN_TRANSACTION && payload.len() <= MAX_CHUNKS {
            return Ok(payload);
        }
        let ttl = (job.expires_at + self.rules.retention + STAGED).unix_timestamp();
        self.batch_put(payload.into_iter().map(|item| item.number("ttl", ttl)).collect()).await?;
        Ok(Vec::new())
    }

    /// The members of a creation that are the job's own: the job first, then its charge, and the job that it resumes or
    /// the whole that it is a part of.
    fn creation_members(
        &self,
        new: &NewJob,
        payload: &[Item],
        quota: Option<u64>,
        whole: Option<&TransactWriteItem>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let job = &new.job;
        let mut members = vec![job_item(job).put(&self.main, Condition::Absent)?];
        if job.charged > 0 {
            members.push(self.charge_member(job, i64::try_from(job.charged).unwrap_or(i64::MAX), quota)?);
        }
        if let Some(resumed) = &new.resumes {
            let next = Job { resumed_as: Some(job.id), version: resumed.version + 1, ..resumed.clone() };
            members.push(job_item(&next).put(&self.main, Condition::Version(resumed.version))?);
        }
        members.extend(whole.cloned());
        members.push(parameters_item(parameters_key(job.id), &new.parameters)?.put(&self.main, Condition::None)?);
        for item in payload {
            members.push(item.clone().put(&self.main, Condition::None)?);
        }
        Ok(members)
    }

    /// Ends a job as it was read, with what its last step committed; `Ok(None)` when it changed meanwhile.
    pub(super) async fn end(
        &self,
        before: &Job,
        last: &Job,
        extra: Vec<TransactWriteItem>,
        ending: Ending,
        now: OffsetDateTime,
    ) -> Result<Option<Job>, StoreError> {
        let (status, error) = match ending {
            Ending::Done => (JobStatus::Done, None),
            Ending::Failed(text) => (JobStatus::Failed, Some(text)),
            Ending::Cancelled => (JobStatus::Cancelled, None),
        };
        if !before.status.may_become(status) {
            return Ok(None);
        }
        let ended = Job { version: before.version + 1, ..last.ended(status, error, now, self.rules.retention) };
        let lanes = self.user_lanes(before.user).await?;
        let mut members = vec![job_item(&ended).put(&self.main, Condition::Version(before.version))?];
        members.extend(extra);
        members.extend(self.lane_members(before.user, &lanes, &Move::Leave(before)).await?);
        if before.status == JobStatus::Running {
            members.push(self.free_slot(before).await?);
            let (pk, sk) = work_key(&job_work(before.id).id);
            members.push(delete(&self.main, pk, sk)?);
        }
        let refund = ended.refund();
        if refund > 0 {
            members.push(self.charge_member(before, -i64::try_from(refund).unwrap_or(0), None)?);
        }
        members.extend(self.deadline_members(Some(before), Some(&ended))?);
        if let Some(announcement) = Announcement::of_job(&ended) {
            members.extend(self.announcing_members(&announcement)?);
        }
        if let Some(work) = ended.run_work() {
            members.push(self.work_member(&work, now)?);
        }
        Ok((self.transact(members).await? == Written::Done).then_some(ended))
    }

    /// Ends a waiting or running job now, whatever its worker does; `None` when it is gone, else the job as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_job(
        &self,
        id: JobId,
        ending: Ending,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Option<Job>, StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let Some(job) = self.any_job(id).await? else { return Ok(None) };
                if !job.status.is_active() {
                    return Ok(Some(job));
                }
                if let Some(ended) = self.end(&job, &job, Vec::new(), ending.clone(), now).await? {
                    return Ok(Some(ended));
                }
                after_lost_race(attempt).await?;
            }
            Ok(None)
        })
    }

    /// Marks a job whose rows are due as expired, and queues their removal; safe to repeat.
    ///
    /// # Errors
    /// When the store fails.
    pub fn expire_job(&self, id: JobId, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let Some(job) = self.any_job(id).await? else { return Ok(()) };
                if job.purge_at.is_none_or(|at| at > now) || !job.status.may_become(JobStatus::Expired) {
                    return Ok(());
                }
                // what was seen goes with the rows
                let version = job.version + 1;
                let next = Job { status: JobStatus::Expired, seen: Vec::new(), version, ..job.clone() };
                let mut members = vec![job_item(&next).put(&self.main, Condition::Version(job.version))?];
                members.push(self.work_member(&purge_work(id), now)?);
                members.extend(self.deadline_members(Some(&job), None)?);
                if self.transact(members).await? == Written::Done {
                    return Ok(());
                }
                after_lost_race(attempt).await?;
            }
            Ok(())
        })
    }

    /// Deletes a job that has ended, as it was read; `Ok(false)` when it changed meanwhile. Its rows go by work.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_job<'a>(&'a self, job: &'a Job, now: OffsetDateTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let removal = Change::Remove(job_rank(job));
                let Some(ranked) = self.rank_in_all(&collections(job), &removal).await? else {
                    after_lost_race(attempt).await?;
                    continue;
                };
                let (pk, sk) = header_key(job.id);
                let mut members = vec![delete_version(&self.main, pk, sk, job.version)?];
                members.push(self.work_member(&purge_work(job.id), now)?);
                if job.status != JobStatus::Expired {
                    members.extend(self.deadline_members(Some(job), None)?);
                }
                members.extend(ranked);
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if failed.contains(&0) => return Ok(false),
                    // the purge of an expired job may still be queued: it removes these rows, too
                    Written::Refused(failed) if failed == [1] => self.finish_work(&purge_work(job.id)).await?,
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Removes a slice of the rows, texts and log of a job that has expired or is gone; `Ok(true)` when none is left.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_slice(&self, id: JobId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            const SLICE: i32 = 200;
            let gone = self.any_job(id).await?.is_none();
            let keep = |sk: &str| sk == "JOB" || (sk == "PARAMS" && !gone);
            let keys = self.some_keys(job_pk(id), "", SLICE).await?;
            let keys: Vec<_> = keys.into_iter().filter(|(_, sk)| !keep(sk)).collect();
            if keys.is_empty() {
                return Ok(true);
            }
            self.batch_delete(keys).await?;
            Ok(false)
        })
    }
}

fn purge_work(id: JobId) -> WorkItem {
    WorkItem { id: format!("purge-{id}"), kind: WorkKind::Purge, subject: id.to_string(), attempt: 0 }
}
