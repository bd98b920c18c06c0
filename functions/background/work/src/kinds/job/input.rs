//! The input of a job as the engine reads it, over the store.

use std::sync::Arc;

use engine::{Fault, Input, Row};
use shared::{
    BoxFuture,
    store::{StoreError, StoredInput},
};

/// Rows and texts that the store keeps.
pub(super) struct JobRows(pub(super) Arc<StoredInput>);

fn internal(error: StoreError) -> Fault {
    Fault::Internal(error.to_string())
}

impl Input for JobRows {
    fn columns(&self) -> &[String] {
        self.0.columns()
    }

    fn rows(&self) -> u64 {
        self.0.rows()
    }

    fn read(&self, first: u64) -> BoxFuture<'_, Result<Vec<Row>, Fault>> {
        Box::pin(async move { self.0.read(first).await.map_err(internal)?.ok_or(Fault::InputGone) })
    }

    fn text(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Fault>> {
        Box::pin(async move { self.0.text().await.map_err(internal) })
    }
}
