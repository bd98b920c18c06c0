//! One-time tokens (outsend 6.1), in the hot table: by hash, and for each user and kind a list of those that work, of
//! which a new one takes the oldest's place when there are too many. Once one was used none of the list works.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item, delete, text_list},
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

pub(super) fn token_key(hash: &str) -> (String, String) {
    (format!("TOKEN#{hash}"), "TOKEN".to_owned())
}

/// The tokens of a user and kind that work, by hash, oldest first.
fn live(item: &Item) -> Vec<String> {
    let reader = item.read("token");
    // an item of before has one
    let mut live: Vec<_> = reader.optional_text("hash").map(str::to_owned).into_iter().collect();
    live.extend(reader.texts("hashes"));
    live
}

/// All tokens that a user's list knows: those that work, and those that ended when one was used.
pub(super) fn listed_tokens(item: &Item) -> Vec<String> {
    let mut all = live(item);
    all.extend(item.read("token").texts("ended"));
    all
}

impl Store {
    /// Stores a new token by its hash. The user's older ones of the kind go on working, but for the oldest of too many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn issue_token<'a>(&'a self, token: &'a Token, now: OffsetDateTime) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let end = now + token.kind.lifetime();
            for attempt in 0..MAX_ATTEMPTS {
                let (pk, sk) = current_key(token.user, token.kind);
                let known = self.get(&self.hot, pk.clone(), sk.clone()).await?;
                let version: Option<u64> = known.as_ref().and_then(|item| item.read("token").number("version").ok());
                let mut hashes = known.as_ref().map(live).unwrap_or_default();
                hashes.retain(|hash| *hash != token.hash);
                hashes.push(token.hash.clone());
                hashes.drain(..hashes.len().saturating_sub(token.kind.most()));
                let item = Item::new(pk, sk)
                    .texts("hashes", &hashes)
                    .number("version", version.unwrap_or(0) + 1)
                    .gone_after(end);
                let list = match (&known, version) {
                    (None, _) => item.put_over_ended(&self.hot, self.clock.now())?,
                    (Some(_), Some(version)) => item.put(&self.hot, Condition::Version(version))?,
                    // the list of an older version knows one token and no number
                    (Some(_), None) => item.put(&self.hot, Condition::Present)?,
                };
                let (pk, sk) = token_key(&token.hash);
                let mut members = vec![
                    list,
                    with_sign_up_of(Item::new(pk, sk), &token.sign_up)
                        .text("kind", token.kind.as_str())
                        .text("user", token.user.to_string())
                        .text("email", token.email.as_str())
                        .number("generation", token.generation)
                        .time("expires_at", end)
                        .gone_after(end)
                        .put(&self.hot, Condition::None)?,
                ];
                let gone = known.as_ref().map(listed_tokens).unwrap_or_default();
                for hash in gone.iter().filter(|hash| !hashes.contains(hash)) {
                    let (pk, sk) = token_key(hash);
                    members.push(delete(&self.hot, pk, sk)?);
                }
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
            let (pk, sk) = token_key(hash);
            let Some(item) = self.get(&self.hot, pk, sk).await? else { return Ok(None) };
            let reader = item.read("token");
            let of_kind = reader.parsed("kind", TokenKind::parse)? == kind;
            if !of_kind || reader.time("expires_at")? <= now {
                return Ok(None);
            }
            let user = reader.parsed("user", UserId::parse)?;
            let (pk, sk) = current_key(user, kind);
            let current = self.get(&self.hot, pk, sk).await?;
            let is_current = current.is_some_and(|item| live(&item).iter().any(|known| known == hash));
            let email = Email::from_stored(reader.text("email")?.to_owned());
            let (generation, sign_up) = (reader.count("generation")?, read_sign_up_of(reader)?);
            Ok(is_current.then(|| Token { hash: hash.to_owned(), kind, user, email, generation, sign_up }))
        })
    }

    /// A transaction member that uses a token up, and with it all others of the user and kind; it fails when one was
    /// used before, or the token revoked. The list keeps what ended, so that an erasure finds it.
    pub(super) fn use_token(&self, token: &Token) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = current_key(token.user, token.kind);
        let update = Update::builder()
            .table_name(&self.hot)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .update_expression(
                "SET #ended = list_append(if_not_exists(#ended, :none), if_not_exists(#hashes, :own)), #hashes = :none \
                 ADD #version :one REMOVE #hash",
            )
            .condition_expression("contains(#hashes, :hash) OR #hash = :hash")
            .expression_attribute_names("#ended", "ended")
            .expression_attribute_names("#hashes", "hashes")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(":hash", AttributeValue::S(token.hash.clone()))
            .expression_attribute_values(":own", text_list(std::slice::from_ref(&token.hash)))
            .expression_attribute_values(":none", text_list(&[]))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .build()
            .map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
