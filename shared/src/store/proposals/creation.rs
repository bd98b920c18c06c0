//! New proposals (openscouter 14.1).

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::{Pair, key, offered_key, proposal_item, read_proposal, tester_key};
use crate::{
    model::{
        Channel, MatchScore, Outreach, OutreachStatus, Proposal, ProposalId, Study, StudyId, UserId, Wanted, WorkItem,
    },
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        item::{Condition, Item, check},
        outreach::message_item,
        studies::study_pk,
        testers::proposed_key,
        user_items::user_pk,
    },
};

/// Testers who are looked at again before they are proposed, at a time.
const AT_A_TIME: usize = 25;
/// Testers who are proposed in one transaction.
const TOGETHER: usize = 12;

/// Who is to be proposed.
#[derive(Clone, Debug)]
pub enum Candidates {
    /// These, as far as they are eligible.
    Named(Vec<UserId>),
    /// So many of those who fit best and were not proposed before.
    Best(usize),
    /// The one who fits best and was not proposed before, under this id: asked for again, nobody else is.
    Next(ProposalId),
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Proposed {
    /// The new proposals, in the contract's order.
    pub made: Vec<Proposal>,
    /// Who was named and is not eligible.
    pub skipped: Vec<UserId>,
    /// Whether the study took no proposals any more.
    pub shut: bool,
}

impl Store {
    /// Proposes testers for a study. Eligibility and score are what they are at this moment; with `send` the testers are
    /// told by the work that follows.
    ///
    /// # Errors
    /// When the store fails.
    pub fn propose<'a>(
        &'a self,
        study: &'a Study,
        wanted: &'a Wanted<'a>,
        candidates: Candidates,
        (send, now): (bool, OffsetDateTime),
    ) -> BoxFuture<'a, Result<Proposed, StoreError>> {
        Box::pin(async move {
            let mut proposed = Proposed::default();
            let named = match &candidates {
                Candidates::Next(id) => Some(*id),
                Candidates::Best(_) | Candidates::Named(_) => None,
            };
            if let Some(id) = named
                && let Some(known) = self.proposal(id).await?
            {
                proposed.made.push(known);
                return Ok(proposed);
            }
            let picked = match candidates {
                Candidates::Next(_) => self.best_testers(study.id, wanted, 1).await?,
                Candidates::Best(most) => self.best_testers(study.id, wanted, most).await?,
                Candidates::Named(testers) => {
                    let picked = self.eligible(study, wanted, &testers).await?;
                    let is_picked = |tester: &UserId| picked.iter().any(|(one, _)| one == tester);
                    proposed.skipped = testers.into_iter().filter(|tester| !is_picked(tester)).collect();
                    picked
                }
            };
            let new = picked.iter().map(|(tester, score)| {
                let new = Proposal::new(study, *tester, *score, send, now);
                Proposal { id: named.unwrap_or(new.id), ..new }
            });
            let new: Vec<_> = new.collect();
            for some in new.chunks(TOGETHER) {
                if !self.write_proposals(study, some, now, &mut proposed).await? {
                    proposed.shut = true;
                    break;
                }
            }
            proposed.made.sort_by_key(|proposal| (std::cmp::Reverse(proposal.score), proposal.tester));
            Ok(proposed)
        })
    }

    /// Those of these testers who may be proposed, best first.
    async fn eligible(
        &self,
        study: &Study,
        wanted: &Wanted<'_>,
        testers: &[UserId],
    ) -> Result<Vec<(UserId, MatchScore)>, StoreError> {
        let mut picked = Vec::new();
        for some in testers.chunks(AT_A_TIME) {
            for (tester, ground) in self.match_grounds(study.id, some).await? {
                if !ground.engaged && wanted.admits(&ground.candidate) {
                    picked.push((tester, wanted.score(&ground.candidate)));
                }
            }
        }
        picked.sort_by_key(|(tester, score)| (std::cmp::Reverse(*score), *tester));
        Ok(picked)
    }

    /// Writes new proposals, of who has none that is open; `Ok(false)` when the study takes none any more.
    async fn write_proposals(
        &self,
        study: &Study,
        new: &[Proposal],
        now: OffsetDateTime,
        proposed: &mut Proposed,
    ) -> Result<bool, StoreError> {
        let mut left: Vec<_> = new.to_vec();
        for attempt in 0.. {
            // what an earlier attempt wrote whose answer was lost is there
            let there = self.batch_get(left.iter().map(|proposal| key(proposal.id)).collect()).await?;
            for item in &there {
                proposed.made.push(read_proposal(item)?);
            }
            left.retain(|proposal| !there.iter().any(|item| item.pk() == key(proposal.id).0));
            let pairs = left.iter().map(|one| proposed_key(one.study, one.tester)).collect();
            let pairs = self.batch_get(pairs).await?;
            let pair = |proposal: &Proposal| {
                let (pk, sk) = proposed_key(proposal.study, proposal.tester);
                pairs.iter().find(|item| item.pk() == pk && item.read("pair").optional_text("sk") == Some(&sk))
            };
            let is_open = |item: Option<&Item>| item.map_or(Ok(false), |item| item.read("pair").flag("open"));
            let mut members = vec![self.takes_proposals(study.id)?];
            let mut writing = Vec::new();
            for proposal in left {
                // somebody else proposed the tester meanwhile
                if is_open(pair(&proposal))? {
                    proposed.skipped.push(proposal.tester);
                    continue;
                }
                members.extend(self.new_proposal_members(&proposal, &Pair::read(pair(&proposal))?, now)?);
                writing.push(proposal);
            }
            left = writing;
            if left.is_empty() {
                return Ok(true);
            }
            members.extend(self.draft_members(study, &left).await?);
            match self.transact(members).await? {
                Written::Done => {
                    proposed.made.extend(left);
                    return Ok(true);
                }
                Written::Refused(failed) if failed.contains(&0) => return Ok(false),
                Written::Refused(_) => after_lost_race(attempt).await?,
            }
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// The member that holds as long as a study takes proposals.
    fn takes_proposals(&self, study: StudyId) -> Result<TransactWriteItem, StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let values = [(":open", text("open")), (":running", text("in_progress"))];
        check(&self.main, (study_pk(study), "STUDY".to_owned()), "#name IN (:open, :running)", Some("status"), values)
    }

    fn new_proposal_members(
        &self,
        proposal: &Proposal,
        pair: &Pair,
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (user, name) = tester_key(proposal);
        let mut members = vec![
            proposal_item(proposal).put(&self.main, Condition::Absent)?,
            pair.item(proposal).put(&self.main, pair.condition())?,
            Item::new(user, name).text("study", proposal.study.to_string()).put(&self.main, Condition::None)?,
            self.proposal_places(proposal, None)?,
        ];
        if let Some(key) = offered_key(proposal) {
            members.push(self.due_member(key)?);
            members.push(self.work_member(&WorkItem::offer(proposal.id), now)?);
        }
        Ok(members)
    }

    /// The members that put a message beside each new proposal, and drafts into the queue. Who has a chat is told there.
    async fn draft_members(&self, study: &Study, new: &[Proposal]) -> Result<Vec<TransactWriteItem>, StoreError> {
        let linked = self.with_telegram(&new.iter().map(|one| one.tester).collect::<Vec<_>>()).await?;
        let channel = |tester: UserId| match linked.contains(&user_pk(tester)) {
            true => Channel::Telegram,
            false => Channel::Email,
        };
        let messages: Vec<_> = new.iter().map(|one| Outreach::draft(study, one, channel(one.tester))).collect();
        let put = |message: &Outreach| message_item(message).put(&self.main, Condition::Absent);
        let mut members = messages.iter().map(put).collect::<Result<Vec<_>, _>>()?;
        if messages.iter().any(|message| message.status == OutreachStatus::Pending) {
            members.push(self.queue_member(&messages)?);
        }
        Ok(members)
    }
}
