//! Approved messages at their time (openscouter 20): the proposal is `sent` from then on, and the work that follows delivers
//! the message. State comes first: a tester who reads it can answer at once.

use time::OffsetDateTime;

use super::due_key;
use crate::{
    model::{OutreachId, OutreachStatus, ProposalId, ProposalStatus, Status, WorkItem},
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        due::{MESSAGES, read_due_name},
    },
};

/// The proposal whose message a name of [`Store::due_outreach`] stands for.
#[must_use]
pub fn due_message(name: &str) -> Option<ProposalId> {
    ProposalId::parse(read_due_name(name)?.1)
}

impl Store {
    /// At most `limit` names of messages whose time came, in its order, behind the name `after`, which may be empty.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_outreach<'a>(
        &'a self,
        after: &'a str,
        now: OffsetDateTime,
        limit: i32,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.due_names(MESSAGES, after, now, limit)
    }

    /// Sets the delivery of a due message off, by its name: of two at once one does; whether this was it. While the study
    /// is paused the message waits for the next full hour; where nothing can be proposed any more it is cancelled.
    ///
    /// # Errors
    /// When the store fails.
    pub fn send_outreach<'a>(&'a self, name: &'a str, now: OffsetDateTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let Some(id) = due_message(name) else { return Ok(false) };
            for attempt in 0.. {
                let Some(message) = self.outreach(OutreachId::of(id)).await? else { return Ok(false) };
                let is_named = due_key(&message).is_some_and(|(_, known)| known == name);
                if message.status != OutreachStatus::Approved || !is_named {
                    return Ok(false);
                }
                let proposal = self.proposal(id).await?.filter(|one| one.status == ProposalStatus::Pending);
                let study = self.linked_study(message.study).await?;
                let (next, moved) = match (proposal, study.map(|study| study.status)) {
                    (Some(_), Some(Status::Paused)) => (message.put_off(now), None),
                    (Some(proposal), Some(status)) if status.is_active() => {
                        let sent = proposal.sent(now);
                        (message.under_way(), Some((proposal, sent)))
                    }
                    _ => (message.moved_to(OutreachStatus::Cancelled), None),
                };
                let mut members = self.message_members(&message, &next)?;
                if let Some((proposal, sent)) = &moved {
                    members.extend(self.move_members(proposal, sent).await?);
                    members.push(self.work_member(&WorkItem::offer(id), now)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(moved.is_some());
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }
}
