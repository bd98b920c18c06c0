//! API keys of a user (outsend 4.3, 6.5): by hash, and listed beside a directory of the unexpired ones.

use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    directory::Entry,
    item::{Condition, Item, delete},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::{
    clock::epoch_micros,
    model::{AuditEntry, OrganizationId, User, UserId, UserKey},
};

/// How long an expired key is still listed (outsend 6.5).
const KEY_LISTED_AFTER_END: Duration = Duration::days(30);

pub(super) fn key_key(hash: &str) -> (String, String) {
    (format!("OSK#{hash}"), "OSK".to_owned())
}

fn directory_key(user: UserId) -> (String, String) {
    (user_pk(user), "KEYS".to_owned())
}

fn key_item((pk, sk): (String, String), key: &UserKey) -> Item {
    let item = Item::new(pk, sk)
        .text("id", &*key.id)
        .text("hash", &*key.hash)
        .text("prefix", &*key.prefix)
        .text("name", &*key.name)
        .text("user", key.user.to_string())
        .text("organization", key.organization.to_string())
        .number("reads", u8::from(key.reads))
        .number("writes", u8::from(key.writes))
        .number("generation", key.generation)
        .time("created_at", key.created_at)
        .optional_time("expires_at", key.expires_at)
        .optional_time("last_used_at", key.last_used_at);
    match key.expires_at {
        Some(end) => item.number("ttl", (end + KEY_LISTED_AFTER_END).unix_timestamp()),
        None => item,
    }
}

pub(super) fn read_key(item: &Item) -> Result<UserKey, StoreError> {
    let reader = item.read("user key");
    Ok(UserKey {
        id: reader.text("id")?.to_owned(),
        hash: reader.text("hash")?.to_owned(),
        prefix: reader.text("prefix")?.to_owned(),
        name: reader.text("name")?.to_owned(),
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        reads: reader.number::<u8>("reads")? == 1,
        writes: reader.number::<u8>("writes")? == 1,
        generation: reader.count("generation")?,
        created_at: reader.time("created_at")?,
        expires_at: reader.optional_time("expires_at")?,
        last_used_at: reader.optional_time("last_used_at")?,
    })
}

/// How the creation of an API key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCreation {
    /// The key works.
    Created,
    /// The user has as many keys as the contract allows, and nothing was written.
    CapReached,
}

impl Store {
    /// The user's keys, newest first, expired ones for 30 days; without those that ended with all others (outsend 6.5).
    ///
    /// # Errors
    /// When the store fails.
    pub fn keys_of_user<'a>(
        &'a self,
        user: &'a User,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Vec<UserKey>, StoreError>> {
        Box::pin(async move {
            let listed = self.query(user_pk(user.id), "OSK#").await?;
            let hashes: Vec<_> = listed
                .iter()
                .map(|item| Ok(key_key(item.read("user key").text("hash")?)))
                .collect::<Result<_, StoreError>>()?;
            let mut keys: Vec<_> =
                self.batch_get(hashes).await?.iter().map(read_key).collect::<Result<_, StoreError>>()?;
            keys.retain(|key| key.lives_for(user) && key.expires_at.is_none_or(|end| now < end + KEY_LISTED_AFTER_END));
            keys.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
            Ok(keys)
        })
    }

    /// Stores a new key of a user who has fewer than `cap` unexpired ones. The directory of a user's
    /// keys is one item with a version, so that two creations cannot both be the last that fits.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_user_key<'a>(
        &'a self,
        key: &'a UserKey,
        cap: usize,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<KeyCreation, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let (mut entries, version) = self.directory(&directory_key(key.user)).await?;
                if entries.iter().any(|entry| entry.id == key.id) {
                    return Ok(KeyCreation::Created); // the answer to an earlier attempt was lost
                }
                entries.retain(|entry| entry.generation == key.generation && entry.lives_at(audit.at));
                if entries.len() >= cap {
                    return Ok(KeyCreation::CapReached);
                }
                entries.push(Entry {
                    id: key.id.clone(),
                    end: key.expires_at.map(epoch_micros),
                    generation: key.generation,
                });
                let mut members = vec![
                    self.put_directory(&directory_key(key.user), &entries, version)?,
                    key_item(key_key(&key.hash), key).put(&self.main, Condition::Absent)?,
                    key_item((user_pk(key.user), format!("OSK#{}", key.id)), key).put(&self.main, Condition::Absent)?,
                ];
                members.extend(self.audit_members(audit)?);
                if self.transact(members).await? == Written::Done {
                    return Ok(KeyCreation::Created);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Removes a key of a user; it is refused from then on. `Ok(false)` when the user has no such key.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_user_key<'a>(
        &'a self,
        user: UserId,
        id: &'a str,
        audit: Option<&'a AuditEntry>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let listed = (user_pk(user), format!("OSK#{id}"));
            let Some(item) = self.get(&self.main, listed.0.clone(), listed.1.clone()).await? else {
                return Ok(false);
            };
            let (pk, sk) = key_key(item.read("user key").text("hash")?);
            for attempt in 0..MAX_ATTEMPTS {
                let (mut entries, version) = self.directory(&directory_key(user)).await?;
                entries.retain(|entry| entry.id != id);
                let mut members = vec![
                    self.put_directory(&directory_key(user), &entries, version)?,
                    delete(&self.main, pk.clone(), sk.clone())?,
                    delete(&self.main, listed.0.clone(), listed.1.clone())?,
                ];
                if let Some(audit) = audit {
                    members.extend(self.audit_members(audit)?);
                }
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    // the key is gone: by an earlier attempt whose answer was lost
                    Written::Refused(_) if self.get(&self.main, pk.clone(), sk.clone()).await?.is_none() => {
                        return Ok(true);
                    }
                    Written::Refused(_) => {}
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Notes that a key was used at `now`, once a minute at most (outsend 4.3).
    ///
    /// # Errors
    /// When the store fails; the caller logs it and goes on.
    pub fn touch_user_key<'a>(
        &'a self,
        key: &'a UserKey,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.touch(key_key(&key.hash), key.last_used_at, now).await })
    }
}
