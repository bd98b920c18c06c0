//! Proposals whose testers were told (openscouter 5.3, 14.1, 15).

use time::OffsetDateTime;

use crate::{
    model::{OutreachStatus, Proposal, ProposalId, ProposalStatus},
    store::{BoxFuture, Store, StoreError, after_lost_race, client::Written},
};

impl Store {
    /// Notes that the tester of a proposal was told: one that was `pending` can be answered from now on, and
    /// its own message is not sent any more. The proposal as it
    /// is then; `None` when it is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn send_proposal(
        &self,
        id: ProposalId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Option<Proposal>, StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let Some(proposal) = self.proposal(id).await? else { return Ok(None) };
                if proposal.status != ProposalStatus::Pending {
                    return Ok(Some(proposal));
                }
                let next = proposal.sent(now);
                let mut members = self.move_members(&proposal, &next).await?;
                members.extend(self.settle_message_members(id, OutreachStatus::Sent).await?);
                if self.transact(members).await? == Written::Done {
                    return Ok(Some(next));
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }
}
