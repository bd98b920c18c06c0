//! The removal of pipelines: by their owner, and with the account.

use ranked::Change;
use time::OffsetDateTime;

use super::{
    item::{header_key, pipeline_pk, pipelines_of},
    life::pipeline_rank,
};
use crate::{
    BoxFuture,
    model::{PipelineId, UserId, WorkItem, WorkKind},
    store::{
        Store, StoreError, after_lost_race, client::Written, collection::id_of, item::delete_version,
        retry::MAX_ATTEMPTS,
    },
};

/// Pipelines that one slice of an erasure removes.
const SLICE: u32 = 25;

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineRemoval {
    /// The pipeline is removed.
    Removed,
    /// A run of it is active, and nothing was written.
    StillActive,
    /// A veille runs it, and nothing was written.
    Watched(u64),
    /// There is no such pipeline.
    Gone,
}

fn purge(id: PipelineId) -> WorkItem {
    WorkItem { id: format!("purge-{id}"), kind: WorkKind::Purge, subject: id.to_string(), attempt: 0 }
}

impl Store {
    /// Removes a pipeline of `user` of which no run is active. Its runs go by work; its jobs stay.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_pipeline(
        &self,
        user: UserId,
        id: PipelineId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<PipelineRemoval, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(pipeline) = self.pipeline(user, id).await? else { return Ok(PipelineRemoval::Gone) };
                if !self.active_runs(&pipeline).await?.is_empty() {
                    return Ok(PipelineRemoval::StillActive);
                }
                if let Some(veille) = pipeline.veilles.first() {
                    return Ok(PipelineRemoval::Watched(*veille));
                }
                let change = Change::Remove(pipeline_rank(&pipeline));
                if let Some(ranked) = self.rank_in_all(&[pipelines_of(user)], &change).await? {
                    let (pk, sk) = header_key(id);
                    let mut members = vec![delete_version(&self.main, pk, sk, pipeline.version)?];
                    members.push(self.work_member(&purge(id), now)?);
                    members.extend(ranked);
                    if self.transact(members).await? == Written::Done {
                        return Ok(PipelineRemoval::Removed);
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Removes a slice of what a removed pipeline had; `Ok(true)` when nothing is left.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_pipeline(&self, id: PipelineId) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            const STEP: i32 = 200;
            if self.any_pipeline(id).await?.is_some() {
                return Ok(true);
            }
            let keys = self.some_keys(pipeline_pk(id), "", STEP).await?;
            if keys.is_empty() {
                return Ok(true);
            }
            self.batch_delete(keys).await?;
            Ok(false)
        })
    }

    /// A slice of the pipelines of an account that is deleted, with their runs, so that no run makes another job.
    /// `Ok(true)` when none is left.
    pub(in crate::store) async fn erase_pipelines(&self, user: UserId) -> Result<bool, StoreError> {
        let (_, ranks) = self.ranked_page(&pipelines_of(user), (None, None), 0, SLICE).await?;
        for rank in &ranks {
            let Some(id) = id_of(rank).map(PipelineId::from_uuid) else { continue };
            // it is found by its rank: the rest of it goes before
            self.drop_items(&pipeline_pk(id), "").await?;
            self.remove_everywhere(&[pipelines_of(user)], rank.clone()).await?;
        }
        if !ranks.is_empty() {
            return Ok(false);
        }
        self.erase_partition(pipelines_of(user), "", |_, _| None).await?;
        Ok(true)
    }
}
