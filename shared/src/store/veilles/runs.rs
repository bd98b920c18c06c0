//! Runs of veilles, read and written.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::item::{header_key, read_run, read_veille, run_item, run_key, run_sk, veille_item, veille_pk};
use crate::{
    BoxFuture,
    model::{Announcement, PipelineId, PipelineRun, Plan, Veille, VeilleRun, VeilleRunStatus, WorkItem, WorkKind},
    store::{
        Store, StoreError, after_lost_race,
        client::Written,
        item::{Condition, Item},
        jobs::{Creation, NewJob},
        pipelines::{NodeCreation, RunCreation},
        round_trips::{items_read, round_trip},
    },
};

/// A veille and a run of it, as far as they are there.
pub type VeilleAndRun = (Option<Veille>, Option<VeilleRun>);

/// A page of a veille's runs, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<VeilleRun>,
    /// How many there are.
    pub total: u64,
}

/// The work that removes what a run needs no more, since something happened: each kind of that once.
pub(super) fn purge((veille, run): (u64, u64), what: &str) -> WorkItem {
    let subject = format!("{veille} {run}");
    WorkItem { id: format!("purge-veille-{veille}-{run}-{what}"), kind: WorkKind::Purge, subject, attempt: 0 }
}

impl Store {
    /// A run with its veille; `None` when either is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn veille_with_run(
        &self,
        (veille, run): (u64, u64),
    ) -> BoxFuture<'_, Result<Option<(Veille, VeilleRun)>, StoreError>> {
        Box::pin(async move {
            let (found, run) = self.veille_and_run((veille, run)).await?;
            Ok(found.zip(run))
        })
    }

    /// A veille, and a run of it, if they are there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn veille_and_run(&self, (veille, run): (u64, u64)) -> BoxFuture<'_, Result<VeilleAndRun, StoreError>> {
        Box::pin(async move {
            let items = self.batch_get(vec![header_key(veille), run_key((veille, run))]).await?;
            let (headers, runs): (Vec<_>, Vec<_>) =
                items.iter().partition(|item| item.read("veille").optional_text("sk") == Some(&header_key(veille).1));
            let found = headers.first().map(|item| read_veille(item)).transpose()?;
            Ok((found, runs.first().map(|item| read_run(item)).transpose()?))
        })
    }

    /// A page of a veille's runs, newest first. They are numbered without gaps, so that every page costs the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn veille_runs(&self, veille: &Veille, offset: u64, limit: u32) -> BoxFuture<'_, Result<RunPage, StoreError>> {
        let (id, total) = (veille.id, veille.runs);
        Box::pin(async move {
            let high = total.saturating_sub(offset);
            let low = high.saturating_sub(u64::from(limit)) + 1;
            let (mut runs, mut start) = (Vec::new(), None);
            if low > high {
                return Ok(RunPage { runs, total });
            }
            loop {
                let call = self
                    .client
                    .query()
                    .table_name(&self.main)
                    .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                    .expression_attribute_values(":pk", AttributeValue::S(veille_pk(id)))
                    .expression_attribute_values(":low", AttributeValue::S(run_sk(low)))
                    .expression_attribute_values(":high", AttributeValue::S(run_sk(high)))
                    .consistent_read(true)
                    .scan_index_forward(false)
                    .set_exclusive_start_key(start);
                let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
                let items = output.items.unwrap_or_default();
                items_read(items.len());
                for item in items.into_iter().map(Item::from) {
                    runs.push(read_run(&item)?);
                }
                start = output.last_evaluated_key;
                if start.is_none() {
                    return Ok(RunPage { runs, total });
                }
            }
        })
    }

    /// Writes what became of a run that goes on; the run as it is then, or `None` when it changed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_veille_run<'a>(
        &'a self,
        before: &'a VeilleRun,
        next: &'a VeilleRun,
    ) -> BoxFuture<'a, Result<Option<VeilleRun>, StoreError>> {
        Box::pin(async move {
            let next = VeilleRun { version: before.version + 1, ..next.clone() };
            Ok(self.put_version(run_item(&next), before.version).await?.then_some(next))
        })
    }

    fn started_member(&self, before: &VeilleRun, next: &VeilleRun) -> Result<TransactWriteItem, StoreError> {
        let next = VeilleRun { version: before.version + 1, ..next.clone() };
        run_item(&next).put(&self.main, Condition::Version(before.version))
    }

    /// Creates the job of a run together with the run that names it, if nobody changed the run meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_veille_job<'a>(
        &'a self,
        new: &'a NewJob,
        plan: Plan,
        before: &'a VeilleRun,
    ) -> BoxFuture<'a, Result<NodeCreation, StoreError>> {
        Box::pin(async move {
            let next = VeilleRun { job: Some(new.job.id), ..before.clone() };
            let member = self.started_member(before, &next)?;
            self.create_job_with(new, plan, Some(member)).await.map(|creation| match creation {
                Creation::Created => NodeCreation::Created,
                Creation::OverQuota(used, quota) => NodeCreation::OverQuota(used, quota),
                Creation::Changed => NodeCreation::Changed,
            })
        })
    }

    /// Adds a run to the pipeline of a veille, together with the veille's run that names it, if nobody changed that
    /// meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_veille_run<'a>(
        &'a self,
        veille: &'a Veille,
        pipeline: PipelineId,
        before: &'a VeilleRun,
        make: &'a (dyn Fn(u64) -> PipelineRun + Send + Sync),
    ) -> BoxFuture<'a, Result<RunCreation, StoreError>> {
        Box::pin(async move {
            let with = move |run: &PipelineRun| {
                let next = VeilleRun { pipeline: Some((run.pipeline, run.number)), ..before.clone() };
                self.started_member(before, &next)
            };
            self.add_run_with(veille.user, pipeline, make, Some(&with)).await
        })
    }

    /// Ends a run as it was read, and lets its veille know; with the announcement that `told` makes of the two. The run
    /// as it is then, or `None` when it changed meanwhile or is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_veille_run<'a>(
        &'a self,
        before: &'a VeilleRun,
        ended: &'a VeilleRun,
        told: &'a (dyn Fn(&Veille, &VeilleRun) -> Result<Announcement, StoreError> + Send + Sync),
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<VeilleRun>, StoreError>> {
        Box::pin(async move {
            let ended = VeilleRun { version: before.version + 1, ..ended.clone() };
            let of = (before.veille, before.number);
            for attempt in 0.. {
                let Some((veille, known)) = self.veille_with_run(of).await? else { return Ok(None) };
                if known == ended {
                    // the answer to this very write was lost
                    return Ok(Some(ended));
                }
                if known.version != before.version {
                    return Ok(None);
                }
                let mut members = vec![
                    run_item(&ended).put(&self.main, Condition::Version(before.version))?,
                    self.work_member(&purge(of, "ended"), now)?,
                ];
                // the source is nothing that its veille knows of
                if ended.number > 0 {
                    let next = veille.after(&ended);
                    members.push(veille_item(&next).put(&self.main, Condition::Version(veille.version))?);
                    members.extend(self.due_members(veille.id, veille.due_at, next.due_at, veille.user)?);
                    if ended.status == VeilleRunStatus::Done {
                        members.extend(self.announcing_members(&told(&next, &ended)?)?);
                    }
                    if ended.status == VeilleRunStatus::Done || !veille.is_listed() {
                        members.push(self.work_member(&purge((veille.id, veille.snapshot), "followed"), now)?);
                    }
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(Some(ended));
                }
                after_lost_race(attempt).await?;
            }
            Ok(None)
        })
    }
}
