//! Pipelines, their runs and the jobs of their nodes: each step one conditional write.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use ranked::Change;
use time::Duration;

use super::item::{
    DEFINITION, header_key, pipeline_item, pipeline_pk, pipelines_of, read_pipeline, read_run, run_item, run_key,
};
use crate::{
    BoxFuture,
    model::{Announcement, Pipeline, PipelineId, PipelineRun, Plan, Trigger, UserId, WorkItem},
    store::{
        Store, StoreError, after_lost_race,
        client::Written,
        collection::newest_first,
        item::{Condition, Item},
        jobs::{Creation, NewJob},
        retry::MAX_ATTEMPTS,
        round_trips::{items_read, round_trip},
    },
};

/// When a run whose request was lost is taken up: the request itself makes the first jobs, and far sooner.
const LOST: Duration = Duration::seconds(20);

/// What became of the creation of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunCreation {
    /// It is there.
    Created(Box<(Pipeline, PipelineRun)>),
    /// Another run that its owner started is active.
    Active,
    /// There is no such pipeline.
    Gone,
    /// What the run was to belong to changed meanwhile, and nothing was written.
    Changed,
}

/// What is written together with a new run.
type Beside<'a> = &'a (dyn Fn(&PipelineRun) -> Result<TransactWriteItem, StoreError> + Send + Sync);
/// Where that stands among the transaction's members.
const BESIDE: usize = 3;

/// What became of the creation of a node's job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCreation {
    /// The job is there, and its node names it.
    Created,
    /// The month's quota does not allow it: what is used of it, and the quota.
    OverQuota(u64, u64),
    /// The run changed meanwhile, and nothing was written.
    Changed,
}

/// The rank of a pipeline in its owner's list.
pub(super) fn pipeline_rank(pipeline: &Pipeline) -> Vec<u8> {
    newest_first(pipeline.created_at, pipeline.id.as_bytes())
}

/// The work that makes the first jobs of a run, should its request have been lost.
fn launch(run: &PipelineRun) -> WorkItem {
    WorkItem::run(run.pipeline, run.number, "launch")
}

