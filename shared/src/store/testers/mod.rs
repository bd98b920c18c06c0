//! Testers: what is known of one, the lists for the staff, and the index that matching reads (openscouter 14.1, 17).
//!
//! What says something of a tester is spread: account, profile, consents, special-category data, counts. Whoever writes one
//! of them leaves a pending item beside it, and a drainer brings the tester's places in line (`follow`): counted lists for
//! the staff (`lists`) and plain entries for matching (`index`).

mod follow;
mod index;
mod lists;
mod places;
mod reachable;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use serde_json::Value;

pub(super) use index::proposed_key;
pub use lists::TesterFilter;
pub use reachable::Reachable;

use super::{
    Store, StoreError,
    accounts::{is_tombstone, read_user},
    consents::{consent_key, read_consent, special_key},
    item::Item,
    pending::{Pending, SharedList},
    rights::{Profile, profile_key, read_profile},
    user_items::user_pk,
};
use crate::model::{Candidate, ConsentKind, Ratings, Role, Standing, Tester, User, UserId, standing_score};

/// Where a tester's counts stand: ratings, completed sessions.
pub(super) fn counts_key(tester: UserId) -> (String, String) {
    (user_pk(tester), "RATINGS".to_owned())
}

/// What staff may see of a tester is read from these.
fn shown_keys(tester: UserId) -> [(String, String); 3] {
    [(user_pk(tester), "USER".to_owned()), profile_key(tester), counts_key(tester)]
}

/// What matching goes by besides.
fn matched_keys(tester: UserId) -> [(String, String); 3] {
    let [testing, special] = ConsentKind::ALL.map(|kind| consent_key(tester, kind));
    [testing, special, special_key(tester)]
}

/// A tester as it was read, and the version of the account.
#[derive(Debug)]
struct Known {
    tester: Tester,
    version: u64,
}

/// The tester that these items tell of; `None` when the account is gone, or no tester's.
fn read_tester(id: UserId, items: &[Item]) -> Result<Option<Known>, StoreError> {
    let with = |(pk, sk): (String, String)| {
        items.iter().find(|item| item.pk() == pk && item.read("item").optional_text("sk") == Some(&sk))
    };
    let [user, profile, counts] = shown_keys(id).map(with);
    let Some(user) = user.filter(|item| !is_tombstone(item)).map(read_user).transpose()? else { return Ok(None) };
    if user.role != Role::Tester {
        return Ok(None);
    }
    let profile = profile.map(read_profile).transpose()?.map(|(profile, _)| profile).unwrap_or_default();
    let count = |name| counts.map_or(Ok(0), |item| item.read("counts").count(name));
    let ratings = Ratings { sum: count("sum")?, count: count("count")? };
    let completed_sessions = u32::try_from(count("completed")?).unwrap_or(u32::MAX);
    let [testing, special, categories] = matched_keys(id).map(with);
    let consent = |item: Option<&Item>| match item.map(read_consent).transpose() {
        Ok(consent) => Ok(consent.map(|(consent, _)| consent).filter(|consent| consent.revoked_at.is_none())),
        Err(error) => Err(error),
    };
    let special = consent(special)?.map(|consent| consent.version);
    let candidate = Candidate {
        ready: user.standing() == Standing::Active && user.qualified && is_available(&profile),
        country: text(&profile, "country"),
        birth_year: profile.get("birthYear").and_then(Value::as_u64).and_then(|year| u32::try_from(year).ok()),
        devices: texts(&profile, "devices"),
        languages: texts(&profile, "languages"),
        categories: categories
            .filter(|_| special.is_some())
            .map(|item| item.read("special categories").parsed("categories", |text| serde_json::from_str(text).ok()))
            .transpose()?
            .unwrap_or_default(),
        standing: standing_score(completed_sessions, ratings),
        testing: consent(testing)?.map(|consent| consent.version),
        special,
    };
    let (version, standing) = (user.version, user.standing());
    let User { email, name, created_at, .. } = user;
    Ok(Some(Known {
        tester: Tester { id, email, name, created_at, standing, completed_sessions, ratings, candidate },
        version,
    }))
}

fn is_available(profile: &Profile) -> bool {
    profile.get("available").and_then(Value::as_bool).unwrap_or(true)
}

fn text(profile: &Profile, name: &str) -> Option<String> {
    profile.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn texts(profile: &Profile, name: &str) -> Vec<String> {
    let values = profile.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Store {
    /// The member that leaves a tester's places to their drainer; `what` tells this change from the tester's others.
    pub(super) fn tester_member(&self, tester: UserId, what: &str) -> Result<TransactWriteItem, StoreError> {
        let (id, subject) = (format!("{tester}-{what}"), tester.to_string());
        self.pending_member(Pending { list: SharedList::Testers, id: &id, subjects: &subject, new: false })
    }

    /// The member that leaves a user's places to the drainer, where the user is a tester.
    pub(super) fn user_places(&self, user: &User) -> Result<Option<TransactWriteItem>, StoreError> {
        let places = || self.tester_member(user.id, &format!("user-{}", user.version));
        (user.role == Role::Tester).then(places).transpose()
    }

    /// The member that adds to a tester's counts.
    pub(super) fn tester_counts_member(
        &self,
        tester: UserId,
        counts: &[(&str, u32)],
    ) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = counts_key(tester);
        let mut update =
            Update::builder().table_name(&self.main).key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk));
        let mut added = Vec::new();
        for (name, by) in counts {
            added.push(format!("#{name} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":{name}"), AttributeValue::N(by.to_string()));
        }
        let update = update
            .update_expression(format!("ADD {}", added.join(", ")))
            .build()
            .map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Testers as they are now, with what matching goes by: who is gone, or none, is missing.
    async fn known_testers(&self, ids: &[UserId]) -> Result<Vec<Known>, StoreError> {
        let keys = ids.iter().flat_map(|id| shown_keys(*id).into_iter().chain(matched_keys(*id)));
        let items = self.batches(keys.collect()).await?;
        let mut known = Vec::new();
        for id in ids {
            known.extend(read_tester(*id, &items)?);
        }
        Ok(known)
    }
}
