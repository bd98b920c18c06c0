//! OAuth clients, authorization codes and connections (openscouter 8).

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Page, Store, StoreError, after_lost_race,
    client::Written,
    collection::newest_first,
    item::{Condition, Item, delete},
    retry::MAX_ATTEMPTS,
};
use crate::{
    model::{AuditEntry, ClientId, Connection, ConnectionId, OAuthClient, OAuthCode, OrganizationId, UserId},
    secret::HandleKey,
};

/// How long a client that nobody uses is kept (openscouter 8.1).
const CLIENT_KEPT: Duration = Duration::days(90);
/// How long a used code is remembered, so that its second use can end what it gave.
const CODE_KEPT: Duration = Duration::hours(1);

fn client_key(id: ClientId) -> (String, String) {
    (format!("CLIENT#{id}"), "CLIENT".to_owned())
}

pub(super) fn code_key(id: ConnectionId) -> (String, String) {
    (format!("CODE#{id}"), "CODE".to_owned())
}

pub(super) fn connection_key(id: ConnectionId) -> (String, String) {
    (format!("CONN#{id}"), "CONN".to_owned())
}

/// Where a person's connections are named, who can be of another organization than they are. A partition of its own:
/// who ends a connection has no business with the rest of the person's.
fn person_pk(user: UserId) -> String {
    format!("CONNS#{user}")
}

fn person_key(connection: &Connection) -> (String, String) {
    (person_pk(connection.user), format!("CONN#{}", connection.id))
}

/// The list of an organization's connections, or of all.
fn list_pk(organization: Option<OrganizationId>) -> String {
    organization.map_or_else(|| "RANK#connections".to_owned(), |id| format!("RANK#{id}#connections"))
}

fn client_item(client: &OAuthClient, now: OffsetDateTime) -> Item {
    let (pk, sk) = client_key(client.id);
    let end = now + CLIENT_KEPT;
    Item::new(pk, sk)
        .text("id", client.id.to_string())
        .optional_text("name", client.name.as_deref())
        .text("redirect_uris", client.redirect_uris.join(" "))
        .time("created_at", client.created_at)
        .time("expires_at", end)
        .gone_after(end)
}

/// Where a user's code is listed, in the table of short-lived records.
fn listed_code_key(user: UserId, id: ConnectionId) -> (String, String) {
    (format!("USER#{user}"), format!("CODE#{id}"))
}

fn code_item(code: &OAuthCode, version: u64) -> Item {
    let (pk, sk) = code_key(code.connection);
    Item::new(pk, sk)
        .text("connection", code.connection.to_string())
        .text("hash", &*code.hash)
        .text("client", code.client.to_string())
        .text("client_name", &*code.client_name)
        .text("redirect_uri", &*code.redirect_uri)
        .text("challenge", &*code.challenge)
        .text("user", code.user.to_string())
        .number("generation", code.generation)
        .text("organization", code.organization.to_string())
        .number("draft", u8::from(code.draft))
        .text("audience", &*code.audience)
        .time("expires_at", code.expires_at)
        .number("version", version)
        .number("ttl", (code.expires_at + CODE_KEPT).unix_timestamp())
}

fn read_code(item: &Item) -> Result<OAuthCode, StoreError> {
    let reader = item.read("authorization code");
    Ok(OAuthCode {
        connection: reader.parsed("connection", ConnectionId::parse)?,
        hash: reader.text("hash")?.to_owned(),
        client: reader.parsed("client", ClientId::parse)?,
        client_name: reader.text("client_name")?.to_owned(),
        redirect_uri: reader.text("redirect_uri")?.to_owned(),
        challenge: reader.text("challenge")?.to_owned(),
        user: reader.parsed("user", UserId::parse)?,
        generation: reader.count("generation")?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        draft: reader.flag("draft")?,
        audience: reader.text("audience")?.to_owned(),
        expires_at: reader.time("expires_at")?,
        used: reader.number::<u64>("version")? > 1,
    })
}

