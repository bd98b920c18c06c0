//! The audit trail (openscouter 17): a record is written with what it tells of, and ranked in its lists by the work
//! that follows. There is a list for each combination of filters, so that every page of every filter costs the same.

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Page, Store, StoreError, after_lost_race,
    client::Written,
    collection::{bounds, id_of, newest_first},
    item::{Condition, Item, delete},
    organizations::{organization_pk, read_organization},
    pending::{Pending, SharedList},
    retry::MAX_ATTEMPTS,
};
use crate::{
    json,
    model::{Action, AuditEntry, AuditId, Organization, OrganizationId, Role, UserId},
};

pub(super) const ORGANIZATIONS: &str = "RANK#organizations";
/// How long a record is kept (openscouter 21).
const KEPT: Duration = Duration::days(2 * 365);

pub(super) fn audit_key(id: AuditId) -> (String, String) {
    (format!("AUDIT#{id}"), "AUDIT".to_owned())
}

/// Which records a list shows.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// By what was done.
    pub action: Option<Action>,
    /// By the actor.
    pub actor: Option<UserId>,
    /// By the object's wire id.
    pub object: Option<String>,
    /// Not before this time.
    pub from: Option<OffsetDateTime>,
    /// Not after this time.
    pub to: Option<OffsetDateTime>,
}

fn list_pk(action: Option<Action>, actor: Option<UserId>, object: Option<&str>) -> String {
    let part = |name: &str, value: Option<String>| value.map(|value| format!("/{name}={value}")).unwrap_or_default();
    format!(
        "RANK#audit{}{}{}",
        part("action", action.map(|action| action.as_str().to_owned())),
        part("actor", actor.map(|actor| actor.to_string())),
        part("object", object.map(str::to_owned)),
    )
}

/// The lists that a record is in: one for each combination of what it has.
fn lists_of(entry: &AuditEntry) -> Vec<String> {
    let mut lists = Vec::new();
    for action in [None, Some(entry.action)] {
        for actor in [None, entry.actor] {
            for object in [None, entry.object.as_deref()] {
                lists.push(list_pk(action, actor, object));
            }
        }
    }
    lists.sort();
    lists.dedup();
    lists
}

/// Where a record is ranked.
pub(super) struct AuditPlaces {
    /// The lists.
    pub(super) lists: Vec<String>,
    /// The rank, the same in all of them.
    pub(super) rank: Vec<u8>,
}

/// Where the record of an item is ranked.
pub(super) fn audit_places(item: &Item) -> Result<AuditPlaces, StoreError> {
    let entry = read_entry(item)?;
    Ok(AuditPlaces { lists: lists_of(&entry), rank: newest_first(entry.at, entry.id.as_bytes()) })
}

fn read_entry(item: &Item) -> Result<AuditEntry, StoreError> {
    let reader = item.read("audit record");
    Ok(AuditEntry {
        id: reader.parsed("id", AuditId::parse)?,
        action: reader.parsed("action", Action::parse)?,
        actor: reader.optional_text("actor").and_then(UserId::parse),
        role: reader.optional_text("role").and_then(Role::parse),
        object: reader.optional_text("object").map(str::to_owned),
        detail: reader.parsed("detail", |text| json::parse(text.as_bytes()).ok())?,
        request_id: reader.text("request_id")?.to_owned(),
        at: reader.time("at")?,
    })
}

impl Store {
    /// The transaction members that write a record and leave its ranking to the lists' drainer.
    pub(super) fn audit_members(&self, entry: &AuditEntry) -> Result<Vec<TransactWriteItem>, StoreError> {
        self.audit_members_if(entry, Condition::Absent)
    }

    fn audit_members_if(&self, entry: &AuditEntry, condition: Condition) -> Result<Vec<TransactWriteItem>, StoreError> {
        let (pk, sk) = audit_key(entry.id);
        let item = Item::new(pk, sk)
            .text("id", entry.id.to_string())
            .text("action", entry.action.as_str())
            .optional_text("actor", entry.actor.map(|actor| actor.to_string()).as_deref())
            .optional_text("role", entry.role.map(Role::as_str))
            .optional_text("object", entry.object.as_deref())
            .text("detail", entry.detail.to_string())
            .text("request_id", &*entry.request_id)
            .time("at", entry.at);
        let id = entry.id.to_string();
        let pending = Pending { list: SharedList::Audit, id: &id, subjects: &id, new: true };
        Ok(vec![item.put(&self.main, condition)?, self.pending_member(pending)?])
    }

