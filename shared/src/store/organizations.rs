//! Organizations and their API keys.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use secrecy::SecretString;
use serde_json::json;
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    gateway_keys::parts::is_used,
    item::{Condition, Item},
    pending::{Pending, SharedList},
    retry::MAX_ATTEMPTS,
};
use crate::{
    clock::epoch_micros,
    model::{Action, ApiKey, ApiKeyId, AuditEntry, Organization, OrganizationId, Plan, Scope},
    secret::KeyHash,
};

pub(super) const ORGANIZATIONS: &str = "ORGS";

/// A key together with what its organization pays for: all that a request's checks need, in one item.
#[derive(Clone, Debug)]
pub struct KeyWithPlan {
    /// The key.
    pub key: ApiKey,
    /// Its organization's plan.
    pub plan: Plan,
}

/// What the gateway holds an organization's requests against.
#[derive(Clone, Debug)]
pub struct Tenancy {
    /// The organization's plan.
    pub plan: Plan,
    /// The value of its own gateway key; `None` means a pool key of its plan.
    pub key: Option<SecretString>,
    /// Whether it is marked as used on this day.
    pub used_today: bool,
}

pub(super) fn key_pk(hash: &str) -> String {
    format!("KEY#{hash}")
}

pub(super) fn organization_pk(id: OrganizationId) -> String {
    format!("ORG#{id}")
}

pub(super) fn organization_item(pk: String, sk: String, organization: &Organization) -> Item {
    Item::new(pk, sk)
        .text("id", organization.id.to_string())
        .text("name", &*organization.name)
        .text("plan", organization.plan.as_str())
        .number("billing_exempt", u8::from(organization.billing_exempt))
        .time("created_at", organization.created_at)
}

pub(super) fn read_organization(item: &Item) -> Result<Organization, StoreError> {
    let reader = item.read("organization");
    Ok(Organization {
        id: reader.parsed("id", OrganizationId::parse)?,
        name: reader.text("name")?.to_owned(),
        plan: reader.parsed("plan", Plan::parse)?,
        billing_exempt: reader.flag("billing_exempt")?,
        created_at: reader.time("created_at")?,
    })
}

fn key_item(pk: String, sk: String, key: &ApiKey, plan: Plan) -> Item {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    Item::new(pk, sk)
        .text("id", key.id.to_string())
        .text("hash", key.hash.as_str())
        .text("prefix", &*key.prefix)
        .text("name", &*key.name)
        .text("organization", key.organization.to_string())
        .text("plan", plan.as_str())
        .text("scopes", scopes.join(" "))
        .time("created_at", key.created_at)
        .optional_time("expires_at", key.expires_at)
        .optional_time("revoked_at", key.revoked_at)
}

fn read_key(item: &Item) -> Result<KeyWithPlan, StoreError> {
    let reader = item.read("api key");
    Ok(KeyWithPlan {
        plan: reader.parsed("plan", Plan::parse)?,
        key: ApiKey {
            id: reader.parsed("id", ApiKeyId::parse)?,
            hash: KeyHash::from_stored(reader.text("hash")?.to_owned()),
            prefix: reader.text("prefix")?.to_owned(),
            name: reader.text("name")?.to_owned(),
            organization: reader.parsed("organization", OrganizationId::parse)?,
            scopes: reader.text("scopes")?.split(' ').filter_map(Scope::parse).collect(),
            created_at: reader.time("created_at")?,
            expires_at: reader.optional_time("expires_at")?,
            revoked_at: reader.optional_time("revoked_at")?,
            last_used_at: reader.optional_time("last_used_at")?,
        },
    })
}

