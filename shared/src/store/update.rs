//! Updates that a rule decides: the entity is read, the rule is asked, and what it says is written if nobody was
//! faster; else all of it again. No handler tries again by itself.

use time::OffsetDateTime;

use super::{
    BoxFuture, ChangeWith, SignUp, Store, StoreError, Token, after_lost_race, ended_credentials::ended_credentials,
};
use crate::model::{Account, AuditEntry, Connection, ConnectionId, Email, Family, FamilyId, TokenKind, User, UserId};

/// Why an update was not written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// There is nothing to update, or the one-time token for it does not work any more.
    #[error("nothing to update")]
    NotFound,
    /// The change was refused by the caller's rule.
    #[error("refused")]
    Refused(E),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<E: From<StoreError>> UpdateError<E> {
    /// The caller's error: the rule's own, the store's, or `missing` where there is nothing to update.
    pub fn or_missing(self, missing: impl FnOnce() -> E) -> E {
        match self {
            Self::NotFound => missing(),
            Self::Refused(error) => error,
            Self::Store(error) => error.into(),
        }
    }
}

/// What a rule decides by: the entity as it is now. It may wait for what it needs, such as the check of a password.
pub type Rule<'a, Current, Next, E> = dyn Fn(Current) -> BoxFuture<'a, Result<Next, E>> + Send + Sync + 'a;

/// Which user an update is of.
#[derive(Debug)]
pub enum UserLookup<'a> {
    /// The one with this id.
    Id(UserId),
    /// The one that was read for the request already; on a lost race they are read again.
    Known(Box<Account>),
    /// The one whom a one-time token belongs to. The update uses it up.
    Token {
        /// SHA-256 of the token, in hex.
        hash: String,
        /// What the token may be for.
        kinds: &'a [TokenKind],
    },
}

/// A user before an update.
#[derive(Debug)]
pub struct CurrentUser {
    /// The account as it is now.
    pub account: Account,
    /// The one-time token that finds them, if one does.
    pub token: Option<Token>,
}

/// What is written of a user.
#[derive(Debug)]
enum UserWrite {
    Keep,
    Change(User),
    Create(Account),
    Delete(User, AuditEntry),
}

/// What a rule makes of a user, and what it found out for the answer.
#[derive(Debug)]
pub struct UserUpdate<T> {
    write: UserWrite,
    with: ChangeWith,
    answer: T,
}

impl<T> UserUpdate<T> {
    /// The user stays as they are; `with` is written, if it says anything.
    pub fn keep(with: ChangeWith, answer: T) -> Self {
        Self { write: UserWrite::Keep, with, answer }
    }

    /// The user becomes `user`, the changed form of what the rule was given, together with `with`.
    pub fn change(user: User, with: ChangeWith, answer: T) -> Self {
        Self { write: UserWrite::Change(user), with, answer }
    }

    /// A new user with an organization, together with `with`.
    pub fn create(account: Account, with: ChangeWith, answer: T) -> Self {
        Self { write: UserWrite::Create(account), with, answer }
    }

    /// The user as the rule was given them is deleted, with a record.
    pub fn delete(user: User, audit: AuditEntry, answer: T) -> Self {
        Self { write: UserWrite::Delete(user, audit), with: ChangeWith::default(), answer }
    }
}

