//! Sign-ins of OpenScouter: families of refresh tokens (openscouter 3.3). A family that ended is not there any
//! more, and with it neither its refresh tokens nor its access tokens.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::{
    model::{AuditEntry, Family, FamilyId, OrganizationId, User, UserId},
    secret::HandleKey,
};

pub(super) fn family_key(id: FamilyId) -> (String, String) {
    (format!("FAMILY#{id}"), "FAMILY".to_owned())
}

fn listed_key(family: &Family) -> (String, String) {
    (user_pk(family.user), format!("FAMILY#{}", family.id))
}

fn family_item((pk, sk): (String, String), family: &Family) -> Item {
    Item::new(pk, sk)
        .text("id", family.id.to_string())
        .text("user", family.user.to_string())
        .text("organization", family.organization.to_string())
        .number("generation", family.generation)
        .refresh_tokens("current", &family.refresh)
        .optional_text("mark", family.mark.as_ref().map(HandleKey::to_stored).as_deref())
        .time("created_at", family.created_at)
        .time("expires_at", family.expires_at)
        .number("version", family.version)
        .gone_after(family.expires_at)
}

pub(super) fn read_family(item: &Item) -> Result<Family, StoreError> {
    let reader = item.read("family");
    Ok(Family {
        id: reader.parsed("id", FamilyId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        generation: reader.number("generation")?,
        refresh: reader.refresh_tokens("current")?,
        mark: reader.optional_text("mark").and_then(HandleKey::from_stored),
        created_at: reader.time("created_at")?,
        expires_at: reader.time("expires_at")?,
        version: reader.number("version")?,
    })
}

impl Store {
    /// The transaction members that open a family.
    pub(super) fn family_members(&self, family: &Family) -> Result<Vec<TransactWriteItem>, StoreError> {
        let keys = [family_key(family.id), listed_key(family)];
        keys.into_iter().map(|key| family_item(key, family).put(&self.main, Condition::Absent)).collect()
    }

    /// A family, unless it ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn family(&self, id: FamilyId) -> BoxFuture<'_, Result<Option<Family>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = family_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_family).transpose()
        })
    }

    /// Puts a family's next state over the one that was read; `Ok(false)` when somebody was faster, or the family ended.
    pub(super) fn rotate_family<'a>(&'a self, next: &'a Family) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let mut written = next.clone();
                written.version += 1;
                let members = vec![
                    family_item(family_key(next.id), &written).put(&self.main, Condition::Version(next.version))?,
                    family_item(listed_key(next), &written).put(&self.main, Condition::None)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if !failed.is_empty() => {
                        // the first answer to this very write can have been lost
                        let now = self.family(next.id).await?;
                        let ours = now.is_some_and(|now| now.refresh == next.refresh);
                        return Ok(ours);
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Ends families of one user, with a record; a family that ended before stays ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_families<'a>(
        &'a self,
        families: &'a [Family],
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let mut members = self.audit_members(audit)?;
                for family in families {
                    for (pk, sk) in [family_key(family.id), listed_key(family)] {
                        members.push(delete(&self.main, pk, sk)?);
                    }
                }
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    // only the record has a condition: the answer to this very write was lost
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The user's sign-ins that work at `now`, oldest first, for the personal export.
    ///
    /// # Errors
    /// When the store fails.
    pub fn families_of<'a>(
        &'a self,
        user: &'a User,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Vec<Family>, StoreError>> {
        Box::pin(async move {
            let listed = self.query(user_pk(user.id), "FAMILY#").await?;
            let mut families = listed.iter().map(read_family).collect::<Result<Vec<_>, _>>()?;
            families.retain(|family| family.generation == user.generation && now < family.expires_at);
            families.sort_by_key(|family| family.created_at);
            Ok(families)
        })
    }
}
