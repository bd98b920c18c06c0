//! A user's pipelines as a list, each with its last run (outsend 14.5).

use std::collections::HashMap;

use super::item::{header_key, pipelines_of, read_pipeline, read_run, run_key};
use crate::{
    BoxFuture,
    model::{Pipeline, PipelineId, PipelineRun, UserId},
    store::{Store, StoreError, collection::id_of},
};

impl Store {
    /// A page of a user's pipelines, newest first, each with its last run: every page costs the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pipelines_page(
        &self,
        user: UserId,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<(Pipeline, PipelineRun)>, StoreError>> {
        Box::pin(async move {
            let (_, ranks) = self.ranked_page(&pipelines_of(user), (None, None), offset, limit).await?;
            let ids: Vec<_> = ranks.iter().filter_map(|rank| id_of(rank)).map(PipelineId::from_uuid).collect();
            let headers = self.batches(ids.iter().map(|id| header_key(*id)).collect()).await?;
            let mut headers: HashMap<_, _> = headers
                .iter()
                .map(|item| read_pipeline(item).map(|pipeline| (pipeline.id, pipeline)))
                .collect::<Result<_, _>>()?;
            let keys = headers.values().map(|pipeline| run_key(pipeline.id, pipeline.runs)).collect();
            let runs = self.batches(keys).await?;
            let mut runs: HashMap<_, _> =
                runs.iter().map(|item| read_run(item).map(|run| (run.pipeline, run))).collect::<Result<_, _>>()?;
            Ok(ids.iter().filter_map(|id| Some((headers.remove(id)?, runs.remove(id)?))).collect())
        })
    }
}
