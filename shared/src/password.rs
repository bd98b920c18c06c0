//! Passwords: the rule for new ones, which is the same in every dialect, and passwords at rest: argon2id with
//! m = 19,456 KiB, t = 2, p = 1 and a salt of 16 bytes (outsend 6.1, openscouter 7.1).
//!
//! However its letters are composed, a password is the same: it is hashed in Unicode's NFC.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{Output, ParamsString, PasswordHash as Parsed, Salt, SaltString},
};
use tokio::sync::Semaphore;
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

/// Checks a new password (outsend 6.1, openscouter 7.1); `own` says whether it is the account's address, however that is written.
///
/// # Errors
/// What is wrong with it.
pub fn check_new(password: &str, own: bool) -> Result<(), Weakness> {
    let password = composed(password);
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&password.chars().count()) {
        return Err(Weakness::Length);
    }
    if own || is_common(&password.to_lowercase()) { Err(Weakness::Common) } else { Ok(()) }
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

/// What new hashes are made with.
fn params() -> Result<Params, PasswordError> {
    Params::new(19_456, 2, 1, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(failure)
}

/// Hashes into memory that is used again: taken and given back each time, 19 MiB leave holes that the process keeps, up
/// to half a GiB of them.
fn digest(password: &str, salt: Salt<'_>, params: Params) -> Result<Output, PasswordError> {
    static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
    let unused = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut bytes, mut output) = ([0; Salt::MAX_LENGTH], [0; Params::DEFAULT_OUTPUT_LEN]);
    let salt = salt.decode_b64(&mut bytes).map_err(failure)?;
    let mut memory = unused().pop().unwrap_or_default();
    memory.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed = argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, &mut memory);
    unused().push(memory);
    hashed.map_err(failure)?;
    Output::new(&output).map_err(failure)
}

fn hash_now(password: &str) -> Result<PasswordHash, PasswordError> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(failure)?;
    let salt = SaltString::encode_b64(&salt).map_err(failure)?;
    let params = params()?;
    let hash = Parsed {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(failure)?,
        salt: Some(salt.as_salt()),
        hash: Some(digest(password, salt.as_salt(), params)?),
    };
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
    let salt = parsed.salt.ok_or_else(|| failure("a hash without salt"))?;
    let params = Params::try_from(&parsed).map_err(failure)?;
    // outputs are compared in constant time
    let is = |password: &str| Ok::<_, PasswordError>(parsed.hash == Some(digest(password, salt, params.clone())?));
    let form = composed(password);
    // an older hash is of the form that was sent
    let right = is(&form)? || (form != password && is(password)?);
    Ok(right && possible && known)
}

/// Does `work`, which takes 19 MiB and all of a processor, off the thread that serves requests. No more of it is done at
/// once than there are processors; the rest waits, first come first served, so that a thousand sign-ins at once take
/// longer and no more memory.
async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    static TURNS: OnceLock<Arc<Semaphore>> = OnceLock::new();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let turns = Arc::clone(TURNS.get_or_init(|| Arc::new(Semaphore::new(processors()))));
    let turn = turns.acquire_owned().await.map_err(failure)?;
    tokio::task::spawn_blocking(move || {
        // kept until the work is done, also when nobody waits for it any more
        let _turn = turn;
        work()
    })
    .await
    .map_err(failure)?
}

/// Hashes a password, off the thread that serves requests.
///
/// # Errors
/// When the operating system gives no random bytes.
pub async fn hash(password: String) -> Result<PasswordHash, PasswordError> {
    in_turn(move || hash_now(&composed(&password))).await
}

/// Whether `password` is the one of `stored`; `None` costs the same and is never right.
///
/// # Errors
/// When the stored hash is malformed.
pub async fn check(password: String, stored: Option<PasswordHash>) -> Result<bool, PasswordError> {
    // made first: whoever comes first must not pay for two
    in_turn(move || {
        nobody()?;
        check_now(&password, stored.as_ref())
    })
    .await
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

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
        let check = |password: &str| check_new(password, password.starts_with("Dana"));
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

    #[test]
    fn hashes_are_those_of_the_algorithm() {
        let params = Params::new(1_024, 2, 1, Some(Params::DEFAULT_OUTPUT_LEN)).unwrap();
        let salt = SaltString::encode_b64(b"somesalt").unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        for password in ["password", "", "s3cret pass"] {
            let own = digest(password, salt.as_salt(), params.clone()).unwrap();
            let theirs = argon2.hash_password(password.as_bytes(), &salt).unwrap();
            assert_eq!(theirs.hash, Some(own), "memory that was used before changes nothing");
            let stored = hash_now(password).unwrap();
            let parsed = Parsed::new(stored.as_str()).unwrap();
            assert!(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
        }
    }
}
