//! One-time tokens (outsend 6.1), in the hot table: by hash, and one of each kind for a user, so
//! that a new one revokes the older.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item},
    retry::MAX_ATTEMPTS,
    sign_ups::{read_sign_up_of, with_sign_up_of},
};
use crate::model::{Email, SignUpOf, TokenKind, User, UserId};

/// A token that works.
#[derive(Clone, Debug)]
pub struct Token {
    /// SHA-256 of the token, in hex.
    pub hash: String,
    /// What it is for.
    pub kind: TokenKind,
    /// Whose it is.
    pub user: UserId,
    /// The address of the account.
    pub email: Email,
    /// The user's generation then: when sign-ins end, so do all one-time tokens.
    pub generation: u64,
    /// Of a verification, the sign-up that it belongs to.
    pub sign_up: SignUpOf,
}

impl Token {
    /// A token of a user as they are now, which belongs to no sign-up.
    #[must_use]
    pub fn of(user: &User, kind: TokenKind, hash: String) -> Self {
        let (email, generation) = (user.email.clone(), user.generation);
        Self { hash, kind, user: user.id, email, generation, sign_up: SignUpOf::Unknown }
    }

    /// Whether the token works for its user as they are now: their sign-ins were not ended since. As long as nobody
    /// has confirmed the address, whoever holds the account cannot end what was mailed to its owner.
    pub(super) const fn lives_for(&self, user: &User) -> bool {
        self.generation == user.generation || !user.verified
    }
}

fn current_key(user: UserId, kind: TokenKind) -> (String, String) {
    (format!("USER#{user}"), format!("TOKEN#{}", kind.as_str()))
}

impl Store {
    /// Stores a new token by its hash; the user's older ones of the kind stop working.
    ///
    /// # Errors
    /// When the store fails.
    pub fn issue_token<'a>(&'a self, token: &'a Token, now: OffsetDateTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let end = now + token.kind.lifetime();
            for attempt in 0..MAX_ATTEMPTS {
                let (pk, sk) = current_key(token.user, token.kind);
                let members = vec![
                    Item::new(pk, sk)
                        .text("hash", &*token.hash)
                        .number("ttl", end.unix_timestamp())
                        .put(&self.hot, Condition::None)?,
                    with_sign_up_of(Item::new(format!("TOKEN#{}", token.hash), "TOKEN".to_owned()), &token.sign_up)
                        .text("kind", token.kind.as_str())
                        .text("user", token.user.to_string())
                        .text("email", token.email.as_str())
                        .number("generation", token.generation)
                        .time("expires_at", end)
                        .number("ttl", end.unix_timestamp())
                        .put(&self.hot, Condition::None)?,
                ];
                if self.transact(members).await? == Written::Done {
                    return Ok(());
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The token with this hash, if it is of this kind and neither expired, used nor revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub fn token<'a>(
        &'a self,
        hash: &'a str,
        kind: TokenKind,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<Token>, StoreError>> {
        Box::pin(async move {
            let Some(item) = self.get(&self.hot, format!("TOKEN#{hash}"), "TOKEN".to_owned()).await? else {
                return Ok(None);
            };
            let reader = item.read("token");
            let of_kind = reader.parsed("kind", TokenKind::parse)? == kind;
            if !of_kind || reader.time("expires_at")? <= now {
                return Ok(None);
            }
            let user = reader.parsed("user", UserId::parse)?;
            let (pk, sk) = current_key(user, kind);
            let current = self.get(&self.hot, pk, sk).await?;
            let is_current = current.is_some_and(|item| item.read("token").optional_text("hash") == Some(hash));
            let email = Email::from_stored(reader.text("email")?.to_owned());
            let (generation, sign_up) = (reader.count("generation")?, read_sign_up_of(reader)?);
            Ok(is_current.then(|| Token { hash: hash.to_owned(), kind, user, email, generation, sign_up }))
        })
    }

    /// A transaction member that uses a token up; it fails when it was used or revoked before.
    pub(super) fn use_token(&self, token: &Token) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = current_key(token.user, token.kind);
        let delete = Delete::builder()
            .table_name(&self.hot)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .condition_expression("#hash = :hash")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":hash", AttributeValue::S(token.hash.clone()))
            .build()
            .map_err(|error| StoreError::Call { operation: "Delete", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
