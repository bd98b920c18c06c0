//! Drafts that are deleted, and what goes after them.

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, UpdateError,
    client::Written,
    collection::{Collection, newest_first, study_rank},
    item::{Condition, Item, delete_version},
    pending::{Pending, SharedList},
    retry::after_lost_race,
    studies::{study_lists, study_pk},
    study_items::study_key,
};
use crate::model::{Study, StudyId};

/// Beside a deleted study, until nothing is left of it: when it was made.
const GONE: &str = "GONE";

impl Store {
    /// Deletes a draft if `rule` lets it; the study comes back as it was. The check and the write are atomic: on a lost
    /// race the study is read and `rule` asked again. What hangs on the study goes by work, and an open
    /// checkout ends at Stripe.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn delete_draft<'a, E: Send + 'a>(
        &'a self,
        study: Study,
        now: OffsetDateTime,
        rule: &'a (dyn Fn(&Study) -> Result<(), E> + Send + Sync),
    ) -> BoxFuture<'a, Result<Study, UpdateError<E>>> {
        Box::pin(async move {
            let mut current = study;
            for attempt in 0.. {
                rule(&current).map_err(UpdateError::Refused)?;
                if self.delete_study(&current, now).await? {
                    return Ok(current);
                }
                after_lost_race(attempt).await?;
                current = self.study(current.organization, current.id).await?.ok_or(UpdateError::NotFound)?;
            }
            Err(StoreError::Contended(u32::MAX).into())
        })
    }

    /// Deletes a study as it was read; `Ok(false)` when it was changed meanwhile, or is gone.
    async fn delete_study(&self, study: &Study, now: OffsetDateTime) -> Result<bool, StoreError> {
        let rank = study_rank(study.created_at, study.id);
        let changes = Collection::of(study).map(|collection| (collection, Change::Remove(rank.clone())));
        for attempt in 0.. {
            let ranked = self.collection_changes(study.organization, changes.clone().into_iter()).await?;
            if let Some(ranked) = ranked {
                let (pk, sk) = study_key(study.id);
                let mut members = vec![delete_version(&self.main, pk, sk, study.version)?];
                members.extend(self.gone_members(study.id, study.created_at)?);
                members.extend(self.without_checkout(study, now).await?);
                members.extend(ranked);
                match self.transact(members).await? {
                    Written::Done => break,
                    Written::Refused(failed) if failed.contains(&0) => return Ok(false),
                    Written::Refused(_) => {}
                }
            }
            after_lost_race(attempt).await?;
        }
        // right away where it can be; else the work does it
        if let Err(error) = self.take_off(study.id, study.created_at).await {
            tracing::debug!(cause = %error, "deleted study taken off the lists later");
        }
        Ok(true)
    }

    /// The transaction members that go with a study's deletion: what is left of it is removed by the lists' drainer,
    /// unless that is done before.
    pub(super) fn gone_members(
        &self,
        id: StudyId,
        created_at: OffsetDateTime,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let tombstone = Item::new(study_pk(id), GONE.to_owned()).time("created_at", created_at);
        let (subjects, gone) = (id.to_string(), format!("{id}-gone"));
        let pending = Pending { list: SharedList::Studies, id: &gone, subjects: &subjects, new: false };
        Ok([tombstone.put(&self.main, Condition::None)?, self.pending_member(pending)?])
    }

    /// Takes a study off the operator's lists.
    pub(super) async fn take_off(&self, id: StudyId, created_at: OffsetDateTime) -> Result<(), StoreError> {
        self.remove_everywhere(&study_lists(), newest_first(created_at, id.as_bytes())).await
    }

    /// Removes what is left of a study that was deleted; of one that is forgotten already, nothing is.
    pub(super) async fn forget_deleted(&self, id: StudyId) -> Result<(), StoreError> {
        match self.get(&self.main, study_pk(id), GONE.to_owned()).await? {
            None => Ok(()),
            Some(tombstone) => self.forget(id, tombstone.read("deleted study").time("created_at")?).await,
        }
    }

    /// Takes a study off the lists and removes all that its partition holds; again, nothing changes.
    pub(super) async fn forget(&self, id: StudyId, created_at: OffsetDateTime) -> Result<(), StoreError> {
        self.take_off(id, created_at).await?;
        self.erase_approvals(id).await?;
        // the tombstone, which is why somebody comes back, last
        self.drop_but(&study_pk(id), "", &[GONE]).await?;
        self.batch_delete(vec![(study_pk(id), GONE.to_owned())]).await
    }
}