fn connection_item(connection: &Connection) -> Item {
    let (pk, sk) = connection_key(connection.id);
    let access = serde_json::to_string(&connection.access).unwrap_or_else(|_| "[]".to_owned());
    Item::new(pk, sk)
        .text("id", connection.id.to_string())
        .text("user", connection.user.to_string())
        .text("organization", connection.organization.to_string())
        .text("client", connection.client.to_string())
        .text("client_name", &*connection.client_name)
        .number("draft", u8::from(connection.draft))
        .text("audience", &*connection.audience)
        .text("access", access)
        .refresh_tokens("refresh", &connection.refresh)
        .optional_text("mark", connection.mark.as_ref().map(HandleKey::to_stored).as_deref())
        .number("generation", connection.generation)
        .time("refresh_expires_at", connection.refresh_expires_at)
        .time("created_at", connection.created_at)
        .optional_time("last_used_at", connection.last_used_at)
        .number("version", connection.version)
}

pub(super) fn read_connection(item: &Item) -> Result<Connection, StoreError> {
    let reader = item.read("connection");
    Ok(Connection {
        id: reader.parsed("id", ConnectionId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        client: reader.parsed("client", ClientId::parse)?,
        client_name: reader.text("client_name")?.to_owned(),
        draft: reader.flag("draft")?,
        audience: reader.text("audience")?.to_owned(),
        access: reader.parsed("access", |text| serde_json::from_str(text).ok())?,
        refresh: reader.refresh_tokens("refresh")?,
        mark: reader.optional_text("mark").and_then(HandleKey::from_stored),
        generation: reader.count("generation")?,
        refresh_expires_at: reader.time("refresh_expires_at")?,
        created_at: reader.time("created_at")?,
        last_used_at: reader.optional_time("last_used_at")?,
        version: reader.number("version")?,
    })
}

/// How the exchange of a code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The new tokens work.
    Done,
    /// What was presented had been used before.
    Used,
}

