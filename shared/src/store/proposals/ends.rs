//! Proposals that end without an answer, or with their study or their tester (openscouter 5.3, 20).

use time::OffsetDateTime;

use super::{
    key,
    lists::{is_going, proposal_lists, study_proposal_lists},
    offered_key, proposal_item, read_proposal, tester_key,
};
use crate::{
    model::{Proposal, ProposalId, ProposalStatus, StudyId, UserId, WorkItem},
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        group_commit::Committed,
        item::{delete, delete_version},
        outreach::study_queue,
        studies::study_pk,
        testers::proposed_key,
        user_items::user_pk,
    },
};

/// What finds proposals, from a study and from a tester.
const PROPOSED: &str = "PROPOSED#";

impl Store {
    /// Ends a proposal that nobody answered in time, and queues that the next best tester is proposed; `Ok(false)` of one
    /// that stands otherwise, or whose time has not come.
    pub(in crate::store) async fn expire_proposal(
        &self,
        id: ProposalId,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let over = |proposal: &Proposal| {
            proposal.status == ProposalStatus::Sent && proposal.status_at(now) == ProposalStatus::Expired
        };
        self.end_proposal(id, &over, true, now).await
    }

    /// Ends a proposal as long as `rule` says so; its message is not sent any more.
    async fn end_proposal(
        &self,
        id: ProposalId,
        rule: &(dyn Fn(&Proposal) -> bool + Send + Sync),
        replaced: bool,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        for attempt in 0.. {
            let Some(proposal) = self.proposal(id).await?.filter(rule) else { return Ok(false) };
            let next = proposal.moved_to(ProposalStatus::Expired, now);
            let mut members = self.move_members(&proposal, &next).await?;
            members.extend(self.cancel_message_members(id).await?);
            if replaced {
                members.push(self.work_member(&WorkItem::propose_next(&next), now)?);
            }
            if self.transact(members).await? == Written::Done {
                return Ok(true);
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// Ends what is open of a study's proposals, but for those that were accepted; `Ok(false)` when `enough` said so before
    /// the end.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_proposals<'a>(
        &'a self,
        study: StudyId,
        now: OffsetDateTime,
        enough: &'a (dyn Fn() -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let waits = |proposal: &Proposal| matches!(proposal.status, ProposalStatus::Pending | ProposalStatus::Sent);
            for item in self.query(study_pk(study), PROPOSED).await? {
                let reader = item.read("pair");
                if !reader.flag("open")? {
                    continue;
                }
                if enough() {
                    return Ok(false);
                }
                if let Some(id) = reader.texts("ids").last().and_then(|id| ProposalId::parse(id)) {
                    self.end_proposal(id, &waits, false, now).await?;
                }
            }
            Ok(true)
        })
    }

    /// How many testers were ever proposed for a study.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_proposed(&self, study: StudyId) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move { Ok(self.query(study_pk(study), PROPOSED).await?.len()) })
    }

    /// Removes the proposals to a tester.
    pub(in crate::store) async fn erase_proposals_of(&self, tester: UserId) -> Result<(), StoreError> {
        for item in self.query_all(user_pk(tester), PROPOSED).await? {
            let reader = item.read("proposal of a tester");
            let id = reader.parsed("sk", |sk| ProposalId::parse(sk.strip_prefix(PROPOSED)?))?;
            self.drop_proposal(id).await?;
        }
        for list in proposal_lists(tester) {
            self.drop_items(&list, "").await?;
        }
        Ok(())
    }

    /// Removes the proposals of a study.
    pub(in crate::store) async fn erase_proposals(&self, study: StudyId) -> Result<(), StoreError> {
        for item in self.query_all(study_pk(study), PROPOSED).await? {
            for id in item.read("pair").texts("ids").iter().filter_map(|id| ProposalId::parse(id)) {
                self.drop_proposal(id).await?;
            }
        }
        for list in study_proposal_lists(study).chain([study_queue(study)]) {
            self.drop_items(&list, "").await?;
        }
        Ok(())
    }

    /// Removes a proposal: it is marked, so that no list takes it in again, then taken off the lists; what finds it goes
    /// with it.
    async fn drop_proposal(&self, id: ProposalId) -> Result<(), StoreError> {
        for attempt in 0.. {
            let (pk, sk) = key(id);
            let Some(item) = self.get(&self.main, pk.clone(), sk.clone()).await? else { return Ok(()) };
            let proposal = read_proposal(&item)?;
            let mut version = proposal.version;
            if !is_going(&item)? {
                version += 1;
                let marked = Proposal { version, ..proposal.clone() };
                let item = proposal_item(&marked).number("going", 1);
                if !self.put_version(item, proposal.version).await? {
                    after_lost_race(attempt).await?;
                    continue;
                }
            }
            self.drop_message(id).await?;
            // named alone: whatever list it may be in
            if self.commit_proposals(vec![id.to_string()]).await? == Committed::Done {
                let mut members = vec![delete_version(&self.main, pk, sk, version)?];
                for (pk, sk) in [tester_key(&proposal)].into_iter().chain(offered_key(&proposal)) {
                    members.push(delete(&self.main, pk, sk)?);
                }
                let pair = self.pair(proposal.study, proposal.tester).await?;
                members.extend(pair.without(&proposal).map(|item| item.put(&self.main, pair.condition())).transpose()?);
                if pair.ids.len() <= 1 {
                    let (pk, sk) = proposed_key(proposal.study, proposal.tester);
                    members.push(delete(&self.main, pk, sk)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(());
                }
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(u32::MAX))
    }
}
