//! Passwords at rest: argon2id with m = 19,456 KiB, t = 2, p = 1 and a salt of 16 bytes
//! (outsend 6.1, openscouter 7.1).

use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash as Parsed, PasswordHasher, PasswordVerifier, SaltString},
};

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
    Ok(hasher()?.verify_password(password.as_bytes(), &parsed).is_ok() && known)
}

/// Hashes a password, off the thread that serves requests.
///
/// # Errors
/// When the operating system gives no random bytes.
pub async fn hash(password: String) -> Result<PasswordHash, PasswordError> {
    tokio::task::spawn_blocking(move || hash_now(&password)).await.map_err(failure)?
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
    }
}
