//! What an access token says (openscouter 3.2).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::{Account, Family, FamilyId, Role};

/// How long an access token works (openscouter 3.2).
pub const JWT_SECONDS: i64 = 86_400;

/// The claims of an access token (openscouter 3.2). `jti` begins with the id of the sign-in, which is read on each
/// request: when it has ended, so has the token.
#[derive(Debug, Deserialize, Serialize)]
pub struct Claims {
    /// Who issued it: the public base URL.
    pub iss: String,
    /// What it is for.
    pub aud: String,
    /// The user.
    pub sub: String,
    /// The user's role.
    pub role: String,
    /// The organization of a business user. Must be there, be it as `null`.
    #[serde(deserialize_with = "Option::deserialize")]
    pub org: Option<String>,
    /// The plan, by which the limit is guessed until the organization is read.
    pub plan: String,
    /// The sign-in and a number of the token.
    pub jti: String,
    /// When it was issued, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
}

impl Claims {
    /// The claims of a token for `account`, issued by `base` (openscouter 3.2).
    #[must_use]
    pub fn new(base: &str, account: &Account, family: &Family, now: OffsetDateTime) -> Self {
        let user = &account.user;
        let iat = now.unix_timestamp();
        Self {
            iss: base.to_owned(),
            aud: format!("{base}/api"),
            sub: user.id.wire(),
            role: user.role.as_str().to_owned(),
            org: (user.role == Role::Business).then(|| user.organization.wire()),
            plan: account.plan().as_str().to_owned(),
            jti: format!("{}.{}", family.id.wire(), Uuid::now_v7().simple()),
            iat,
            exp: iat + JWT_SECONDS,
        }
    }

    /// The sign-in that the token belongs to.
    #[must_use]
    pub fn family(&self) -> Option<FamilyId> {
        FamilyId::from_wire(self.jti.split_once('.')?.0)
    }
}
