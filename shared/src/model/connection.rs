//! OAuth clients and their connections (openscouter 3.5, 8).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{ClientId, ConnectionId, OrganizationId, RefreshTokens, User, UserId};
use crate::secret::HandleKey;

/// A registered client; public, so it has no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// Id.
    pub id: ClientId,
    /// Name for people.
    pub name: Option<String>,
    /// Where answers may be sent.
    pub redirect_uris: Vec<String>,
    /// Creation time.
    pub created_at: OffsetDateTime,
}

/// An access token of a connection, by its hash.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct AccessToken {
    /// SHA-256 of the whole token, in hex.
    pub hash: String,
    /// When it stops working, in seconds since the Unix epoch.
    pub end: i64,
    /// Whether it may make drafts.
    pub draft: bool,
}

/// What a person allowed a client in an organization; it ends as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Id; every token of the connection carries it.
    pub id: ConnectionId,
    /// Who allowed it.
    pub user: UserId,
    /// In which organization.
    pub organization: OrganizationId,
    /// The client.
    pub client: ClientId,
    /// The client's name then.
    pub client_name: String,
    /// Whether it may make drafts, beside reading.
    pub draft: bool,
    /// What the tokens are for.
    pub audience: String,
    /// The access tokens that may still work.
    pub access: Vec<AccessToken>,
    /// The refresh tokens that work.
    pub refresh: RefreshTokens,
    /// What marks the refresh tokens that were issued; connections of before have none until they rotate.
    pub mark: Option<HandleKey>,
    /// When that stops working.
    pub refresh_expires_at: OffsetDateTime,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// Last use, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// The person's count of ended credentials when the connection was made.
    pub generation: u64,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl Connection {
    /// Whether the connection was not ended with all others of `user`, as far as it is theirs.
    #[must_use]
    pub fn lives_for(&self, user: &User) -> bool {
        self.user != user.id || self.generation == user.credential_generation
    }

    /// Whether its refresh token still works at a time, and so any of its tokens can.
    #[must_use]
    pub fn lives_at(&self, now: OffsetDateTime) -> bool {
        now < self.refresh_expires_at
    }

    /// The scopes of a token that may (not) make drafts.
    #[must_use]
    pub const fn scope(draft: bool) -> &'static str {
        if draft { "read draft" } else { "read" }
    }
}

/// What an authorization code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthCode {
    /// The connection that it will make; the code carries it.
    pub connection: ConnectionId,
    /// SHA-256 of the whole code, in hex.
    pub hash: String,
    /// The client.
    pub client: ClientId,
    /// The client's name.
    pub client_name: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// PKCE: base64url of the verifier's SHA-256.
    pub challenge: String,
    /// Who allowed it.
    pub user: UserId,
    /// The person's generation then: a sign-in that ended gives nothing.
    pub generation: u64,
    /// In which organization.
    pub organization: OrganizationId,
    /// Whether drafts were allowed.
    pub draft: bool,
    /// What the tokens are for.
    pub audience: String,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
    /// Whether it was used.
    pub used: bool,
}
