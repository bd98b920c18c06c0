//! Whom a credential belongs to, with the account as it is now.

use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError,
    accounts::{account_keys, read_account, read_session, session_key},
    api_tokens::{read_token, token_key},
    connections::{connection_key, read_connection},
    item::Item,
    refresh_tokens::{family_key, read_family},
    test_tokens::{read_test_token, test_token_key},
    user_keys::{key_key, read_key},
};
use crate::{
    model::{
        Account, ApiToken, Connection, ConnectionId, Family, FamilyId, OrganizationId, Session, TestToken, TokenId,
        UserId, UserKey,
    },
    secret::constant_time_eq,
};

/// A credential of a user, by the hash of its secret.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    /// A session cookie.
    Session(&'a str),
    /// An API key.
    Key(&'a str),
    /// An access token of OpenScouter: its family, whose it says that it is, and the organization if it says that.
    Family(FamilyId, UserId, Option<OrganizationId>),
    /// An API token of OpenScouter: its id, and the hash of all of it.
    Token(TokenId, &'a str),
    /// A test token.
    Test(&'a str),
    /// An OAuth access token: its connection, and the hash of all of it.
    Connection(ConnectionId, &'a str),
}

impl Credential<'_> {
    fn key(self) -> (String, String) {
        match self {
            Self::Session(hash) => session_key(hash),
            Self::Key(hash) => key_key(hash),
            Self::Family(id, ..) => family_key(id),
            Self::Token(id, _) => token_key(id),
            Self::Test(hash) => test_token_key(hash),
            Self::Connection(id, _) => connection_key(id),
        }
    }
}

/// A credential that was found, with its account as it is now.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A session.
    Session(Session, Account),
    /// An API key.
    Key(UserKey, Account),
    /// A sign-in of OpenScouter.
    Family(Family, Account),
    /// An API token of OpenScouter.
    Token(ApiToken, Account),
    /// A test token.
    Test(TestToken, Account),
    /// An OAuth connection, and whether the access token may make drafts.
    Connection(Connection, bool, Account),
}

impl Principal {
    /// Whether the account behind the credential is active.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        match self {
            Self::Session(_, account)
            | Self::Key(_, account)
            | Self::Family(_, account)
            | Self::Token(_, account)
            | Self::Test(_, account)
            | Self::Connection(_, _, account) => account.user.active,
        }
    }
}

impl Store {
    /// The user and the organization of a credential that this process has seen before; what was seen may have ended
    /// meanwhile.
    #[must_use]
    pub fn known_owner(&self, credential: Credential<'_>) -> Option<(UserId, OrganizationId)> {
        self.memory.owner(&credential.key().0)
    }

    /// Whose credential it is, by one read of its own record: its secret fits and it has not ended. Whether the account behind it
    /// still lets it be used is not asked, so this admits nobody: it only says whose limits a request is to be held against.
    ///
    /// # Errors
    /// When the store fails.
    pub fn holder<'a>(
        &'a self,
        credential: Credential<'a>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<OrganizationId>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = credential.key();
            let Some(found) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
            let lives = match credential {
                Credential::Session(_) => now < read_session(&found)?.expires_at,
                Credential::Key(_) => read_key(&found)?.works_at(now),
                Credential::Family(_, user, _) => {
                    let reader = found.read("credential");
                    reader.parsed("user", UserId::parse)? == user && now < read_family(&found)?.expires_at
                }
                Credential::Token(_, hash) => {
                    let token = read_token(&found)?;
                    token.works_at(now) && constant_time_eq(&token.hash, hash)
                }
                Credential::Test(_) => now < read_test_token(&found)?.expires_at,
                Credential::Connection(_, hash) => {
                    let mut access = read_connection(&found)?.access.into_iter();
                    access.any(|access| now.unix_timestamp() < access.end && constant_time_eq(&access.hash, hash))
                }
            };
            let organization = found.read("credential").parsed("organization", OrganizationId::parse)?;
            Ok(lives.then_some(organization))
        })
    }

    /// Whom a credential belongs to, with the account as it is now; `None` when it is unknown, ended
    /// or of an older generation. One read in a process that has seen the credential before, else two.
    ///
    /// # Errors
    /// When the store fails.
    pub fn principal<'a>(
        &'a self,
        credential: Credential<'a>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Principal>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = credential.key();
            let claimed = match credential {
                Credential::Family(_, user, Some(organization)) => Some((user, organization)),
                _ => self.memory.owner(&pk),
            };
            let (found, mut items) = match claimed {
                Some((user, organization)) => {
                    let mut keys = account_keys(user, organization);
                    keys.push((pk.clone(), sk));
                    let (found, rest) =
                        self.batch_get(keys).await?.into_iter().partition::<Vec<_>, _>(|item| item.pk() == pk);
                    (found.into_iter().next(), rest)
                }
                None => (self.get(&self.main, pk.clone(), sk).await?, Vec::new()),
            };
            let Some(found) = found else { return Ok(None) };
            let reader = found.read("credential");
            let user = reader.parsed("user", UserId::parse)?;
            let organization = reader.parsed("organization", OrganizationId::parse)?;
            if items.is_empty() {
                items = self.batch_get(account_keys(user, organization)).await?;
                self.memory.keep_owner(&pk, user, organization);
            }
            let Some(account) = read_account(user, organization, &items)? else { return Ok(None) };
            living(credential, &found, account, now)
        })
    }
}

/// The principal that a credential's item stands for, where the credential works at a time.
fn living(
    credential: Credential<'_>,
    found: &Item,
    account: Account,
    now: OffsetDateTime,
) -> Result<Option<Principal>, StoreError> {
    let (generation, credentials) = (account.user.generation, account.user.credential_generation);
    Ok(match credential {
        Credential::Session(_) => {
            let session = read_session(found)?;
            let lives = now < session.expires_at && session.generation == generation;
            lives.then_some(Principal::Session(session, account))
        }
        Credential::Key(_) => {
            let key = read_key(found)?;
            let works = key.works_at(now) && key.generation == credentials;
            works.then_some(Principal::Key(key, account))
        }
        Credential::Family(_, claimed, _) => {
            let family = read_family(found)?;
            // a suspension ends the family, and is what the caller is told while it lasts
            let lives = family.generation == generation || !account.user.active;
            let lives = lives && claimed == account.user.id && now < family.expires_at;
            lives.then_some(Principal::Family(family, account))
        }
        Credential::Token(_, hash) => {
            let token = read_token(found)?;
            let works = token.works_at(now) && token.generation == credentials && constant_time_eq(&token.hash, hash);
            works.then_some(Principal::Token(token, account))
        }
        Credential::Test(_) => {
            let token = read_test_token(found)?;
            let works = now < token.expires_at && token.generation == credentials;
            works.then_some(Principal::Test(token, account))
        }
        Credential::Connection(_, hash) => {
            let connection = read_connection(found)?;
            if connection.generation != credentials {
                return Ok(None);
            }
            let access = connection.access.iter().find(|access| constant_time_eq(&access.hash, hash));
            let draft = access.filter(|access| now.unix_timestamp() < access.end).map(|access| access.draft);
            draft.map(|draft| Principal::Connection(connection, draft, account))
        }
    })
}