impl Store {
    /// Stores a client.
    ///
    /// # Errors
    /// When the store fails.
    pub fn register_client<'a>(&'a self, client: &'a OAuthClient) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let member = client_item(client, client.created_at).put(&self.main, Condition::Absent)?;
                match self.transact(vec![member]).await? {
                    Written::Done => return Ok(()),
                    // only an earlier attempt of this very write can have put it there
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// A client that was used in the last 90 days; looking it up for a sign-in is a use.
    ///
    /// # Errors
    /// When the store fails.
    pub fn oauth_client(
        &self,
        id: ClientId,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Option<OAuthClient>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = client_key(id);
            let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
            let reader = item.read("client");
            let end = reader.time("expires_at")?;
            if end <= now {
                return Ok(None);
            }
            let client = OAuthClient {
                id,
                name: reader.optional_text("name").map(str::to_owned),
                redirect_uris: reader.text("redirect_uris")?.split_terminator(' ').map(str::to_owned).collect(),
                created_at: reader.time("created_at")?,
            };
            if end - now < CLIENT_KEPT - Duration::days(1) {
                // a lost race means that somebody else has just used it
                self.transact(vec![client_item(&client, now).put(&self.main, Condition::Present)?]).await?;
            }
            Ok(Some(client))
        })
    }

    /// Stores a code; `Ok(false)` when its connection has another one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn issue_code<'a>(
        &'a self,
        code: &'a OAuthCode,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                // for the deletion of the user
                let (pk, sk) = listed_code_key(code.user, code.connection);
                let listed = Item::new(pk, sk).number("ttl", (code.expires_at + CODE_KEPT).unix_timestamp());
                let members = vec![
                    code_item(code, 1).put(&self.hot, Condition::Absent)?,
                    listed.put(&self.hot, Condition::None)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if !failed.is_empty() => {
                        // the first answer to this very write can have been lost, or the form was sent twice
                        let known = self.oauth_code(code.connection).await?;
                        let same = |known: &OAuthCode| known.hash == code.hash && !known.used && now < known.expires_at;
                        return Ok(known.as_ref().is_some_and(same));
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// A code that a connection was or will be made with, used or not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn oauth_code(&self, id: ConnectionId) -> BoxFuture<'_, Result<Option<OAuthCode>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = code_key(id);
            self.get(&self.hot, pk, sk).await?.as_ref().map(read_code).transpose()
        })
    }

    /// Uses a code up for its connection.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connect_client<'a>(
        &'a self,
        code: &'a OAuthCode,
        connection: &'a Connection,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<Exchange, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                if let Some(ranked) = self.rank_connection(connection, Change::Insert).await? {
                    let (name_pk, name_sk) = person_key(connection);
                    let mut members = vec![
                        code_item(code, 2).put(&self.hot, Condition::Version(1))?,
                        connection_item(connection).put(&self.main, Condition::Absent)?,
                        Item::new(name_pk, name_sk).put(&self.main, Condition::None)?,
                    ];
                    members.extend(ranked);
                    members.extend(self.audit_members(audit)?);
                    match self.transact(members).await? {
                        Written::Done => return Ok(Exchange::Done),
                        Written::Refused(failed) if failed.contains(&0) => {
                            // the first answer to this very write can have been lost
                            let ours = self.connection(connection.id).await?;
                            let ours = ours.is_some_and(|known| known.refresh == connection.refresh);
                            return Ok(if ours { Exchange::Done } else { Exchange::Used });
                        }
                        Written::Refused(_) => {}
                    }
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The transaction members that put a connection on its lists, or take it off.
    async fn rank_connection(
        &self,
        connection: &Connection,
        change: fn(Vec<u8>) -> Change,
    ) -> Result<Option<Vec<TransactWriteItem>>, StoreError> {
        let lists = [list_pk(Some(connection.organization)), list_pk(None)];
        self.rank_in_all(&lists, &change(newest_first(connection.created_at, connection.id.as_bytes()))).await
    }

    /// A connection, unless it ended; one that ran out is still there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connection(&self, id: ConnectionId) -> BoxFuture<'_, Result<Option<Connection>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = connection_key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_connection).transpose()
        })
    }

    /// Puts a connection's next state over the one that was read; `Ok(false)` when somebody was faster, or it ended.
    pub(super) fn rotate_connection<'a>(&'a self, next: &'a Connection) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let mut written = next.clone();
            written.version += 1;
            self.put_version(connection_item(&written), next.version).await
        })
    }

    /// Ends a connection with all its tokens, with a record. `Ok(false)` when it had ended before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_connection<'a>(
        &'a self,
        connection: &'a Connection,
        audit: Option<&'a AuditEntry>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                if attempt > 0 && self.connection(connection.id).await?.is_none() {
                    return Ok(false);
                }
                if let Some(ranked) = self.rank_connection(connection, Change::Remove).await? {
                    let (pk, sk) = connection_key(connection.id);
                    let (name_pk, name_sk) = person_key(connection);
                    let mut members = vec![delete(&self.main, pk, sk)?, delete(&self.main, name_pk, name_sk)?];
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

    /// One page of the connections of an organization, or of all, newest first. Those of the page that ran out are
    /// ended first, each of them once.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connections_page(
        &self,
        organization: Option<OrganizationId>,
        offset: u64,
        limit: u32,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<Page<Connection>, StoreError>> {
        Box::pin(async move {
            let key = |id| connection_key(ConnectionId::from_uuid(id));
            for attempt in 0..MAX_ATTEMPTS {
                let list = list_pk(organization);
                let page = self.page_of(&list, (None, None), (offset, limit), key, read_connection).await?;
                let (live, ended): (Vec<_>, Vec<_>) =
                    page.members.into_iter().partition(|connection| connection.lives_at(now));
                if ended.is_empty() {
                    return Ok(Page { total: page.total, members: live });
                }
                for connection in ended {
                    self.end_connection(&connection, None).await?;
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The connections that a person allowed, to whichever organizations, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connections_of(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Connection>, StoreError>> {
        Box::pin(async move {
            let names = self.query(person_pk(user), "CONN#").await?;
            let id =
                |item: &Item| item.read("connection").parsed("sk", |sk| ConnectionId::parse(sk.strip_prefix("CONN#")?));
            let ids = names.iter().map(id).collect::<Result<Vec<_>, _>>()?;
            let items = self.batch_get(ids.into_iter().map(connection_key).collect()).await?;
            let mut connections = items.iter().map(read_connection).collect::<Result<Vec<_>, _>>()?;
            connections.sort_by_key(|connection| (connection.created_at, connection.id));
            Ok(connections)
        })
    }

    /// Notes that a connection was used at `now`, once a minute at most.
    ///
    /// # Errors
    /// When the store fails; the caller logs it and goes on.
    pub fn touch_connection<'a>(
        &'a self,
        connection: &'a Connection,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.touch(connection_key(connection.id), connection.last_used_at, now).await })
    }
}
