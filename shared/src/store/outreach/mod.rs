//! Outreach messages (openscouter 14.2): each stands beside its proposal, in the queue while it is a draft, and where it
//! comes due once it was approved.

mod lists;
mod sending;

use aws_sdk_dynamodb::types::TransactWriteItem;
pub use lists::OutreachScope;
pub(super) use lists::{organization_queue, study_queue};
pub use sending::due_message;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    due::{MESSAGES, due_name},
    group_commit::Committed,
    item::{Condition, Item},
    proposals::proposal_pk,
};
use crate::model::{Channel, OrganizationId, Outreach, OutreachId, OutreachStatus, ProposalId, StudyId, UserId};

/// What became of a change of a message.
#[derive(Debug)]
pub enum OutreachChange {
    /// It is done.
    Done(Box<Outreach>),
    /// There is no such message.
    Missing,
    /// It is no draft any more.
    Stands(OutreachStatus),
}

pub(super) fn message_key(proposal: ProposalId) -> (String, String) {
    (proposal_pk(proposal), "MESSAGE".to_owned())
}

/// Where an approved message comes due.
fn due_key(message: &Outreach) -> Option<(String, String)> {
    let id = message.proposal.to_string();
    Some(MESSAGES.key(&id, due_name(message.send_at?, &id)))
}

pub(super) fn message_item(message: &Outreach) -> Item {
    let (pk, sk) = message_key(message.proposal);
    Item::new(pk, sk)
        .text("proposal", message.proposal.to_string())
        .text("study", message.study.to_string())
        .text("organization", message.organization.to_string())
        .text("tester", message.tester.to_string())
        .text("channel", message.channel.as_str())
        .optional_text("subject", message.subject.as_deref())
        .text("body", &*message.body)
        .text("status", message.status.as_str())
        .time("generated_at", message.generated_at)
        .optional_time("approved_at", message.approved_at)
        .optional_time("send_at", message.send_at)
        .time("updated_at", message.updated_at)
        .optional_text("changed_by", message.changed_by.as_deref())
        .number("version", message.version)
}

fn read_message(item: &Item) -> Result<Outreach, StoreError> {
    let reader = item.read("outreach message");
    Ok(Outreach {
        proposal: reader.parsed("proposal", ProposalId::parse)?,
        study: reader.parsed("study", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        tester: reader.parsed("tester", UserId::parse)?,
        channel: reader.parsed("channel", Channel::parse)?,
        subject: reader.optional_text("subject").map(str::to_owned),
        body: reader.text("body")?.to_owned(),
        status: reader.parsed("status", OutreachStatus::parse)?,
        generated_at: reader.time("generated_at")?,
        approved_at: reader.optional_time("approved_at")?,
        send_at: reader.optional_time("send_at")?,
        updated_at: reader.time("updated_at")?,
        changed_by: reader.optional_text("changed_by").map(str::to_owned),
        version: reader.number("version")?,
    })
}

impl Store {
    /// A message, whosever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn outreach(&self, id: OutreachId) -> BoxFuture<'_, Result<Option<Outreach>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = message_key(id.proposal());
            self.get(&self.main, pk, sk).await?.as_ref().map(read_message).transpose()
        })
    }

    /// The members that bring a message from `current` to `next`, with the queue and the place where it comes due.
    fn message_members(&self, current: &Outreach, next: &Outreach) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut members = vec![message_item(next).put(&self.main, Condition::Version(current.version))?];
        let drafts = |message: &Outreach| message.status == OutreachStatus::Pending;
        if drafts(current) != drafts(next) {
            members.push(self.queue_member(std::slice::from_ref(next))?);
        }
        let due = |message: &Outreach| due_key(message).filter(|_| message.status == OutreachStatus::Approved);
        let (left, entered) = (due(current), due(next));
        if left != entered {
            members.extend(left.map(|key| self.taken_member(key)).transpose()?);
            members.extend(entered.map(|key| self.due_member(key)).transpose()?);
        }
        Ok(members)
    }

    /// Changes a draft by `change` for the request `by`: of two at once, each sees what the other left.
    ///
    /// # Errors
    /// When the store fails.
    pub fn change_draft<'a>(
        &'a self,
        id: OutreachId,
        by: &'a str,
        change: &'a (dyn Fn(&Outreach) -> Outreach + Send + Sync),
    ) -> BoxFuture<'a, Result<OutreachChange, StoreError>> {
        Box::pin(async move {
            let mut tried = None;
            for attempt in 0.. {
                let Some(message) = self.outreach(id).await? else { return Ok(OutreachChange::Missing) };
                // the first answer to this very write can have been lost
                if tried.as_ref() == Some(&message) {
                    return Ok(OutreachChange::Done(Box::new(message)));
                }
                if message.status != OutreachStatus::Pending {
                    return Ok(OutreachChange::Stands(message.status));
                }
                let next = Outreach { changed_by: Some(by.to_owned()), ..change(&message) };
                if self.transact(self.message_members(&message, &next)?).await? == Written::Done {
                    return Ok(OutreachChange::Done(Box::new(next)));
                }
                tried = Some(next);
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// Notes what became of delivering a message; nothing changes once that is known, or the message was cancelled.
    ///
    /// # Errors
    /// When the store fails.
    pub fn settle_outreach(&self, id: OutreachId, status: OutreachStatus) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let message = self.outreach(id).await?.filter(|message| message.status == OutreachStatus::Approved);
                let Some(message) = message else { return Ok(()) };
                if self.transact(self.message_members(&message, &message.moved_to(status))?).await? == Written::Done {
                    return Ok(());
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    /// The members that cancel the message of a proposal that ends before it was sent.
    pub(super) async fn cancel_message_members(
        &self,
        proposal: ProposalId,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        self.settle_message_members(proposal, OutreachStatus::Cancelled).await
    }

    /// The members that bring the message of a proposal that was not sent to an end.
    pub(super) async fn settle_message_members(
        &self,
        proposal: ProposalId,
        status: OutreachStatus,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let message = self.outreach(OutreachId::of(proposal)).await?.filter(Outreach::is_unsent);
        let Some(message) = message else { return Ok(Vec::new()) };
        self.message_members(&message, &message.moved_to(status))
    }

    /// Takes the message of a proposal that is about to go off the queue, and removes it.
    pub(super) async fn drop_message(&self, proposal: ProposalId) -> Result<(), StoreError> {
        for attempt in 0.. {
            let Some(message) = self.outreach(OutreachId::of(proposal)).await? else { return Ok(()) };
            let gone = message.moved_to(OutreachStatus::Cancelled);
            let left =
                !message.is_unsent() || self.transact(self.message_members(&message, &gone)?).await? == Written::Done;
            if left && self.commit_messages(vec![proposal.to_string()]).await? == Committed::Done {
                let (pk, sk) = message_key(proposal);
                return self.batch_delete(vec![(pk, sk)]).await;
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(u32::MAX))
    }
}
