//! New studies, many at once.

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;

use super::{
    BoxFuture, Store, StoreError,
    client::Written,
    collection::{Collection, study_rank},
    item::Condition,
    pending::{Pending, SharedList},
    retry::after_lost_race,
    study_items::{bytes_beside, study_item},
};
use crate::model::{Study, StudyId};

/// Most members of one DynamoDB transaction.
const MAX_MEMBERS: usize = 100;
/// Studies that one transaction is first tried with; their lists' nodes need room, too.
const MAX_IN_TRANSACTION: usize = 80;
/// Bytes of long tasks that one transaction takes; DynamoDB takes 4 MB in all.
const MAX_BESIDE: usize = 2_500_000;

impl Store {
    /// Stores new studies of one organization, as many in a transaction as fit; those whose id is
    /// taken are left alone and returned. Neighbours in the lists should stand together.
    ///
    /// # Errors
    /// When the store fails; what was stored before stays.
    pub fn create_studies<'a>(&'a self, studies: &'a [Study]) -> BoxFuture<'a, Result<Vec<StudyId>, StoreError>> {
        Box::pin(async move {
            let mut taken = Vec::new();
            for batch in studies.chunks(MAX_IN_TRANSACTION) {
                taken.extend(self.create_batch(batch).await?);
            }
            Ok(taken)
        })
    }

    async fn create_batch(&self, batch: &[Study]) -> Result<Vec<StudyId>, StoreError> {
        // what is left to store, in steps that are halved when their lists' nodes do not fit beside them
        let mut pending: Vec<&Study> = batch.iter().collect();
        let mut step = pending.len();
        let mut taken = Vec::new();
        let mut attempt = 0;
        while !pending.is_empty() {
            let now = pending.get(..step.min(pending.len())).unwrap_or_default();
            let Some(members) = self.new_studies(now).await? else {
                after_lost_race(attempt).await?;
                attempt += 1;
                continue;
            };
            let beside: usize = now.iter().map(|study| bytes_beside(study)).sum();
            if (members.len() > MAX_MEMBERS || beside > MAX_BESIDE) && now.len() > 1 {
                step = now.len() / 2;
                continue;
            }
            match self.transact(members).await? {
                Written::Done => {
                    pending.drain(..now.len());
                    attempt = 0;
                }
                Written::Refused(failed) => {
                    let known = failed.iter().filter_map(|position| now.get(*position)).map(|study| study.id);
                    let known: Vec<_> = known.collect();
                    pending.retain(|study| !known.contains(&study.id));
                    taken.extend(known);
                    after_lost_race(attempt).await?;
                    attempt += 1;
                }
            }
        }
        Ok(taken)
    }

    /// The transaction that stores new studies: they come first, in order, then their lists' changes.
    async fn new_studies(&self, studies: &[&Study]) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let Some(first) = studies.first() else { return Ok(Some(Vec::new())) };
        let mut members = Vec::new();
        for study in studies {
            members.push(study_item(study).put(&self.main, Condition::Absent)?);
        }
        for study in studies {
            members.extend(self.task_members(None, study)?);
        }
        let changes = studies.iter().flat_map(|study| {
            let rank = study_rank(study.created_at, study.id);
            Collection::of(study).map(|collection| (collection, Change::Insert(rank.clone())))
        });
        let ranked = self.collection_changes(first.organization, changes).await?;
        // the operator's lists are shared by all tenants, so that they follow through their drainer
        let ids: Vec<_> = studies.iter().map(|study| study.id.to_string()).collect();
        let (id, subjects) = (format!("{}-1", first.id), ids.join(" "));
        let pending = Pending { list: SharedList::Studies, id: &id, subjects: &subjects, new: true };
        let pending = self.pending_member(pending)?;
        Ok(ranked.map(|ranked| members.into_iter().chain(ranked).chain([pending]).collect()))
    }
}
