//! Proposals (openscouter 14.1): the proposal, what tells of it from its study and from its tester, and its lists. Its
//! message stands beside it (`outreach`).

mod answers;
mod creation;
mod ends;
mod lists;
mod sending;

use aws_sdk_dynamodb::types::TransactWriteItem;

pub use answers::{Acceptance, Accepted, Declined};
pub use creation::{Candidates, Proposed};
pub(in crate::store) use lists::organization_proposal_lists;
pub use lists::{ProposalFilter, ProposalScope};

use super::{
    BoxFuture, Store, StoreError,
    item::{Condition, Item, delete},
    reminders::DueReminder,
    testers::proposed_key,
    user_items::user_pk,
};
use crate::model::{MatchScore, OrganizationId, Proposal, ProposalId, ProposalStatus, StudyId, UserId};

pub(super) fn proposal_pk(id: ProposalId) -> String {
    format!("PROP#{id}")
}

fn key(id: ProposalId) -> (String, String) {
    (proposal_pk(id), "PROP".to_owned())
}

/// The proposal as it is found from its tester.
fn tester_key(proposal: &Proposal) -> (String, String) {
    (user_pk(proposal.tester), format!("PROPOSED#{}", proposal.id))
}

/// Where its end comes due, while the tester may answer.
fn offered_key(proposal: &Proposal) -> Option<(String, String)> {
    let end = proposal.expires_at.filter(|_| proposal.status == ProposalStatus::Sent)?;
    Some(DueReminder::Offered(proposal.id).key(end))
}

fn proposal_item(proposal: &Proposal) -> Item {
    let (pk, sk) = key(proposal.id);
    Item::new(pk, sk)
        .text("id", proposal.id.to_string())
        .text("study", proposal.study.to_string())
        .text("organization", proposal.organization.to_string())
        .text("tester", proposal.tester.to_string())
        .text("status", proposal.status.as_str())
        .number("score", proposal.score.0)
        .time("created_at", proposal.created_at)
        .optional_time("sent_at", proposal.sent_at)
        .optional_time("expires_at", proposal.expires_at)
        .optional_time("responded_at", proposal.responded_at)
        .number("version", proposal.version)
}

fn read_proposal(item: &Item) -> Result<Proposal, StoreError> {
    let reader = item.read("proposal");
    Ok(Proposal {
        id: reader.parsed("id", ProposalId::parse)?,
        study: reader.parsed("study", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        tester: reader.parsed("tester", UserId::parse)?,
        status: reader.parsed("status", ProposalStatus::parse)?,
        score: MatchScore(reader.number("score")?),
        created_at: reader.time("created_at")?,
        sent_at: reader.optional_time("sent_at")?,
        expires_at: reader.optional_time("expires_at")?,
        responded_at: reader.optional_time("responded_at")?,
        version: reader.number("version")?,
    })
}

/// What was proposed to a tester of a study: the proposals' ids, oldest first, and whether the last one is open.
#[derive(Debug, Default)]
struct Pair {
    ids: Vec<String>,
    version: u64,
}

impl Pair {
    fn read(item: Option<&Item>) -> Result<Self, StoreError> {
        let Some(item) = item else { return Ok(Self::default()) };
        let reader = item.read("pair");
        Ok(Self { ids: reader.texts("ids"), version: reader.number("version")? })
    }

    fn condition(&self) -> Condition {
        if self.version == 0 { Condition::Absent } else { Condition::Version(self.version) }
    }

    /// The item once `proposal` is gone, where others are left.
    fn without(&self, proposal: &Proposal) -> Option<Item> {
        let id = proposal.id.to_string();
        let ids: Vec<_> = self.ids.iter().filter(|known| **known != id).cloned().collect();
        let (pk, sk) = proposed_key(proposal.study, proposal.tester);
        let item = Item::new(pk, sk).texts("ids", &ids).number("open", 0).number("told", 1);
        (!ids.is_empty() && self.ids.len() > 1).then(|| item.number("version", self.version + 1))
    }

    /// The item once `proposal` is the last one.
    fn item(&self, proposal: &Proposal) -> Item {
        let id = proposal.id.to_string();
        let mut ids = self.ids.clone();
        if ids.last() != Some(&id) {
            ids.push(id);
        }
        let (pk, sk) = proposed_key(proposal.study, proposal.tester);
        Item::new(pk, sk)
            .texts("ids", &ids)
            .number("open", u8::from(proposal.status.is_open()))
            .number("told", u8::from(proposal.sent_at.is_some()))
            .number("version", self.version + 1)
    }
}

impl Store {
    /// A proposal, whosever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn proposal(&self, id: ProposalId) -> BoxFuture<'_, Result<Option<Proposal>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_proposal).transpose()
        })
    }

    async fn pair(&self, study: StudyId, tester: UserId) -> Result<Pair, StoreError> {
        let (pk, sk) = proposed_key(study, tester);
        Pair::read(self.get(&self.main, pk, sk).await?.as_ref())
    }

    /// The members that bring a proposal from `current` to `next`, with what tells of it: pair, end and lists.
    pub(super) async fn move_members(
        &self,
        current: &Proposal,
        next: &Proposal,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let pair = self.pair(next.study, next.tester).await?;
        let mut members = vec![
            proposal_item(next).put(&self.main, Condition::Version(current.version))?,
            pair.item(next).put(&self.main, pair.condition())?,
            self.proposal_places(next, Some(current.status))?,
        ];
        // what comes due goes unconditionally: a sweep takes away what stands there for nothing
        if let Some((pk, sk)) = offered_key(current) {
            members.push(delete(&self.main, pk, sk)?);
        }
        members.extend(offered_key(next).map(|key| self.due_member(key)).transpose()?);
        Ok(members)
    }
}
