//! The lists of proposals. They follow by group commit, as those of test sessions do.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;

use super::{Pair, key, read_proposal};
use crate::{
    model::{OrganizationId, Proposal, ProposalId, ProposalStatus, StudyId, UserId},
    store::{
        BoxFuture, Page, Store, StoreError,
        collection::newest_first,
        group_commit::Committed,
        item::{Item, check_version},
        pending::{Pending, SharedList},
        studies::{ListedStudy, read_study},
        study_items::study_key,
        test_sessions::tester_studies,
        testers::proposed_key,
    },
};

/// What a pending item says of a proposal that is new.
const NEW: &str = "new";

/// Whose proposals a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalScope {
    /// All.
    All,
    /// Of an organization's studies.
    Organization(OrganizationId),
    /// Of a study.
    Study(StudyId),
    /// To a tester, who knows of them.
    Tester(UserId),
}

/// Which proposals a list shows.
#[derive(Clone, Copy, Debug)]
pub struct ProposalFilter {
    /// Whose.
    pub scope: ProposalScope,
    /// In this state; `None` does not narrow it.
    pub status: Option<ProposalStatus>,
}

/// How a pending item names a proposal that left a state, or is new.
fn subject(id: ProposalId, left: Option<ProposalStatus>) -> String {
    format!("{id}/{}", left.map_or(NEW, ProposalStatus::as_str))
}

/// The proposals that pending items name, each once, with the states that they left. Of one that is named alone nothing is
/// known.
fn named(subjects: &[String]) -> BTreeMap<ProposalId, Vec<ProposalStatus>> {
    let mut moved: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for subject in subjects {
        let (id, told) = subject.split_once('/').map_or((subject.as_str(), None), |(id, told)| (id, Some(told)));
        let Some(id) = ProposalId::parse(id) else { continue };
        let left = moved.entry(id).or_default();
        match told {
            None => *left = ProposalStatus::ALL.to_vec(),
            Some(told) => left.extend(ProposalStatus::parse(told)),
        }
    }
    moved
}

fn list(scope: ProposalScope, status: Option<ProposalStatus>) -> String {
    let scope = match scope {
        ProposalScope::All => String::new(),
        ProposalScope::Organization(id) => format!("{id}#"),
        ProposalScope::Study(id) => format!("{id}#"),
        ProposalScope::Tester(id) => format!("{id}#"),
    };
    match status {
        None => format!("RANK#{scope}proposals"),
        Some(status) => format!("RANK#{scope}proposals/status={}", status.as_str()),
    }
}

fn scopes(proposal: &Proposal) -> [ProposalScope; 4] {
    [
        ProposalScope::All,
        ProposalScope::Organization(proposal.organization),
        ProposalScope::Study(proposal.study),
        ProposalScope::Tester(proposal.tester),
    ]
}

/// The lists that show a proposal in a state: a tester who was not told of it does not see it.
fn lists_in(proposal: &Proposal, status: ProposalStatus) -> impl Iterator<Item = String> {
    let told = proposal.sent_at.is_some();
    let shown = move |scope: &ProposalScope| told || !matches!(scope, ProposalScope::Tester(_));
    scopes(proposal).into_iter().filter(shown).flat_map(move |scope| [list(scope, None), list(scope, Some(status))])
}

/// All lists of a scope.
pub(super) fn every_list(scope: ProposalScope) -> impl Iterator<Item = String> {
    [None].into_iter().chain(ProposalStatus::ALL.into_iter().map(Some)).map(move |status| list(scope, status))
}

/// The lists that are a tester's own.
pub(in crate::store) fn proposal_lists(tester: UserId) -> impl Iterator<Item = String> {
    every_list(ProposalScope::Tester(tester))
}

/// The lists that are a study's own.
pub(in crate::store) fn study_proposal_lists(study: StudyId) -> impl Iterator<Item = String> {
    every_list(ProposalScope::Study(study))
}

/// The lists that are an organization's own.
pub(in crate::store) fn organization_proposal_lists(organization: OrganizationId) -> impl Iterator<Item = String> {
    every_list(ProposalScope::Organization(organization))
}

fn rank(proposal: &Proposal) -> Vec<u8> {
    newest_first(proposal.created_at, proposal.id.as_bytes())
}

