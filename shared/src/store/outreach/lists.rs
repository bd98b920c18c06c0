//! The queue of drafts (openscouter 14.2): oldest first, of all, of an organization and of a study. It follows by group
//! commit.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;

use super::{message_key, read_message};
use crate::{
    clock::epoch_micros,
    model::{OrganizationId, Outreach, OutreachStatus, ProposalId, StudyId},
    store::{
        BoxFuture, Page, Store, StoreError,
        group_commit::Committed,
        item::check_version,
        pending::{Pending, SharedList},
    },
};

/// Whose messages a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutreachScope {
    /// All.
    All,
    /// Of an organization's studies.
    Organization(OrganizationId),
    /// Of a study.
    Study(StudyId),
}

fn queue(scope: OutreachScope) -> String {
    match scope {
        OutreachScope::All => "RANK#messages".to_owned(),
        OutreachScope::Organization(id) => format!("RANK#{id}#messages"),
        OutreachScope::Study(id) => format!("RANK#{id}#messages"),
    }
}

/// The queue that is a study's own.
pub(in crate::store) fn study_queue(study: StudyId) -> String {
    queue(OutreachScope::Study(study))
}

/// The queue that is an organization's own.
pub(in crate::store) fn organization_queue(organization: OrganizationId) -> String {
    queue(OutreachScope::Organization(organization))
}

/// A rank by time, oldest first, ties by id.
fn rank(message: &Outreach) -> Vec<u8> {
    let ascending = epoch_micros(message.generated_at).cast_unsigned() ^ (1 << 63);
    [&ascending.to_be_bytes()[..], message.proposal.as_bytes()].concat()
}

impl Store {
    /// The member that leaves some messages to the queue's drainer.
    pub(in crate::store) fn queue_member(&self, messages: &[Outreach]) -> Result<TransactWriteItem, StoreError> {
        let id = messages.first().map_or_else(String::new, |first| format!("{}-{}", first.proposal, first.version));
        let subjects: Vec<_> = messages.iter().map(|message| message.proposal.to_string()).collect();
        let (list, subjects) = (SharedList::Messages, subjects.join(" "));
        self.pending_member(Pending { list, id: &id, subjects: &subjects, new: false })
    }

    /// Ranks the messages that pending items name by what they are now, on condition that they are still that; again,
    /// nothing changes.
    pub(in crate::store) fn commit_messages(
        &self,
        subjects: Vec<String>,
    ) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let ids: BTreeSet<_> = subjects.iter().filter_map(|id| ProposalId::parse(id)).collect();
            let (mut changes, mut members) = (BTreeMap::<String, Vec<Change>>::new(), Vec::new());
            for item in self.batch_get(ids.into_iter().map(message_key).collect()).await? {
                let message = match read_message(&item) {
                    Ok(message) => message,
                    Err(error) => {
                        tracing::error!(cause = %error, "message left out of the queue");
                        continue;
                    }
                };
                let Outreach { organization, study, proposal, version, .. } = message;
                let scopes =
                    [OutreachScope::All, OutreachScope::Organization(organization), OutreachScope::Study(study)];
                for scope in scopes {
                    let change = match message.status {
                        OutreachStatus::Pending => Change::Insert(rank(&message)),
                        _ => Change::Remove(rank(&message)),
                    };
                    changes.entry(queue(scope)).or_default().push(change);
                }
                let (pk, sk) = message_key(proposal);
                members.push(check_version(&self.main, pk, sk, version)?);
            }
            let heads = self.heads(&changes.keys().cloned().collect::<Vec<_>>()).await?;
            self.commit_at_once(&heads, &changes, members).await
        })
    }

    /// One page of the drafts, oldest first: the same cost for every page.
    ///
    /// # Errors
    /// When the store fails.
    pub fn outreach_page(
        &self,
        scope: OutreachScope,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Page<Outreach>, StoreError>> {
        Box::pin(async move {
            let (total, ranks) = self.ranked_page(&queue(scope), (None, None), offset, limit).await?;
            let id = |rank: &Vec<u8>| {
                let bytes: [u8; 16] = rank.get(8..)?.try_into().ok()?;
                Some(ProposalId::from_uuid(uuid::Uuid::from_bytes(bytes)))
            };
            let ids: Vec<_> = ranks.iter().filter_map(id).collect();
            let items = self.batch_get(ids.iter().copied().map(message_key).collect()).await?;
            let mut members = items.iter().map(read_message).collect::<Result<Vec<_>, _>>()?;
            // what is no draft any more leaves when the queue follows
            members.retain(|message| message.status == OutreachStatus::Pending);
            members.sort_by_key(|message| (message.generated_at, message.proposal));
            Ok(Page { total, members })
        })
    }
}
