//! The removal of veilles with their account, and all of them for its export.

use super::item::{OWNED, due_key, header_key, owned_key, veille_pk};
use crate::{
    BoxFuture,
    model::{UserId, Veille},
    store::{Store, StoreError, user_items::user_pk},
};

/// Veilles that one slice of an erasure removes: one can have years of runs.
const SLICE: i32 = 1;

impl Store {
    /// All veilles that a user ever made, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn every_veille(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Veille>, StoreError>> {
        Box::pin(async move {
            let marks = self.query(user_pk(user), OWNED).await?;
            let ids =
                marks.iter().map(|mark| mark.read("veille mark").parsed("sk", id_of)).collect::<Result<Vec<_>, _>>()?;
            self.veilles_by_id(&ids).await
        })
    }

    /// Removes what was written for a veille after it was removed with its account; one that is there is left alone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_gone_veille(&self, id: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            if self.any_veille(id).await?.is_none() {
                self.drop_items(&veille_pk(id), "").await?;
            }
            Ok(())
        })
    }

    /// A slice of the veilles of an account that is deleted, so that none runs again. `Ok(true)` when none is left.
    pub(in crate::store) async fn erase_veilles(&self, user: UserId) -> Result<bool, StoreError> {
        let marks = self.some_keys(user_pk(user), OWNED, SLICE).await?;
        for id in marks.iter().filter_map(|(_, sk)| id_of(sk)) {
            if let Some(veille) = self.any_veille(id).await? {
                let due = veille.due_at.map(|at| due_key(id, at));
                self.batch_delete(due.into_iter().chain([header_key(id)]).collect()).await?;
            }
            // it is found by its mark: the rest of it goes before
            self.drop_items(&veille_pk(id), "").await?;
            self.batch_delete(vec![owned_key(user, id)]).await?;
        }
        Ok(marks.is_empty())
    }
}

fn id_of(sk: &str) -> Option<u64> {
    sk.strip_prefix(OWNED)?.parse().ok()
}
