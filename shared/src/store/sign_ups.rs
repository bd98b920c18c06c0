//! What later sign-ups with the address of an unconfirmed account said (openscouter 7), in the hot table: until the work
//! that sends a sign-up's link puts it with the link's token.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError,
    item::{Condition, Item, Reader},
};
use crate::{
    model::{Locale, PendingSignUp, Role, SignUpOf, UserId},
    password::PasswordHash,
};

/// How long a sign-up waits for its mail.
const KEPT: Duration = Duration::days(2);

fn key(user: UserId, work: &str) -> (String, String) {
    (format!("USER#{user}"), format!("SIGNUP#{work}"))
}

fn with_sign_up(item: Item, sign_up: &PendingSignUp) -> Item {
    item.text("sign_up", "later")
        .text("password", sign_up.password.as_str())
        .text("name", &*sign_up.name)
        .text("role", sign_up.role.as_str())
        .text("organization_name", &*sign_up.organization_name)
        .text("locale", sign_up.locale.as_str())
        .number("refused", sign_up.refused)
}

fn read_sign_up(reader: Reader<'_>) -> Result<PendingSignUp, StoreError> {
    Ok(PendingSignUp {
        password: PasswordHash::from_stored(reader.text("password")?.to_owned()),
        name: reader.text("name")?.to_owned(),
        role: reader.parsed("role", Role::parse)?,
        organization_name: reader.text("organization_name")?.to_owned(),
        locale: reader.parsed("locale", Locale::parse)?,
        refused: reader.number("refused")?,
    })
}

/// An item of a token that belongs to a sign-up.
pub(super) fn with_sign_up_of(item: Item, of: &SignUpOf) -> Item {
    match of {
        SignUpOf::Unknown => item,
        SignUpOf::First => item.text("sign_up", "first"),
        SignUpOf::Later(sign_up) => with_sign_up(item, sign_up),
    }
}

/// The sign-up that a token belongs to.
pub(super) fn read_sign_up_of(reader: Reader<'_>) -> Result<SignUpOf, StoreError> {
    Ok(match reader.optional_text("sign_up") {
        Some("first") => SignUpOf::First,
        Some(_) => SignUpOf::Later(read_sign_up(reader)?),
        None => SignUpOf::Unknown,
    })
}

impl Store {
    /// The transaction member that keeps a sign-up for the work that sends its link.
    pub(super) fn keep_sign_up(
        &self,
        user: UserId,
        work: &str,
        sign_up: &PendingSignUp,
        now: OffsetDateTime,
    ) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = key(user, work);
        let end = now + KEPT;
        let item = with_sign_up(Item::new(pk, sk), sign_up).time("expires_at", end);
        item.number("ttl", end.unix_timestamp()).put(&self.hot, Condition::None)
    }

    /// The later sign-up that a piece of work sends the link of; `None` when it waited too long.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pending_sign_up<'a>(
        &'a self,
        user: UserId,
        work: &'a str,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<PendingSignUp>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key(user, work);
            let Some(item) = self.get(&self.hot, pk, sk).await? else { return Ok(None) };
            let reader = item.read("sign-up");
            let lives = now < reader.time("expires_at")?;
            lives.then(|| read_sign_up(reader)).transpose()
        })
    }
}
