//! The lists that payouts are in (openscouter 16.1). They follow by group commit, since the payouts of many studies are
//! made at once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;

use ranked::Change;
use time::{Duration, OffsetDateTime};

use super::{
    item::{payout_key, read_payout},
    moves::moves_of,
};
use crate::{
    BoxFuture,
    model::{OrganizationId, Payout, PayoutId, PayoutStatus, StudyId, UserId},
    store::{
        Page, Store, StoreError, after_lost_race,
        client::Written,
        collection::{bounds, id_of, newest_first},
        group_commit::Committed,
        item::{check, check_version, delete},
        organizations::organization_pk,
        retry::MAX_ATTEMPTS,
        study_items::study_key,
        user_items::user_pk,
    },
};

/// How long financial records are kept (openscouter 21).
const KEPT: Duration = Duration::days(7 * 365);

/// Which payouts a list shows; `None` does not narrow it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PayoutFilter {
    /// Of this organization's studies.
    pub organization: Option<OrganizationId>,
    /// Of this study; its organization is the caller's business.
    pub study: Option<StudyId>,
    /// Of this tester.
    pub tester: Option<UserId>,
    /// In this state.
    pub status: Option<PayoutStatus>,
}

fn list(scope: &str, status: Option<PayoutStatus>) -> String {
    match status {
        None => format!("RANK#{scope}payouts"),
        Some(status) => format!("RANK#{scope}payouts/status={}", status.as_str()),
    }
}

/// All lists of a scope.
fn every_list(scope: &str) -> Vec<String> {
    [None].into_iter().chain(PayoutStatus::ALL.into_iter().map(Some)).map(|status| list(scope, status)).collect()
}

/// The lists that are a study's own.
pub(in crate::store) fn study_lists(study: StudyId) -> Vec<String> {
    every_list(&format!("{study}#"))
}

/// The lists that are a tester's own.
pub(in crate::store) fn tester_lists(tester: UserId) -> Vec<String> {
    every_list(&format!("{tester}#"))
}

/// The lists that are an organization's own.
pub(in crate::store) fn organization_lists(organization: OrganizationId) -> Vec<String> {
    every_list(&format!("{organization}#"))
}

/// What lists narrow payouts by, but for their state.
fn scopes(payout: &Payout) -> [String; 4] {
    let Payout { organization, study, tester, .. } = payout;
    [String::new(), format!("{organization}#"), format!("{study}#"), format!("{tester}#")]
}

/// Whose lists those of [`scopes`] are, but for the first: organization, study, tester.
fn owners(payout: &Payout) -> [(String, String); 3] {
    [
        (organization_pk(payout.organization), "ORG".to_owned()),
        study_key(payout.study),
        (user_pk(payout.tester), "USER".to_owned()),
    ]
}

fn rank(payout: &Payout) -> Vec<u8> {
    newest_first(payout.created_at, payout.id.as_bytes())
}

impl Store {
    /// Ranks the payouts that pending items name in their lists by what they are now: all of it in one transaction, with
    /// the condition that they are still that. Again, nothing changes.
    pub(in crate::store) async fn commit_payouts(&self, subjects: Vec<String>) -> Result<Committed, StoreError> {
        let moves = moves_of(&subjects);
        let (mut changes, mut members) = (BTreeMap::<String, Vec<Change>>::new(), Vec::new());
        let mut payouts = Vec::new();
        for item in self.batch_get(moves.keys().map(|id| payout_key(*id)).collect()).await? {
            match read_payout(&item) {
                Ok(payout) => payouts.push(payout),
                Err(error) => tracing::error!(cause = %error, "payout left out of its lists"),
            }
        }
        // who is gone has no lists any more, and gets none again
        let there = self.owners_of(&payouts).await?;
        members.extend(there.iter().map(|key| self.owner_member(key)).collect::<Result<Vec<_>, _>>()?);
        for payout in &payouts {
            let left = moves.get(&payout.id).into_iter().flatten().filter(|left| **left != payout.status);
            let own = owners(payout).map(|key| there.contains(&key));
            let own = [true].into_iter().chain(own);
            for (scope, _) in scopes(payout).into_iter().zip(own).filter(|(_, there)| *there) {
                for entered in [None, Some(payout.status)] {
                    changes.entry(list(&scope, entered)).or_default().push(Change::Insert(rank(payout)));
                }
                for left in left.clone() {
                    changes.entry(list(&scope, Some(*left))).or_default().push(Change::Remove(rank(payout)));
                }
            }
            let (pk, sk) = payout_key(payout.id);
            members.push(check_version(&self.main, pk, sk, payout.version)?);
        }
        let heads = self.heads(&changes.keys().cloned().collect::<Vec<_>>()).await?;
        self.commit_at_once(&heads, &changes, members).await
    }

