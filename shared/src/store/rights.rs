//! What people may ask for about themselves: profile, exports, erasure (openscouter 18).

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    BoxFuture, Store, StoreError,
    accounts::{MOST_ATTEMPTS, user_pk},
    after_lost_race,
    client::Written,
    item::{Condition, Item},
    ranked::Change,
};
use crate::{
    clock::epoch_micros,
    model::{AuditEntry, ErasureId, ExportId, UserId, Work, WorkKind},
};

/// The order in which erasures are due.
pub(super) const ERASURES: &str = "RANK#erasures";
/// Bytes of an export that one item holds.
const PART: usize = 300_000;

/// Where an export stands (openscouter 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportState {
    /// Asked for.
    Queued,
    /// Can be fetched.
    Complete,
    /// Could not be made.
    Failed,
}

impl ExportState {
    /// The stored and shown name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Complete, Self::Failed].into_iter().find(|state| state.as_str() == text)
    }
}

/// A personal export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Id.
    pub id: ExportId,
    /// Whose it is.
    pub user: UserId,
    /// Where it stands.
    pub state: ExportState,
    /// When it cannot be fetched any more.
    pub expires_at: Option<OffsetDateTime>,
    /// In how many items it is kept.
    pub parts: usize,
}

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

fn export_key(user: UserId, id: ExportId) -> (String, String) {
    (user_pk(user), format!("EXPORT#{id}"))
}

fn part_key(user: UserId, id: ExportId, part: usize) -> (String, String) {
    (user_pk(user), format!("EXPORT#{id}#{part:06}"))
}

fn export_item(export: &Export) -> Item {
    let (pk, sk) = export_key(export.user, export.id);
    let item = Item::new(pk, sk)
        .text("id", export.id.to_string())
        .text("user", export.user.to_string())
        .text("state", export.state.as_str())
        .number("parts", export.parts)
        .optional_time("expires_at", export.expires_at);
    match export.expires_at {
        Some(end) => item.number("ttl", end.unix_timestamp()),
        None => item,
    }
}

fn read_export(item: &Item) -> Result<Export, StoreError> {
    let reader = item.read("export");
    Ok(Export {
        id: reader.parsed("id", ExportId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        state: reader.parsed("state", ExportState::parse)?,
        parts: reader.number("parts")?,
        expires_at: reader.optional_time("expires_at")?,
    })
}

fn profile_key(user: UserId) -> (String, String) {
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

impl Store {
    /// A tester's profile and its version, which is 0 where nothing was ever set.
    ///
    /// # Errors
    /// When the store fails.
    pub fn profile(&self, user: UserId) -> BoxFuture<'_, Result<(Profile, u64), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = profile_key(user);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok((Map::new(), 0)) };
            let reader = item.read("profile");
            let profile = reader.parsed("profile", |text| serde_json::from_str(text).ok())?;
            Ok((profile, reader.number("version")?))
        })
    }

    /// Puts a profile over the version that was read; `Ok(false)` when it has another one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_profile<'a>(
        &'a self,
        user: UserId,
        profile: &'a Profile,
        version: u64,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = profile_key(user);
            let text = Value::Object(profile.clone()).to_string();
            let item = Item::new(pk, sk).text("profile", text).number("version", version + 1);
            let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
            if self.transact(vec![item.clone().put(&self.main, condition)?]).await? == Written::Done {
                return Ok(true);
            }
            // the first answer to this very write can have been lost
            let (pk, sk) = profile_key(user);
            Ok(self.get(&self.main, pk, sk).await?.is_some_and(|known| known.0 == item.0))
        })
    }

    /// Queues an export; the one that is queued already, if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn queue_export<'a>(
        &'a self,
        export: &'a Export,
        audit: &'a AuditEntry,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Export>, StoreError>> {
        Box::pin(async move {
            // one at a time: the mark goes when the export is made
            let mark = (user_pk(export.user), "EXPORTING".to_owned());
            for attempt in 0..MOST_ATTEMPTS {
                let work = Work {
                    id: format!("export-{}", export.id),
                    kind: WorkKind::Export,
                    subject: format!("{} {}", export.user, export.id),
                    attempt: 0,
                };
                let item = Item::new(mark.0.clone(), mark.1.clone()).text("export", export.id.to_string());
                let mut members = vec![
                    item.put(&self.main, Condition::Absent)?,
                    export_item(export).put(&self.main, Condition::Absent)?,
                    self.work_member(&work, now)?,
                ];
                members.extend(self.audit_members(audit)?);
                match self.transact(members).await? {
                    Written::Done => return Ok(None),
                    Written::Refused(failed) if failed.contains(&0) => {
                        let Some(item) = self.get(&self.main, mark.0.clone(), mark.1.clone()).await? else { continue };
                        let id = item.read("export mark").parsed("export", ExportId::parse)?;
                        // the first answer to this very write can have been lost
                        if id == export.id {
                            return Ok(None);
                        }
                        return self.export(export.user, id).await;
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MOST_ATTEMPTS))
        })
    }

    /// An export of a user.
    ///
    /// # Errors
    /// When the store fails.
    pub fn export(&self, user: UserId, id: ExportId) -> BoxFuture<'_, Result<Option<Export>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = export_key(user, id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_export).transpose()
        })
    }

    /// Stores an export's content; again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish_export<'a>(
        &'a self,
        export: &'a Export,
        content: &'a str,
        expires_at: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let parts: Vec<_> = content.as_bytes().chunks(PART).collect();
            for (number, part) in parts.iter().enumerate() {
                let (pk, sk) = part_key(export.user, export.id, number);
                let item = Item::new(pk, sk).bytes("part", part.to_vec()).number("ttl", expires_at.unix_timestamp());
                for attempt in 0..MOST_ATTEMPTS {
                    if self.transact(vec![item.clone().put(&self.main, Condition::None)?]).await? == Written::Done {
                        break;
                    }
                    after_lost_race(attempt).await?;
                }
            }
            let done = Export {
                state: ExportState::Complete,
                expires_at: Some(expires_at),
                parts: parts.len(),
                ..export.clone()
            };
            for attempt in 0..MOST_ATTEMPTS {
                let members = vec![
                    export_item(&done).put(&self.main, Condition::Present)?,
                    super::item::delete(&self.main, user_pk(export.user), "EXPORTING".to_owned())?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    // the account was deleted meanwhile
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MOST_ATTEMPTS))
        })
    }

    /// The content of an export that is complete.
    ///
    /// # Errors
    /// When the store fails.
    pub fn export_content<'a>(&'a self, export: &'a Export) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move {
            let mut content = Vec::new();
            for number in 0..export.parts {
                let (pk, sk) = part_key(export.user, export.id, number);
                let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
                content.extend_from_slice(item.read("export part").bytes("part")?);
            }
            Ok(String::from_utf8(content).ok())
        })
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
            for attempt in 0..MOST_ATTEMPTS {
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
            Err(StoreError::Contended(MOST_ATTEMPTS))
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
