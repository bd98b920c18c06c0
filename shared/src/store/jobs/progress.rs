//! A job at work: leases and commits (outsend 7.4).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    item::{JobParameters, job_item, job_pk, parameters_item, parameters_key},
    lifecycle::Ending,
    log::{LogLine, log_chunk},
    rows::{Kind, chunks, text_parts},
};
use crate::{
    model::{Discovered, Job, JobId, JobStatus, Step},
    store::{BoxFuture, Store, StoreError, client::Written, item::Condition},
};

/// What became of a commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit {
    /// It is there; the job goes on from here.
    Committed(Box<Job>),
    /// It is there, and the job has ended with it.
    Ended(Box<Job>),
    /// The job ended, or another worker has it: nothing was written.
    Lost,
}

/// A job that a worker took up.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The job, under this worker's lease.
    pub job: Job,
    /// Its parameters.
    pub parameters: JobParameters,
}

/// Adds to the counts of a group of `breakdown`.
fn add_counts(breakdown: &mut Map<String, Value>, counts: &[(&'static str, String, u64)]) {
    for (group, key, number) in counts {
        let group = breakdown.entry(*group).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(group) = group {
            let before = group.get(key).and_then(Value::as_u64).unwrap_or(0);
            group.insert(key.clone(), json!(before + number));
        }
    }
}

impl Store {
    /// Takes a running job up: what an earlier worker still commits is refused from here on. `lapsed` says that the
    /// worker before was lost. `None` when the job does not run.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_job(&self, id: JobId, lapsed: bool) -> BoxFuture<'_, Result<Option<Taken>, StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let (job, parameters) = futures_util::future::join(self.any_job(id), self.job_parameters(id)).await;
                let (Some(job), Some(parameters)) = (job?, parameters?) else { return Ok(None) };
                if job.status != JobStatus::Running {
                    return Ok(None);
                }
                let stuck = if lapsed { job.stuck + 1 } else { job.stuck };
                let next = Job { lease: job.lease + 1, stuck, version: job.version + 1, ..job.clone() };
                if self.put_version(job_item(&next), job.version).await? {
                    return Ok(Some(Taken { job: next, parameters }));
                }
                crate::store::after_lost_race(attempt).await?;
            }
            Ok(None)
        })
    }

    /// Notes an internal fault of a job, as a worker has it; `None` when it has it no more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note_fault<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Result<Option<Job>, StoreError>> {
        Box::pin(async move {
            let next = Job { faults: job.faults + 1, version: job.version + 1, ..job.clone() };
            Ok(self.put_version(job_item(&next), job.version).await?.then_some(next))
        })
    }

    /// Keeps what an import found out when it read its source; `None` when the worker has the job no more.
    ///
    /// # Errors
    /// When the store fails, or another transaction was in the way.
    pub fn commit_source<'a>(
        &'a self,
        taken: &'a Taken,
        found: &'a Discovered,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Taken>, StoreError>> {
        Box::pin(async move {
            let job = &taken.job;
            let mut breakdown = job.breakdown.clone();
            breakdown.insert("import".to_owned(), found.notice.clone());
            let next = Job {
                planned: Some(found.planned),
                breakdown,
                // its source was asked for
                attempts: job.attempts + 1,
                log_last: job.log_last + found.lines.len() as u64,
                version: job.version + 1,
                ..job.clone()
            };
            let parameters = JobParameters { columns: found.columns.clone(), ..taken.parameters.clone() };
            // another worker can have staged its own reading, of which more parts may be left than this one has
            let known = self.query(job_pk(job.id), "TEXT#").await?;
            let parts = text_parts(job.id, &found.text)?;
            let surplus = known.into_iter().skip(parts.len());
            let surplus =
                surplus.filter_map(|item| Some((item.pk().to_owned(), item.read("text").text("sk").ok()?.to_owned())));
            self.batch_delete(surplus.collect()).await?;
            self.batch_put(parts).await?;
            let mut members = vec![
                job_item(&next).put(&self.main, Condition::Version(job.version))?,
                parameters_item(parameters_key(job.id), &parameters)?.put(&self.main, Condition::None)?,
            ];
            let lines: Vec<_> = found.lines.iter().map(|line| LogLine::at(line.clone(), now)).collect();
            if let Some(log) = log_chunk(job.id, job.log_last + 1, &lines)? {
                members.push(log.put(&self.main, Condition::None)?);
            }
            // a conflict is no lost lease: the job goes on with the next slice
            let outcome = match self.transact(members).await? {
                Written::Done => Commit::Committed(Box::new(next)),
                Written::Refused(_) => self.after_refusal(&next).await?,
            };
            match outcome {
                Commit::Committed(job) => Ok(Some(Taken { job: *job, parameters })),
                Commit::Ended(_) | Commit::Lost => Ok(None),
            }
        })
    }

    /// Commits a run of items: rows, counters, log and checkpoint become visible together, and with the last item, or the
    /// step that says so, the job ends. Refused when the job does not run any more, or another worker took it up.
    ///
    /// # Errors
    /// When the store fails.
    pub fn commit<'a>(
        &'a self,
        job: &'a Job,
        step: &'a Step,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Commit, StoreError>> {
        Box::pin(async move {
            let mut next = Job {
                processed: job.processed + step.items,
                results: job.results + step.rows.len() as u64,
                errors: job.errors + step.failed,
                attempts: job.attempts + step.attempts,
                log_last: job.log_last + step.log.len() as u64,
                stuck: 0,
                faults: 0,
                tries: if step.items > 0 { 0 } else { job.tries } + u32::from(step.again_after.is_some()),
                refused: step.refused,
                planned: step.seen.as_ref().map_or(job.planned, |seen| Some(seen.len() as u64)),
                seen: step.seen.clone().unwrap_or_else(|| job.seen.clone()),
                version: job.version + 1,
                ..job.clone()
            };
            add_counts(&mut next.breakdown, &step.counts);
            let lines: Vec<_> = step.log.iter().map(|line| LogLine::at(line.clone(), now)).collect();
            let mut items = chunks(job.id, Kind::Result, job.results, &step.rows)?;
            items.extend(log_chunk(job.id, job.log_last + 1, &lines)?);
            let members = || items.iter().map(|item| item.clone().put(&self.main, Condition::None)).collect();
            let members: Result<Vec<_>, StoreError> = members();
            let outcome = if step.ends || next.planned.is_some_and(|planned| next.processed >= planned) {
                self.finish(job, &next, members?, now).await?
            } else {
                let mut all = vec![job_item(&next).put(&self.main, Condition::Version(job.version))?];
                all.extend(members?);
                match self.transact(all).await? {
                    Written::Done => Commit::Committed(Box::new(next.clone())),
                    Written::Refused(_) => self.after_refusal(&next).await?,
                }
            };
            if !step.log.is_empty() {
                self.drop_old_lines(job.id, next.log_last).await?;
            }
            Ok(outcome)
        })
    }

    /// Ends a job with its last commit; lanes are shared with others, so that races are tried again.
    async fn finish(
        &self,
        before: &Job,
        last: &Job,
        members: Vec<aws_sdk_dynamodb::types::TransactWriteItem>,
        now: OffsetDateTime,
    ) -> Result<Commit, StoreError> {
        for attempt in 0.. {
            if let Some(ended) = self.end(before, last, members.clone(), Ending::Done, now).await? {
                return Ok(Commit::Ended(Box::new(ended)));
            }
            match self.any_job(before.id).await? {
                Some(job) if job.version == before.version => crate::store::after_lost_race(attempt).await?,
                // the first answer to this very write can have been lost
                Some(job) if job.version == before.version + 1 && job.status == JobStatus::Done => {
                    return Ok(Commit::Ended(Box::new(job)));
                }
                _ => return Ok(Commit::Lost),
            }
        }
        Ok(Commit::Lost)
    }

    /// What a refused commit means: the same write that was already done, a conflict, or a lost lease.
    async fn after_refusal(&self, next: &Job) -> Result<Commit, StoreError> {
        match self.any_job(next.id).await? {
            Some(job) if job == *next => Ok(Commit::Committed(Box::new(job))),
            Some(job) if job.version + 1 == next.version => Err(StoreError::Contended(1)),
            _ => Ok(Commit::Lost),
        }
    }
}
