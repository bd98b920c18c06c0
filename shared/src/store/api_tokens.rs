//! API tokens of OpenScouter (openscouter 3.4, 8): by id, with their organization's directory of the unexpired
//! ones; in the lists of the organization and of the platform, and in the order in which they end.

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    BoxFuture, KeyCreation, Page, Store, StoreError, after_lost_race,
    client::Written,
    collection::newest_first,
    directory::Entry,
    item::{Condition, Item, delete},
    organizations::organization_pk,
    retry::MAX_ATTEMPTS,
};
use crate::{
    clock::epoch_micros,
    model::{ApiToken, AuditEntry, OrganizationId, TokenId, TokenScopes, UserId},
};

/// The order in which tokens end.
const BY_END: &str = "RANK#tokens/end";
/// Tokens that ended and are taken off the lists at a time.
const SWEPT: u32 = 20;

pub(super) fn token_key(id: TokenId) -> (String, String) {
    (format!("OSC#{id}"), "OSC".to_owned())
}

fn directory_key(organization: OrganizationId) -> (String, String) {
    (organization_pk(organization), "TOKENS".to_owned())
}

/// The list of an organization's tokens, or of all.
fn list_pk(organization: Option<OrganizationId>) -> String {
    organization.map_or_else(|| "RANK#tokens".to_owned(), |id| format!("RANK#{id}#tokens"))
}

fn by_end(token: &ApiToken) -> Option<Vec<u8>> {
    let mut rank = epoch_micros(token.expires_at?).cast_unsigned().to_be_bytes().to_vec();
    rank.extend_from_slice(token.id.as_bytes());
    Some(rank)
}

fn token_item(token: &ApiToken) -> Item {
    let (pk, sk) = token_key(token.id);
    Item::new(pk, sk)
        .text("id", token.id.to_string())
        .text("hash", &*token.hash)
        .text("last_four", &*token.last_four)
        .text("name", &*token.name)
        .text("scopes", token.scopes.names().join(" "))
        .text("user", token.creator.to_string())
        .text("organization", token.organization.to_string())
        .number("generation", token.generation)
        .time("created_at", token.created_at)
        .optional_time("expires_at", token.expires_at)
        .optional_time("last_used_at", token.last_used_at)
}

pub(super) fn read_token(item: &Item) -> Result<ApiToken, StoreError> {
    let reader = item.read("API token");
    let mut scopes = TokenScopes::default();
    for name in reader.text("scopes")?.split(' ') {
        scopes.add(name);
    }
    Ok(ApiToken {
        id: reader.parsed("id", TokenId::parse)?,
        hash: reader.text("hash")?.to_owned(),
        last_four: reader.text("last_four")?.to_owned(),
        name: reader.text("name")?.to_owned(),
        scopes,
        creator: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        generation: reader.count("generation")?,
        created_at: reader.time("created_at")?,
        expires_at: reader.optional_time("expires_at")?,
        last_used_at: reader.optional_time("last_used_at")?,
    })
}