    /// Writes records of what was tried at somebody, all or none; where there is nobody, nothing, which costs the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record_of<'a>(&'a self, entries: &'a [AuditEntry], somebody: bool) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // a new record is never there
            let condition = if somebody { Condition::Absent } else { Condition::Present };
            for attempt in 0..MAX_ATTEMPTS {
                let mut members = Vec::new();
                for entry in entries {
                    members.extend(self.audit_members_if(entry, condition)?);
                }
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Writes a record by itself.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record<'a>(&'a self, entry: &'a AuditEntry) -> BoxFuture<'a, Result<(), StoreError>> {
        self.record_of(std::slice::from_ref(entry), true)
    }

    /// Forgets records that are older than the trail is kept, at most `limit`: how many went, and how many could not.
    /// A record goes together with its ranks in the lists.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn forget_audit(&self, now: OffsetDateTime, limit: u32) -> BoxFuture<'_, Result<(u32, u32), StoreError>> {
        Box::pin(async move {
            let trail = list_pk(None, None, None);
            let (_, old) = self.ranked_page(&trail, bounds(None, Some(now - KEPT)), 0, limit).await?;
            let (mut gone, mut failed) = (0, 0);
            for rank in old {
                match self.forget_entry(&trail, rank).await {
                    Ok(()) => gone += 1,
                    // one that fails stops no other, and is due again
                    Err(error) => {
                        tracing::error!(cause = %error, "audit record not forgotten");
                        failed += 1;
                    }
                }
            }
            Ok((gone, failed))
        })
    }

    async fn forget_entry(&self, trail: &str, rank: Vec<u8>) -> Result<(), StoreError> {
        let key = id_of(&rank).map(|id| audit_key(AuditId::from_uuid(id)));
        for attempt in 0..MAX_ATTEMPTS {
            let item = match key.clone() {
                Some((pk, sk)) => self.get(&self.main, pk, sk).await?,
                None => None,
            };
            let lists = match &item {
                Some(item) => lists_of(&read_entry(item)?),
                None => vec![trail.to_owned()],
            };
            if let Some(mut members) = self.rank_in_all(&lists, &Change::Remove(rank.clone())).await? {
                if let (Some(_), Some((pk, sk))) = (&item, key.clone()) {
                    members.push(delete(&self.main, pk, sk)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(());
                }
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Takes a rank off lists; one that is not there stays away.
    pub(super) async fn remove_everywhere(&self, lists: &[String], rank: Vec<u8>) -> Result<(), StoreError> {
        self.change_everywhere(lists, Change::Remove(rank)).await
    }

    pub(super) async fn change_everywhere(&self, lists: &[String], change: Change) -> Result<(), StoreError> {
        for attempt in 0..MAX_ATTEMPTS {
            if let Some(members) = self.rank_in_all(lists, &change).await?
                && (members.is_empty() || self.transact(members).await? == Written::Done)
            {
                return Ok(());
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// One page of the trail, newest first: of the last two years, whatever the sweep has come to.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit_page<'a>(
        &'a self,
        filter: &'a AuditFilter,
        offset: u64,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Page<AuditEntry>, StoreError>> {
        Box::pin(async move {
            let oldest = now - KEPT;
            if filter.to.is_some_and(|to| to < oldest) {
                return Ok(Page { total: 0, members: Vec::new() });
            }
            let from = filter.from.map_or(oldest, |from| from.max(oldest));
            let pk = list_pk(filter.action, filter.actor, filter.object.as_deref());
            let key = |id| audit_key(AuditId::from_uuid(id));
            self.page_of(&pk, bounds(Some(from), filter.to), (offset, limit), key, read_entry).await
        })
    }

    /// One page of all organizations, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn organizations_page(&self, offset: u64, limit: u32) -> BoxFuture<'_, Result<Page<Organization>, StoreError>> {
        Box::pin(async move {
            let key = |id| (organization_pk(OrganizationId::from_uuid(id)), "ORG".to_owned());
            self.page_of(ORGANIZATIONS, (None, None), (offset, limit), key, read_organization).await
        })
    }
}