impl Store {
    /// The member that leaves a proposal's lists to their drainer.
    pub(super) fn proposal_places(
        &self,
        proposal: &Proposal,
        left: Option<ProposalStatus>,
    ) -> Result<TransactWriteItem, StoreError> {
        let id = format!("{}-{}", proposal.id, proposal.version);
        let subjects = subject(proposal.id, left);
        self.pending_member(Pending { list: SharedList::Proposals, id: &id, subjects: &subjects, new: left.is_none() })
    }

    /// Ranks the proposals that pending items name in their lists by what they are now, on condition that they are still
    /// that; again, nothing changes.
    pub(in crate::store) fn commit_proposals(
        &self,
        subjects: Vec<String>,
    ) -> BoxFuture<'_, Result<Committed, StoreError>> {
        Box::pin(async move {
            let moved = named(&subjects);
            let items = self.batch_get(moved.keys().map(|id| key(*id)).collect()).await?;
            let (mut changes, mut members) = (BTreeMap::<String, Vec<Change>>::new(), Vec::<TransactWriteItem>::new());
            let mut told = Vec::new();
            for item in &items {
                let proposal = match read_proposal(item) {
                    Ok(proposal) => proposal,
                    Err(error) => {
                        tracing::error!(cause = %error, "proposal left out of its lists");
                        continue;
                    }
                };
                let rank = rank(&proposal);
                let wanted: Vec<_> = match is_going(item)? {
                    true => Vec::new(),
                    false => lists_in(&proposal, proposal.status).collect(),
                };
                let left = moved.get(&proposal.id).into_iter().flatten();
                let left: BTreeSet<_> = left.flat_map(|status| lists_in(&proposal, *status)).collect();
                for list in left.into_iter().filter(|list| !wanted.contains(list)) {
                    changes.entry(list).or_default().push(Change::Remove(rank.clone()));
                }
                for list in wanted {
                    changes.entry(list).or_default().push(Change::Insert(rank.clone()));
                }
                if proposal.sent_at.is_some() && !is_going(item)? {
                    told.push((proposal.study, proposal.tester));
                }
                let (pk, sk) = key(proposal.id);
                members.push(check_version(&self.main, pk, sk, item.read("proposal").number("version")?)?);
            }
            // a study that a tester was told of is among the tester's
            let studies: BTreeSet<_> = told.iter().map(|(study, _)| *study).collect();
            for item in self.batch_get(studies.into_iter().map(study_key).collect()).await? {
                let Ok(ListedStudy { study, .. }) = read_study(&item) else { continue };
                for (_, tester) in told.iter().filter(|(id, _)| *id == study.id) {
                    let rank = newest_first(study.created_at, study.id.as_bytes());
                    changes.entry(tester_studies(*tester)).or_default().push(Change::Insert(rank));
                }
            }
            let heads = self.heads(&changes.keys().cloned().collect::<Vec<_>>()).await?;
            self.commit_at_once(&heads, &changes, members).await
        })
    }

    /// One page of proposals, newest first: the same cost for every page.
    ///
    /// # Errors
    /// When the store fails.
    pub fn proposals_page(
        &self,
        filter: ProposalFilter,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Page<Proposal>, StoreError>> {
        Box::pin(async move {
            let pk = list(filter.scope, filter.status);
            let by_id = |id| key(ProposalId::from_uuid(id));
            self.page_of(&pk, (None, None), (offset, limit), by_id, read_proposal).await
        })
    }

    /// The proposals of a study to a tester, newest first: there are as many as the tester let go by.
    ///
    /// # Errors
    /// When the store fails.
    pub fn proposals_between(
        &self,
        study: StudyId,
        tester: UserId,
    ) -> BoxFuture<'_, Result<Vec<Proposal>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = proposed_key(study, tester);
            let pair = Pair::read(self.get(&self.main, pk, sk).await?.as_ref())?;
            let keys = pair.ids.iter().filter_map(|id| ProposalId::parse(id)).map(key).collect();
            let items = self.batch_get(keys).await?;
            let mut found = items.iter().map(read_proposal).collect::<Result<Vec<_>, _>>()?;
            found.sort_by_key(|proposal| std::cmp::Reverse((proposal.created_at, proposal.id)));
            Ok(found)
        })
    }
}

/// Whether a proposal is about to be removed, so that no list shows it.
pub(super) fn is_going(item: &Item) -> Result<bool, StoreError> {
    item.read("proposal").flag("going")
}