impl Store {
    /// Stores a new token of an organization that has fewer than `cap` unexpired ones.
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_token<'a>(
        &'a self,
        token: &'a ApiToken,
        cap: usize,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<KeyCreation, StoreError>> {
        Box::pin(async move {
            let directory = directory_key(token.organization);
            for attempt in 0..MAX_ATTEMPTS {
                let (mut entries, version) = self.directory(&directory).await?;
                if entries.iter().any(|entry| entry.id == token.id.to_string()) {
                    return Ok(KeyCreation::Created); // the answer to an earlier attempt was lost
                }
                entries.retain(|entry| entry.generation == token.generation && entry.lives_at(token.created_at));
                if entries.len() >= cap {
                    return Ok(KeyCreation::CapReached);
                }
                entries.push(Entry {
                    id: token.id.to_string(),
                    end: token.expires_at.map(epoch_micros),
                    generation: token.generation,
                });
                if let Some(ranked) = self.rank_token(token, Change::Insert).await? {
                    let mut members = vec![
                        self.put_directory(&directory, &entries, version)?,
                        token_item(token).put(&self.main, Condition::Absent)?,
                    ];
                    members.extend(ranked);
                    members.extend(self.audit_members(audit)?);
                    if self.transact(members).await? == Written::Done {
                        return Ok(KeyCreation::Created);
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The transaction members that put a token on its lists, or take it off.
    async fn rank_token(
        &self,
        token: &ApiToken,
        change: fn(Vec<u8>) -> Change,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let lists = [list_pk(Some(token.organization)), list_pk(None)];
        let listed = change(newest_first(token.created_at, token.id.as_bytes()));
        let Some(mut members) = self.rank_in_all(&lists, &listed).await? else { return Ok(None) };
        if let Some(rank) = by_end(token) {
            let Some(ranked) = self.rank_changes(BY_END, &[change(rank)]).await? else { return Ok(None) };
            members.extend(ranked);
        }
        Ok(Some(members))
    }

    /// A token by its id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn api_token(&self, id: TokenId) -> BoxFuture<'_, Result<Option<ApiToken>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = token_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_token).transpose()
        })
    }

    /// Removes a token: it is refused from then on. `Ok(false)` when it is gone already.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_token<'a>(
        &'a self,
        token: &'a ApiToken,
        audit: Option<&'a AuditEntry>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (directory, (pk, sk)) = (directory_key(token.organization), token_key(token.id));
            for attempt in 0..MAX_ATTEMPTS {
                if attempt > 0 && self.api_token(token.id).await?.is_none() {
                    // by somebody else, or by an earlier attempt whose answer was lost
                    return Ok(false);
                }
                let (mut entries, version) = self.directory(&directory).await?;
                entries.retain(|entry| entry.id != token.id.to_string());
                if let Some(ranked) = self.rank_token(token, Change::Remove).await? {
                    let mut members = vec![
                        self.put_directory(&directory, &entries, version)?,
                        delete(&self.main, pk.clone(), sk.clone())?,
                    ];
                    members.extend(ranked);
                    if let Some(audit) = audit {
                        members.extend(self.audit_members(audit)?);
                    }
                    if self.transact(members).await? == Written::Done {
                        return Ok(true);
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// One page of the live tokens of an organization, or of all, newest first. Tokens that ended since the last
    /// look are taken off the lists first, each of them once.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tokens_page(
        &self,
        organization: Option<OrganizationId>,
        offset: u64,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Page<ApiToken>, StoreError>> {
        Box::pin(async move {
            self.drop_ended_tokens(now).await?;
            let key = |id| token_key(TokenId::from_uuid(id));
            self.page_of(&list_pk(organization), (None, None), (offset, limit), key, read_token).await
        })
    }

    async fn drop_ended_tokens(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let end = (epoch_micros(now) + 1).cast_unsigned().to_be_bytes().to_vec();
        loop {
            let (_, ended) = self.ranked_page(BY_END, (None, Some(end.clone())), 0, SWEPT).await?;
            if ended.is_empty() {
                return Ok(());
            }
            for rank in ended {
                let bytes = rank.get(8..).and_then(|id| <[u8; 16]>::try_from(id).ok());
                let id = bytes.map(|bytes| TokenId::from_uuid(Uuid::from_bytes(bytes)));
                let token = match id {
                    Some(id) => self.api_token(id).await?,
                    None => None,
                };
                match token {
                    Some(token) => {
                        self.revoke_token(&token, None).await?;
                    }
                    None => {
                        let members = self.rank_changes(BY_END, &[Change::Remove(rank)]).await?;
                        if let Some(members) = members {
                            self.transact(members).await?;
                        }
                    }
                }
            }
        }
    }

    /// Notes that a token was used at `now`, once a minute at most.
    ///
    /// # Errors
    /// When the store fails; the caller logs it and goes on.
    pub fn touch_token<'a>(
        &'a self,
        token: &'a ApiToken,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.touch(token_key(token.id), token.last_used_at, now).await })
    }
}
