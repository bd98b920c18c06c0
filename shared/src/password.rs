//! Passwords: the rule for new ones, which is the same in every dialect, and passwords at rest: argon2id with
//! m = 19,456 KiB, t = 2, p = 1 and a salt of 16 bytes (outsend 6.1, openscouter 7.1).
//!
//! However its letters are composed, a password is the same: it is hashed in Unicode's NFC.

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash as Parsed, PasswordHasher, PasswordVerifier, SaltString},
};
use unicode_normalization::UnicodeNormalization as _;

/// Least characters of a new password.
pub const MIN_LENGTH: usize = 10;
/// Most characters of a password.
pub const MAX_LENGTH: usize = 128;
/// The passwords that everybody tries first, in lower case, from 10 characters on.
const COMMON: &str = include_str!("common-passwords.txt");

/// Why a password could not be hashed or checked; the text names neither password nor hash.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct PasswordError(String);

/// A stored hash in the PHC string format. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    /// Reads a stored hash back.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, for the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wrong with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer than [`MIN_LENGTH`] or more than [`MAX_LENGTH`] characters.
    Length,
    /// Many have it, or it is the account's own address.
    Common,
}

/// Checks a new password of the account with an address, if that is known yet (outsend 6.1, openscouter 7.1).
///
/// # Errors
/// What is wrong with it.
pub fn check_new(password: &str, email: Option<&str>) -> Result<(), Weakness> {
    let password = composed(password);
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&password.chars().count()) {
        return Err(Weakness::Length);
    }
    let lower = password.to_lowercase();
    let common = is_common(&lower) || email.is_some_and(|email| email == lower.trim());
    if common { Err(Weakness::Common) } else { Ok(()) }
}

fn is_common(lower: &str) -> bool {
    static SORTED: OnceLock<Vec<&'static str>> = OnceLock::new();
    let sorted = SORTED.get_or_init(|| {
        let mut lines: Vec<_> = COMMON.lines().collect();
        lines.sort_unstable();
        lines
    });
    sorted.binary_search(&lower).is_ok()
}

/// A password in the one form that is hashed.
fn composed(password: &str) -> String {
    password.nfc().collect()
}

fn failure(cause: impl std::fmt::Display) -> PasswordError {
    PasswordError(cause.to_string())
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(19_456, 2, 1, None).map_err(failure)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<PasswordHash, PasswordError> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(failure)?;
    let salt = SaltString::encode_b64(&salt).map_err(failure)?;
    let hash = hasher()?.hash_password(password.as_bytes(), &salt).map_err(failure)?;
    Ok(PasswordHash(hash.to_string()))
}

/// The hash that a password is checked against when there is no account, so that both cost the same.
fn nobody() -> Result<&'static PasswordHash, PasswordError> {
    static NOBODY: OnceLock<PasswordHash> = OnceLock::new();
    match NOBODY.get() {
        Some(hash) => Ok(hash),
        None => {
            let hash = hash_now("no account has this password")?;
            Ok(NOBODY.get_or_init(|| hash))
        }
    }
}

fn check_now(password: &str, hash: Option<&PasswordHash>) -> Result<bool, PasswordError> {
    let known = hash.is_some();
    let hash = match hash {
        Some(hash) => hash,
        None => nobody()?,
    };
    let parsed = Parsed::new(hash.as_str()).map_err(failure)?;
    // what no password can be costs as much, and no more
    let possible = password.len() <= MAX_LENGTH * 4;
    let password = if possible { password } else { "" };
    let is = |password: &str| Ok::<_, PasswordError>(hasher()?.verify_password(password.as_bytes(), &parsed).is_ok());
    let form = composed(password);
    // an older hash is of the form that was sent
    let right = is(&form)? || (form != password && is(password)?);
    Ok(right && possible && known)
}

/// Hashes a password, off the thread that serves requests.
///
/// # Errors
/// When the operating system gives no random bytes.
pub async fn hash(password: String) -> Result<PasswordHash, PasswordError> {
    tokio::task::spawn_blocking(move || hash_now(&composed(&password))).await.map_err(failure)?
}

/// Whether `password` is the one of `stored`; `None` costs the same and is never right.
///
/// # Errors
/// When the stored hash is malformed.
pub async fn check(password: String, stored: Option<PasswordHash>) -> Result<bool, PasswordError> {
    // made first: whoever comes first must not pay for two
    tokio::task::spawn_blocking(move || {
        nobody()?;
        check_now(&password, stored.as_ref())
    })
    .await
    .map_err(failure)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let stored = hash("s3cret pass".to_owned()).await.unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(check("s3cret pass".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!check("s3cret pasS".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!check("no account has this password".to_owned(), None).await.unwrap());
        assert!(!format!("{stored:?}").contains("argon2"));
        assert_ne!(stored, hash("s3cret pass".to_owned()).await.unwrap(), "each hash has its own salt");
        assert!(!check("s".repeat(1 << 20), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn a_password_has_one_form() {
        let (composed, apart) = ("P\u{e4}ssw\u{f6}rter".to_owned(), "Pa\u{308}sswo\u{308}rter".to_owned());
        let stored = hash(apart.clone()).await.unwrap();
        for form in [&composed, &apart] {
            assert!(check(form.clone(), Some(stored.clone())).await.unwrap());
        }
        let older = hash_now(&apart).unwrap();
        assert!(check(apart, Some(older.clone())).await.unwrap(), "a hash of before");
        assert!(!check(composed, Some(older)).await.unwrap());
    }

    #[test]
    fn new_ones() {
        let check = |password: &str| check_new(password, Some("dana@example.com"));
        assert_eq!(check("long enough phrase"), Ok(()));
        assert_eq!(check("ninechars"), Err(Weakness::Length));
        assert_eq!(check(&"x".repeat(129)), Err(Weakness::Length));
        assert_eq!(
            check("a\u{308}b\u{308}c\u{308}d\u{308}e\u{308}"),
            Err(Weakness::Length),
            "five letters and five signs"
        );
        for common in ["1234567890", "QWERTYuiop", "Dana@Example.com"] {
            assert_eq!(check(common), Err(Weakness::Common), "{common}");
        }
    }
}
