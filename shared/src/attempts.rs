//! Attempts at a password, in whatever dialect: counted, checked and recorded in one way (openscouter 7, 17, outsend 5.2).
//!
//! Ten failures of an address of the network at an account, or fifty from everywhere, are all that is tried in fifteen
//! minutes. Where the account was signed in to before, and in a session, the fifty of strangers do not count: nobody is
//! locked out by others.

use serde_json::json;
use time::OffsetDateTime;

use crate::{
    BoxFuture,
    context::Context,
    limits::{Guess, Guessing},
    model::{Account, Action, AuditEntry, AuditId, Email, User},
    password::{self, PasswordError},
    store::StoreError,
};

/// The source of guesses within sessions.
const SESSION: &str = "session";

/// Where an attempt is made.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The dialect.
    pub dialect: &'static str,
    /// The address of the network that it counts for.
    pub address: String,
    /// The request's id for the audit trail.
    pub audit_id: String,
    /// When.
    pub now: OffsetDateTime,
}

/// Why an attempt was not made.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There were too many; seconds to wait.
    #[error("too many attempts")]
    TooMany(u32),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password could not be checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// The account with an address, if the password is its. Whether there is one costs the same.
///
/// # Errors
/// As [`AttemptError`] says.
pub fn sign_in<'a>(
    context: &'a Context,
    origin: Origin,
    email: &'a Email,
    password: String,
) -> BoxFuture<'a, Result<Option<Account>, AttemptError>> {
    Box::pin(async move {
        let (store, limits) = (context.store(), context.limits());
        let (hash, now) = (email.hash(), origin.now);
        let (guessing, account) =
            futures_util::future::join(limits.guess(&hash, &origin.address, now), store.account_by_email(email)).await;
        let (guessing, account) = (guessing?, account?);
        let guessing = match guessing {
            Guessing::TooManyEverywhere(_)
                if store.knows_network(account.as_ref().map(|known| &known.user), &origin.address, now).await? =>
            {
                limits.familiar_guess(&hash, &origin.address, now).await?
            }
            guessing => guessing,
        };
        let guess = counted(guessing)?;
        let stored = account.as_ref().and_then(|account| account.user.password.clone());
        if password::check(password, stored).await? {
            limits.take_guess_back(&guess).await?;
            return Ok(account);
        }
        record_failure(context, &origin, &guess, account.as_ref().map(|account| &account.user)).await?;
        Ok(None)
    })
}

fn counted(guessing: Guessing) -> Result<Guess, AttemptError> {
    match guessing {
        Guessing::Counted(guess) => Ok(guess),
        Guessing::TooManyHere(seconds) | Guessing::TooManyEverywhere(seconds) => Err(AttemptError::TooMany(seconds)),
    }
}

/// Records a failure, and that it was the last one. Of an account that is not there nothing is written, at the same cost.
async fn record_failure(
    context: &Context,
    origin: &Origin,
    guess: &Guess,
    user: Option<&User>,
) -> Result<(), StoreError> {
    let entry = |action| AuditEntry {
        id: AuditId::at(origin.now),
        action,
        actor: None,
        role: None,
        object: user.map(|user| user.id.wire()),
        detail: json!({"dialect": origin.dialect}),
        request_id: origin.audit_id.clone(),
        at: origin.now,
    };
    let mut entries = vec![entry(Action::SignInFailed)];
    if guess.last {
        entries.push(entry(Action::LockedOut));
    }
    context.store().record_of(&entries, user.is_some()).await
}

/// An attempt within a session at the password of its user, which was counted. It ends as right or as wrong.
#[derive(Debug)]
#[must_use]
pub struct InSession<'a> {
    context: &'a Context,
    origin: Origin,
    guess: Guess,
}

/// Counts an attempt at a user's password within a session of theirs.
///
/// # Errors
/// As [`AttemptError`] says.
pub fn in_session<'a>(
    context: &'a Context,
    origin: Origin,
    user: &'a User,
) -> BoxFuture<'a, Result<InSession<'a>, AttemptError>> {
    Box::pin(async move {
        let guessing = context.limits().familiar_guess(&user.email.hash(), SESSION, origin.now).await?;
        Ok(InSession { context, origin, guess: counted(guessing)? })
    })
}

impl InSession<'_> {
    /// The password was right.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn right(self) -> Result<(), StoreError> {
        self.context.limits().take_guess_back(&self.guess).await
    }

    /// The password of `user` was another one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wrong(self, user: &User) -> Result<(), StoreError> {
        record_failure(self.context, &self.origin, &self.guess, Some(user)).await
    }
}