impl Store {
    /// Updates a user by `rule`, which sees them as they are now; a one-time token that finds them is used up by the
    /// same write. On a lost race the user (and the token) are read and the rule is asked again.
    ///
    /// # Errors
    /// As [`UpdateError`] says; [`UpdateError::NotFound`] also when the token was used, revoked or expired meanwhile.
    pub fn update_user<'a, T: Send + 'a, E: Send + 'a>(
        &'a self,
        lookup: UserLookup<'a>,
        now: OffsetDateTime,
        rule: &'a Rule<'a, CurrentUser, UserUpdate<T>, E>,
    ) -> BoxFuture<'a, Result<T, UpdateError<E>>> {
        Box::pin(async move {
            let mut lookup = lookup;
            let mut attempt = 0;
            loop {
                let (current, again) = self.current_user(lookup, now).await?.ok_or(UpdateError::NotFound)?;
                let (token, before) = (current.token.clone(), current.account.user.credential_generation);
                let UserUpdate { write, with, answer } = rule(current).await.map_err(UpdateError::Refused)?;
                if self.write_user(write, ChangeWith { token, ..with }, before, now).await? {
                    return Ok(answer);
                }
                lookup = again;
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// Updates or creates the user with an address by `rule`, which sees the account that has it now, or that nobody
    /// has. On a lost race the account is read and the rule is asked again.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn update_user_of<'a, T: Send + 'a, E: Send + 'a>(
        &'a self,
        email: &'a Email,
        now: OffsetDateTime,
        rule: &'a Rule<'a, Option<Account>, UserUpdate<T>, E>,
    ) -> BoxFuture<'a, Result<T, UpdateError<E>>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let current = self.account_by_email(email).await?;
                let before = current.as_ref().map_or(0, |account| account.user.credential_generation);
                let UserUpdate { write, with, answer } = rule(current).await.map_err(UpdateError::Refused)?;
                if self.write_user(write, with, before, now).await? {
                    return Ok(answer);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// The user of a look-up, and how they are looked up the next time.
    fn current_user<'a>(
        &'a self,
        lookup: UserLookup<'a>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Option<(CurrentUser, UserLookup<'a>)>, StoreError>> {
        Box::pin(async move {
            match lookup {
                UserLookup::Known(account) => {
                    let again = UserLookup::Id(account.user.id);
                    Ok(Some((CurrentUser { account: *account, token: None }, again)))
                }
                UserLookup::Id(id) => {
                    let account = self.account(id).await?;
                    Ok(account.map(|account| (CurrentUser { account, token: None }, UserLookup::Id(id))))
                }
                UserLookup::Token { hash, kinds } => {
                    for kind in kinds {
                        if let Some(token) = self.token(&hash, *kind, now).await?
                            && let Some(account) = self.account_by_email(&token.email).await?
                            && account.user.id == token.user
                            && token.lives_for(&account.user)
                        {
                            let current = CurrentUser { account, token: Some(token) };
                            return Ok(Some((current, UserLookup::Token { hash, kinds })));
                        }
                    }
                    Ok(None)
                }
            }
        })
    }

    /// Writes what a rule made of a user whose count of ended credentials was `before`, and has those removed that
    /// ended; `Ok(false)` when somebody was faster.
    fn write_user(
        &self,
        write: UserWrite,
        mut with: ChangeWith,
        before: u64,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            match write {
                UserWrite::Keep if with.is_empty() => Ok(true),
                UserWrite::Keep => self.sign_in(with).await,
                UserWrite::Change(user) => {
                    if user.credential_generation > before {
                        with.end_credentials = Some((ended_credentials(&user), now));
                    }
                    self.change_user(&user, with).await
                }
                UserWrite::Create(account) => {
                    let created = self.sign_up(&account.user, &account.organization, with).await?;
                    Ok(created == SignUp::Created)
                }
                UserWrite::Delete(user, audit) => self.delete_account(&user, &audit, now).await,
            }
        })
    }

    /// Updates a sign-in by `rule`, which sees it as it is now and gives its next state. On a lost race it is read and
    /// the rule is asked again.
    ///
    /// # Errors
    /// As [`UpdateError`] says; [`UpdateError::NotFound`] when it ended.
    pub fn update_family<'a, T: Send + 'a, E: Send + 'a>(
        &'a self,
        id: FamilyId,
        rule: &'a Rule<'a, Family, (Family, T), E>,
    ) -> BoxFuture<'a, Result<T, UpdateError<E>>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let family = self.family(id).await?.ok_or(UpdateError::NotFound)?;
                let (next, answer) = rule(family).await.map_err(UpdateError::Refused)?;
                if self.rotate_family(&next).await? {
                    return Ok(answer);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }

    /// Updates a connection by `rule`, which sees it as it is now and gives its next state. On a lost race it is read
    /// and the rule is asked again.
    ///
    /// # Errors
    /// As [`UpdateError`] says; [`UpdateError::NotFound`] when it ended.
    pub fn update_connection<'a, T: Send + 'a, E: Send + 'a>(
        &'a self,
        id: ConnectionId,
        rule: &'a Rule<'a, Connection, (Connection, T), E>,
    ) -> BoxFuture<'a, Result<T, UpdateError<E>>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let connection = self.connection(id).await?.ok_or(UpdateError::NotFound)?;
                let (next, answer) = rule(connection).await.map_err(UpdateError::Refused)?;
                if self.rotate_connection(&next).await? {
                    return Ok(answer);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }
}