impl Store {
    /// Creates a pipeline with its first run: both, or nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_pipeline<'a>(
        &'a self,
        pipeline: &'a Pipeline,
        run: &'a PipelineRun,
        definition: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, insertion) = (pipeline_pk(pipeline.id), Change::Insert(pipeline_rank(pipeline)));
            for attempt in 0..MAX_ATTEMPTS {
                let lists = [pipelines_of(pipeline.user)];
                let Some(ranked) = self.rank_in_all(&lists, &insertion).await? else {
                    after_lost_race(attempt).await?;
                    continue;
                };
                let head = Item::new(pk.clone(), DEFINITION.to_owned());
                let mut members = vec![
                    pipeline_item(pipeline).put(&self.main, Condition::Absent)?,
                    run_item(run).put(&self.main, Condition::Absent)?,
                    self.work_member(&launch(run), run.created_at + LOST)?,
                ];
                members.extend(self.large_members((&pk, DEFINITION), head, definition, Condition::None)?);
                members.extend(ranked);
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    // the answer to this very write can have been lost
                    Written::Refused(failed) if failed.contains(&0) => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Adds a run to a pipeline of `user`, as `make` has it by its number; while a run that its owner started is active,
    /// no second one is (outsend 14.4).
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_run<'a>(
        &'a self,
        user: UserId,
        id: PipelineId,
        make: &'a (dyn Fn(u64) -> PipelineRun + Send + Sync),
    ) -> BoxFuture<'a, Result<RunCreation, StoreError>> {
        self.add_run_with(user, id, make, None)
    }

    /// [`Store::add_run`], together with the write of what the run belongs to, which has a condition of its own; when
    /// that fails, [`RunCreation::Changed`].
    pub(in crate::store) fn add_run_with<'a>(
        &'a self,
        user: UserId,
        id: PipelineId,
        make: &'a (dyn Fn(u64) -> PipelineRun + Send + Sync),
        with: Option<Beside<'a>>,
    ) -> BoxFuture<'a, Result<RunCreation, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(pipeline) = self.pipeline(user, id).await? else { return Ok(RunCreation::Gone) };
                let active = self.active_runs(&pipeline).await?;
                let run = make(pipeline.runs + 1);
                if run.trigger == Trigger::Manual && active.iter().any(|run| run.trigger == Trigger::Manual) {
                    return Ok(RunCreation::Active);
                }
                let numbers = active.iter().map(|run| run.number).chain([run.number]).collect();
                let next =
                    Pipeline { runs: run.number, active: numbers, version: pipeline.version + 1, ..pipeline.clone() };
                let mut members = vec![
                    pipeline_item(&next).put(&self.main, Condition::Version(pipeline.version))?,
                    run_item(&run).put(&self.main, Condition::Absent)?,
                    self.work_member(&launch(&run), run.created_at + LOST)?,
                ];
                members.extend(with.map(|with| with(&run)).transpose()?);
                let written = self.transact(members).await?;
                if written == Written::Done {
                    return Ok(RunCreation::Created(Box::new((next, run))));
                }
                // the answer to this very write can have been lost
                if self.run(id, run.number).await?.is_some_and(|known| known.same_start(&run)) {
                    return Ok(RunCreation::Created(Box::new((next, run))));
                }
                if matches!(&written, Written::Refused(failed) if failed.contains(&BESIDE)) {
                    return Ok(RunCreation::Changed);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// A pipeline of `user`; another one's is not there (outsend 2.1).
    ///
    /// # Errors
    /// When the store fails.
    pub fn pipeline(&self, user: UserId, id: PipelineId) -> BoxFuture<'_, Result<Option<Pipeline>, StoreError>> {
        Box::pin(async move { Ok(self.any_pipeline(id).await?.filter(|pipeline| pipeline.user == user)) })
    }

    /// A pipeline, whoever owns it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn any_pipeline(&self, id: PipelineId) -> BoxFuture<'_, Result<Option<Pipeline>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = header_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_pipeline).transpose()
        })
    }

    /// The definition of a pipeline, as it was sent.
    ///
    /// # Errors
    /// When the store fails.
    pub fn definition(&self, id: PipelineId) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            let pk = pipeline_pk(id);
            let Some(head) = self.get(&self.main, pk.clone(), DEFINITION.to_owned()).await? else { return Ok(None) };
            Ok(self.large_text(head, (&pk, DEFINITION)).await?.map(|(_, text)| text))
        })
    }

    /// A run of a pipeline.
    ///
    /// # Errors
    /// When the store fails.
    pub fn run(&self, id: PipelineId, number: u64) -> BoxFuture<'_, Result<Option<PipelineRun>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = run_key(id, number);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_run).transpose()
        })
    }

    /// The last run of a pipeline.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_run(&self, id: PipelineId) -> BoxFuture<'_, Result<Option<PipelineRun>, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(pipeline_pk(id)))
                .expression_attribute_values(":prefix", AttributeValue::S("RUN#".to_owned()))
                .consistent_read(true)
                .scan_index_forward(false)
                .limit(1);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let items = output.items.unwrap_or_default();
            items_read(items.len());
            items.into_iter().next().map(Item::from).as_ref().map(read_run).transpose()
        })
    }

    /// The runs of a pipeline that are active.
    ///
    /// # Errors
    /// When the store fails.
    pub fn active_runs<'a>(&'a self, pipeline: &'a Pipeline) -> BoxFuture<'a, Result<Vec<PipelineRun>, StoreError>> {
        Box::pin(async move {
            let keys = pipeline.active.iter().map(|number| run_key(pipeline.id, *number)).collect();
            let items = self.batch_get(keys).await?;
            let mut runs: Vec<_> = items.iter().map(read_run).collect::<Result<_, _>>()?;
            runs.retain(|run| run.status.is_active());
            runs.sort_by_key(|run| run.number);
            Ok(runs)
        })
    }

    /// Writes what became of a run that was read as `before`, with what is told of it, and lets its veille know; the run as it is then, or `None`
    /// when it changed meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_run<'a>(
        &'a self,
        before: &'a PipelineRun,
        next: &'a PipelineRun,
        told: Option<&'a Announcement>,
    ) -> BoxFuture<'a, Result<Option<PipelineRun>, StoreError>> {
        Box::pin(async move {
            let next = PipelineRun { version: before.version + 1, ..next.clone() };
            let veille = next.veille_work().filter(|_| next.status != before.status);
            if told.is_none() && veille.is_none() {
                return Ok(self.put_version(run_item(&next), before.version).await?.then_some(next));
            }
            let mut members = vec![run_item(&next).put(&self.main, Condition::Version(before.version))?];
            if let Some(told) = told {
                members.extend(self.announcing_members(told)?);
            }
            if let Some(work) = veille {
                members.push(self.work_member(&work, next.completed_at.unwrap_or(next.created_at))?);
            }
            if self.transact(members).await? == Written::Done {
                return Ok(Some(next));
            }
            // the answer to this very write can have been lost
            Ok(self.run(next.pipeline, next.number).await?.filter(|known| *known == next))
        })
    }

    /// Creates the job of a node together with the run that names it, if nobody changed the run meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_node_job<'a>(
        &'a self,
        new: &'a NewJob,
        plan: Plan,
        before: &'a PipelineRun,
        next: &'a PipelineRun,
    ) -> BoxFuture<'a, Result<NodeCreation, StoreError>> {
        Box::pin(async move {
            let next = PipelineRun { version: before.version + 1, ..next.clone() };
            let member = run_item(&next).put(&self.main, Condition::Version(before.version))?;
            Ok(match self.create_job_with(new, plan, Some(member)).await? {
                Creation::Created => NodeCreation::Created,
                Creation::OverQuota(used, quota) => NodeCreation::OverQuota(used, quota),
                Creation::Changed => NodeCreation::Changed,
            })
        })
    }

    /// Takes the work off that was to make a run's first jobs: they are there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn launched<'a>(&'a self, run: &'a PipelineRun) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.finish_work(&launch(run)).await })
    }
}
