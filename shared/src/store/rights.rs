//! What people may ask for about themselves: profile and erasure (openscouter 18); exports stand beside.

use aws_sdk_dynamodb::types::AttributeValue;
use ranked::Change;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete_where},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::{
    clock::epoch_micros,
    json,
    model::{AuditEntry, ErasureId, UserId},
};

/// The order in which erasures are due.
pub(super) const ERASURES: &str = "RANK#erasures";

/// A request to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Id.
    pub id: ErasureId,
    /// When it was made.
    pub acknowledged_at: OffsetDateTime,
    /// When it is due.
    pub due_at: OffsetDateTime,
}

/// A tester's profile as it is stored: what was set, by its wire name.
pub type Profile = Map<String, Value>;

/// An erasure that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueErasure {
    /// Whose it is.
    pub user: UserId,
    rank: Vec<u8>,
}

pub(super) fn profile_key(user: UserId) -> (String, String) {
    (user_pk(user), "PROFILE".to_owned())
}

fn erasure_key(user: UserId) -> (String, String) {
    (user_pk(user), "ERASURE".to_owned())
}

pub(super) fn due_rank(at: OffsetDateTime, user: UserId) -> Vec<u8> {
    let mut rank = epoch_micros(at).cast_unsigned().to_be_bytes().to_vec();
    rank.extend_from_slice(user.as_bytes());
    rank
}

/// A profile and its version.
pub(super) fn read_profile(item: &Item) -> Result<(Profile, u64), StoreError> {
    let reader = item.read("profile");
    let profile = reader.parsed("profile", |text| json::parse_object(text.as_bytes()).ok())?;
    Ok((profile, reader.number("version")?))
}

impl Store {
    /// A tester's profile and its version, which is 0 where nothing was ever set.
    ///
    /// # Errors
    /// When the store fails.
    pub fn profile(&self, user: UserId) -> BoxFuture<'_, Result<(Profile, u64), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = profile_key(user);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok((Map::new(), 0)) };
            read_profile(&item)
        })
    }

    /// Changes a tester's profile: `change` edits what was set so far, and is asked again on a lost race. What changes
    /// nothing is not written.
    ///
    /// # Errors
    /// When the store fails.
    pub fn update_profile<'a>(
        &'a self,
        user: UserId,
        change: &'a (dyn Fn(&mut Profile) + Send + Sync),
    ) -> BoxFuture<'a, Result<Profile, StoreError>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let (before, version) = self.profile(user).await?;
                let mut profile = before.clone();
                change(&mut profile);
                if profile == before || self.put_profile(user, &profile, version).await? {
                    return Ok(profile);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// Puts a profile over the version that was read; `Ok(false)` when it has another one.
    async fn put_profile(&self, user: UserId, profile: &Profile, version: u64) -> Result<bool, StoreError> {
        let (pk, sk) = profile_key(user);
        let text = Value::Object(profile.clone()).to_string();
        let item = Item::new(pk, sk).text("profile", text).number("version", version + 1);
        let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
        let places = self.tester_member(user, &format!("profile-{}", version + 1))?;
        if self.transact(vec![item.clone().put(&self.main, condition)?, places]).await? == Written::Done {
            return Ok(true);
        }
        // the first answer to this very write can have been lost
        let (pk, sk) = profile_key(user);
        Ok(self.get(&self.main, pk, sk).await?.is_some_and(|known| known.0 == item.0))
    }

    /// A user's request to be forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub fn erasure_of(&self, user: UserId) -> BoxFuture<'_, Result<Option<Erasure>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = erasure_key(user);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
            let reader = item.read("erasure");
            Ok(Some(Erasure {
                id: reader.parsed("id", ErasureId::parse)?,
                acknowledged_at: reader.time("acknowledged_at")?,
                due_at: reader.time("due_at")?,
            }))
        })
    }

    /// Stores a request to be forgotten; the earlier one, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn request_erasure<'a>(
        &'a self,
        user: UserId,
        erasure: &'a Erasure,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<Erasure, StoreError>> {
        Box::pin(async move {
            let rank = Change::Insert(due_rank(erasure.due_at, user));
            for attempt in 0..MAX_ATTEMPTS {
                if let Some(known) = self.erasure_of(user).await? {
                    return Ok(known);
                }
                if let Some(ranked) = self.rank_changes(ERASURES, std::slice::from_ref(&rank)).await? {
                    let (pk, sk) = erasure_key(user);
                    let item = Item::new(pk, sk)
                        .text("id", erasure.id.to_string())
                        .time("acknowledged_at", erasure.acknowledged_at)
                        .time("due_at", erasure.due_at);
                    let mut members = vec![item.put(&self.main, Condition::Absent)?];
                    members.extend(ranked);
                    members.extend(self.audit_members(audit)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(erasure.clone());
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Takes a request to be forgotten back; `Ok(false)` when it is not there any more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn withdraw_erasure<'a>(
        &'a self,
        user: UserId,
        erasure: &'a Erasure,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let rank = Change::Remove(due_rank(erasure.due_at, user));
            for attempt in 0..MAX_ATTEMPTS {
                let known = self.erasure_of(user).await?;
                if known.is_none_or(|known| known.id != erasure.id) {
                    // the first answer to this very write can have been lost
                    return Ok(attempt > 0);
                }
                if let Some(ranked) = self.rank_changes(ERASURES, std::slice::from_ref(&rank)).await? {
                    let id = AttributeValue::S(erasure.id.to_string());
                    let mut members = vec![delete_where(&self.main, erasure_key(user), ("id", id))?];
                    members.extend(ranked);
                    members.extend(self.audit_members(audit)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(true);
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The first erasures that are due.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_erasures(
        &self,
        now: OffsetDateTime,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<DueErasure>, StoreError>> {
        Box::pin(async move {
            let end = (epoch_micros(now) + 1).cast_unsigned().to_be_bytes().to_vec();
            let (_, ranks) = self.ranked_page(ERASURES, (None, Some(end)), offset, limit).await?;
            let user = |rank: Vec<u8>| {
                let bytes: [u8; 16] = rank.get(8..)?.try_into().ok()?;
                Some(DueErasure { user: UserId::from_uuid(Uuid::from_bytes(bytes)), rank })
            };
            Ok(ranks.into_iter().filter_map(user).collect())
        })
    }

    /// Takes an erasure off the list, because its user is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_erasure(&self, due: DueErasure) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.remove_everywhere(&[ERASURES.to_owned()], due.rank).await })
    }
}