    /// Those of the owners of some payouts' lists that are there.
    async fn owners_of(&self, payouts: &[Payout]) -> Result<BTreeSet<(String, String)>, StoreError> {
        let keys: BTreeSet<_> = payouts.iter().flat_map(owners).collect();
        let items = self.batch_get(keys.into_iter().collect()).await?;
        // a mark that a user was deleted says no more than that
        let there = items.iter().filter(|item| item.read("owner").optional_text("id").is_some());
        there.map(|item| Ok((item.pk().to_owned(), item.read("owner").text("sk")?.to_owned()))).collect()
    }

    /// The member that holds as long as an owner is there.
    fn owner_member(&self, key: &(String, String)) -> Result<TransactWriteItem, StoreError> {
        check(&self.main, key.clone(), "attribute_exists(#name)", Some("id"), [])
    }

    /// One page of payouts, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn payouts_page<'a>(
        &'a self,
        filter: &'a PayoutFilter,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page<Payout>, StoreError>> {
        Box::pin(async move {
            if let (Some(study), Some(tester)) = (filter.study, filter.tester) {
                // both come down to one session, whose payout it is
                let payout = match self.test_session_of(study, tester).await? {
                    None => None,
                    Some(session) => self.payout(PayoutId::of(session)).await?,
                };
                let fits = |payout: &Payout| filter.status.is_none_or(|status| payout.status == status);
                let members: Vec<_> = payout.into_iter().filter(fits).collect();
                let total = u64::try_from(members.len()).unwrap_or_default();
                let members = members.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).collect();
                return Ok(Page { total, members });
            }
            let scope = match (filter.study, filter.organization, filter.tester) {
                (Some(study), _, _) => format!("{study}#"),
                (None, Some(organization), _) => format!("{organization}#"),
                (None, None, Some(tester)) => format!("{tester}#"),
                (None, None, None) => String::new(),
            };
            let key = |id| payout_key(PayoutId::from_uuid(id));
            self.page_of(&list(&scope, filter.status), (None, None), (offset, limit), key, read_payout).await
        })
    }

    /// Forgets payouts that are older than financial records are kept, at most `limit`: how many went, and how many could
    /// not. A payout goes together with its ranks in the lists.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn forget_payouts(&self, now: OffsetDateTime, limit: u32) -> BoxFuture<'_, Result<(u32, u32), StoreError>> {
        Box::pin(async move {
            let all = list("", None);
            let (_, old) = self.ranked_page(&all, bounds(None, Some(now - KEPT)), 0, limit).await?;
            let (mut gone, mut failed) = (0, 0);
            for rank in old {
                match self.forget_payout(&all, rank).await {
                    Ok(()) => gone += 1,
                    // one that fails stops no other, and is due again
                    Err(error) => {
                        tracing::error!(cause = %error, "payout not forgotten");
                        failed += 1;
                    }
                }
            }
            Ok((gone, failed))
        })
    }

    async fn forget_payout(&self, all: &str, rank: Vec<u8>) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            let payout = match id_of(&rank) {
                Some(id) => self.payout(PayoutId::from_uuid(id)).await?,
                None => None,
            };
            let lists = match &payout {
                Some(payout) => {
                    let states = [None, Some(payout.status)];
                    scopes(payout).iter().flat_map(|scope| states.map(|status| list(scope, status))).collect()
                }
                None => vec![all.to_owned()],
            };
            if let Some(mut members) = self.rank_in_all(&lists, &Change::Remove(rank.clone())).await? {
                if let Some(payout) = &payout {
                    let (pk, sk) = payout_key(payout.id);
                    members.push(delete(&self.main, pk, sk)?);
                    members.push(self.unfound_member(payout)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(());
                }
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }
}