impl Store {
    /// Creates an organization. `Ok(false)` when the id is taken.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_organization<'a>(
        &'a self,
        organization: &'a Organization,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let own = organization_item(organization_pk(organization.id), "ORG".to_owned(), organization);
            let listed = organization_item(ORGANIZATIONS.to_owned(), organization_pk(organization.id), organization);
            let mut members = vec![own.put(&self.main, Condition::Absent)?, listed.put(&self.main, Condition::Absent)?];
            members.push(self.rank_organization_member(organization)?);
            members.push(self.new_key_task(organization.id, organization.created_at)?);
            Ok(self.transact(members).await? == Written::Done)
        })
    }

    /// The transaction member that ranks a new organization in the operator's list.
    pub(super) fn rank_organization_member(
        &self,
        organization: &Organization,
    ) -> Result<TransactWriteItem, StoreError> {
        let id = organization.id.to_string();
        self.pending_member(Pending { list: SharedList::Organizations, id: &id, subjects: &id, new: true })
    }

    /// The transaction members that give an organization another name.
    pub(super) fn rename_organization(
        &self,
        id: OrganizationId,
        name: &str,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let rename = |pk: String, sk: String| {
            let update = Update::builder()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET #name = :name")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":name", AttributeValue::S(name.to_owned()))
                .build()
                .map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
            Ok(TransactWriteItem::builder().update(update).build())
        };
        let own = rename(organization_pk(id), "ORG".to_owned())?;
        Ok([own, rename(ORGANIZATIONS.to_owned(), organization_pk(id))?])
    }

    /// Changes an organization's plan and exemption for good: its keys know the plan, too, and its own gateway key is to follow.
    /// `Ok(None)` when there is no such organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn change_organization<'a>(
        &'a self,
        id: OrganizationId,
        plan: Option<Plan>,
        billing_exempt: Option<bool>,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<Option<Organization>, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let Some(mut organization) = self.organization(id).await? else { return Ok(None) };
                let moves = plan.is_some_and(|plan| plan != organization.plan);
                organization.plan = plan.unwrap_or(organization.plan);
                organization.billing_exempt = billing_exempt.unwrap_or(organization.billing_exempt);
                let mut members = self.change_members(&organization)?;
                if moves {
                    members.push(self.key_task_member(id, audit.at)?);
                }
                members.extend(self.audit_members(audit)?);
                match self.transact(members).await? {
                    Written::Done => {}
                    // the first answer to this very write can have been lost: only the record can be there already
                    Written::Refused(failed) if failed.first().is_some_and(|member| *member > 1) => {}
                    Written::Refused(_) => {
                        after_lost_race(attempt).await?;
                        continue;
                    }
                }
                self.tell_keys(&organization).await?;
                return Ok(Some(organization));
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The members that write an organization's plan and exemption, and leave everything else of it alone.
    fn change_members(&self, organization: &Organization) -> Result<Vec<TransactWriteItem>, StoreError> {
        let change = |pk: String, sk: String| {
            let update = Update::builder()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET #plan = :plan, billing_exempt = :exempt")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#plan", "plan")
                .expression_attribute_values(":plan", AttributeValue::S(organization.plan.as_str().to_owned()))
                .expression_attribute_values(
                    ":exempt",
                    AttributeValue::N(u8::from(organization.billing_exempt).to_string()),
                )
                .build()
                .map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
            Ok(TransactWriteItem::builder().update(update).build())
        };
        let own = change(organization_pk(organization.id), "ORG".to_owned())?;
        Ok(vec![own, change(ORGANIZATIONS.to_owned(), organization_pk(organization.id))?])
    }

    /// Tells an organization's keys its plan.
    async fn tell_keys(&self, organization: &Organization) -> Result<(), StoreError> {
        for key in self.query(organization_pk(organization.id), "KEY#").await? {
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(key_pk(key.read("api key").text("hash")?)))
                .key("sk", AttributeValue::S("KEY".to_owned()))
                .update_expression("SET #plan = :plan")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#plan", "plan")
                .expression_attribute_values(":plan", AttributeValue::S(organization.plan.as_str().to_owned()));
            self.update(call).await?;
        }
        Ok(())
    }

    /// One organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn organization(&self, id: OrganizationId) -> BoxFuture<'_, Result<Option<Organization>, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, organization_pk(id), "ORG".to_owned()).await?;
            item.as_ref().map(read_organization).transpose()
        })
    }

    /// What the gateway holds an organization's requests against, by one read: its plan, and the value of its gateway key when
    /// it has one of its own. `Ok(None)` when there is no such organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tenancy(
        &self,
        id: OrganizationId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Option<Tenancy>, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, organization_pk(id), "ORG".to_owned()).await?;
            let Some(item) = item else { return Ok(None) };
            let reader = item.read("organization");
            let key = reader.optional_text("gateway_key").map(SecretString::from);
            let used_today = is_used(&item, now)?;
            Ok(Some(Tenancy { plan: reader.parsed("plan", Plan::parse)?, key, used_today }))
        })
    }

    /// All organizations, for the operator's command line; never on a request path.
    ///
    /// # Errors
    /// When the store fails.
    pub fn organizations(&self) -> BoxFuture<'_, Result<Vec<Organization>, StoreError>> {
        Box::pin(async move {
            let items = self.query(ORGANIZATIONS.to_owned(), "ORG#").await?;
            items.iter().map(read_organization).collect()
        })
    }

    /// Stores a new key of an organization that exists. `Ok(false)` when the key is known already.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_key<'a>(&'a self, key: &'a ApiKey, plan: Plan) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let detail = json!({"dialect": "outset"});
            let audit = AuditEntry::of_operator(Action::TokenIssued, Some(key.id.to_string()), detail, key.created_at);
            let by_hash = key_item(key_pk(key.hash.as_str()), "KEY".to_owned(), key, plan);
            let listed = key_item(organization_pk(key.organization), format!("KEY#{}", key.id), key, plan);
            let mut members =
                vec![by_hash.put(&self.main, Condition::Absent)?, listed.put(&self.main, Condition::Absent)?];
            members.extend(self.audit_members(&audit)?);
            Ok(self.transact(members).await? == Written::Done)
        })
    }

    /// The key with this hash, and its organization's plan (outset 5.2: one read).
    ///
    /// # Errors
    /// When the store fails.
    pub fn key_by_hash<'a>(&'a self, hash: &'a KeyHash) -> BoxFuture<'a, Result<Option<KeyWithPlan>, StoreError>> {
        Box::pin(async move {
            let item = self.get(&self.main, key_pk(hash.as_str()), "KEY".to_owned()).await?;
            let found = item.as_ref().map(read_key).transpose()?;
            if let Some(found) = &found {
                self.memory.keep_tenant(hash, found.key.organization, found.plan);
            }
            Ok(found)
        })
    }

    /// The organization of a key that this process has seen before, and the plan that it had then; the key may have ended
    /// meanwhile.
    #[must_use]
    pub fn known_tenant(&self, hash: &KeyHash) -> Option<(OrganizationId, Plan)> {
        self.memory.tenant(hash)
    }

    /// The keys of an organization, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keys_of(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Vec<ApiKey>, StoreError>> {
        Box::pin(async move {
            let listed = self.query(organization_pk(organization), "KEY#").await?;
            let hashes: Vec<_> = listed
                .iter()
                .map(|item| Ok((key_pk(item.read("api key").text("hash")?), "KEY".to_owned())))
                .collect::<Result<_, StoreError>>()?;
            let by_id: BTreeMap<_, _> = self
                .batch_get(hashes)
                .await?
                .iter()
                .map(|item| read_key(item).map(|found| ((found.key.created_at, found.key.id), found.key)))
                .collect::<Result<_, _>>()?;
            Ok(by_id.into_values().collect())
        })
    }

    /// Revokes a key for good; it stops working at once. `Ok(false)` when the organization has no such key.
    /// Revoking a revoked key changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_key(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let Some(listed) = self.get(&self.main, organization_pk(organization), format!("KEY#{id}")).await? else {
                return Ok(false);
            };
            let hash = listed.read("api key").text("hash")?.to_owned();
            let revoke = Update::builder()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(key_pk(&hash)))
                .key("sk", AttributeValue::S("KEY".to_owned()))
                .update_expression("SET revoked_at = :now")
                .condition_expression("attribute_exists(pk) AND attribute_not_exists(revoked_at)")
                .expression_attribute_values(":now", AttributeValue::N(epoch_micros(now).to_string()))
                .build()
                .map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
            let detail = json!({"dialect": "outset"});
            let audit = AuditEntry::of_operator(Action::TokenRevoked, Some(id.to_string()), detail, now);
            for attempt in 0..MAX_ATTEMPTS {
                let mut members = vec![TransactWriteItem::builder().update(revoke.clone()).build()];
                members.extend(self.audit_members(&audit)?);
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    // revoked before, be it by an attempt whose answer was lost
                    Written::Refused(failed) if !failed.is_empty() => return Ok(true),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Notes that a key was used at `now`, once a minute at most (outset 5.2).
    ///
    /// # Errors
    /// When the store fails; the caller logs it and goes on.
    pub fn touch_key<'a>(&'a self, key: &'a ApiKey, now: OffsetDateTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let item = (key_pk(key.hash.as_str()), "KEY".to_owned());
            self.touch(item, key.last_used_at, now).await
        })
    }

    /// Notes at a credential's item that it was used in the minute of `now`, unless that is known already.
    pub(super) fn touch(
        &self,
        (pk, sk): (String, String),
        last_used_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let minute = epoch_micros(now).div_euclid(60_000_000) * 60_000_000;
            if last_used_at.is_some_and(|last| epoch_micros(last) >= minute) {
                return Ok(false);
            }
            let call = self
                .client
                .update_item()
                .table_name(&self.main)
                .key("pk", AttributeValue::S(pk))
                .key("sk", AttributeValue::S(sk))
                .update_expression("SET last_used_at = :minute")
                .condition_expression(
                    "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :minute)",
                )
                .expression_attribute_values(":minute", AttributeValue::N(minute.to_string()));
            self.update(call).await
        })
    }
}
