//! Secrets have types: what a client holds ([`PlainKey`]) and what is stored ([`KeyHash`]) cannot be
//! mistaken for each other, and neither shows itself in a log.

use std::fmt;

use base64::Engine as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX: &str = "oset_";
const DIGITS: usize = 43;
/// How many characters of a key may be shown later (outset 5.2).
const SHOWN: usize = 9;

/// An Outset API key in plain text: `oset_` and 43 base62 digits (outset 5.2). `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainKey(String);

impl PlainKey {
    /// A new key from 32 random bytes of the operating system.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", base62(&bytes, DIGITS))))
    }

    /// Reads a key that a client sent; `None` when it has not the form of a key, so that no read is spent on it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let well_formed = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The text to hand to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(hex(&Sha256::digest(self.0.as_bytes())))
    }

    /// The first characters, for display in lists (outset 5.2).
    #[must_use]
    pub fn display_prefix(&self) -> &str {
        self.0.get(..SHOWN).unwrap_or(PREFIX)
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlainKey(…)")
    }
}

/// The SHA-256 of a whole key in lower-case hex (outset 5.2). `Debug` shows only its beginning.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyHash(String);

impl KeyHash {
    /// Reads a stored hash back.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyHash({}…)", self.0.get(..6).unwrap_or(""))
    }
}

/// `prefix` and 256 random bits as base64url without padding, and the SHA-256 of that text in hex,
/// which is all that is stored (outsend 4.1, 4.3, 6.1).
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_token(prefix: &str) -> Result<(String, String), getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    let value = format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes));
    let hash = sha256_hex(value.as_bytes());
    Ok((value, hash))
}

/// A test token, 24 random bytes in hex, and its SHA-256 in hex, which is all that is stored (openscouter 3.6).
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_test_token() -> Result<(String, String), getrandom::Error> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes)?;
    let plain: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = sha256_hex(plain.as_bytes());
    Ok((plain, hash))
}

/// A token that names its record: `prefix` and 43 base64url characters that carry the sixteen bytes of `id` and
/// 128 random bits; and the SHA-256 of that text in hex, which is all that is stored (openscouter 3.3 to 3.5).
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_handle(prefix: &str, id: &[u8; 16]) -> Result<(String, String), getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(handle_of(prefix, id, bytes))
}

/// A token of these 32 bytes, the first sixteen of which give way to `id`'s, and its hash: [`new_handle`] for bytes that
/// nobody can guess.
#[must_use]
pub fn handle_of(prefix: &str, id: &[u8; 16], mut bytes: [u8; 32]) -> (String, String) {
    for (byte, of_id) in bytes.iter_mut().zip(id) {
        *byte = *of_id;
    }
    let value = format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes));
    let hash = sha256_hex(value.as_bytes());
    (value, hash)
}

/// The record that a token of this prefix names, and the token's hash; `None` when it has not the form of one.
#[must_use]
pub fn read_handle(prefix: &str, text: &str) -> Option<([u8; 16], String)> {
    let digits = text.strip_prefix(prefix)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(digits).ok()?;
    let id = bytes.get(..16)?.try_into().ok()?;
    (bytes.len() == 32).then(|| (id, sha256_hex(text.as_bytes())))
}

/// Marks the tokens that one record gives, so that one that was issued can be told from one that somebody made up,
/// without a list of them. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct HandleKey([u8; 32]);

impl HandleKey {
    /// Where the mark begins in a token's bytes: behind the record's id and 88 random bits.
    const MARK_AT: usize = 27;

    /// A new key.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads a stored key back.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The key as text, for the store.
    #[must_use]
    pub fn to_stored(&self) -> String {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0)
    }

    /// A token as [`new_handle`] makes it, whose last 40 bits are the mark.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new_handle(&self, prefix: &str, id: &[u8; 16]) -> Result<(String, String), getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        let (head, tail) = bytes.split_at_mut(Self::MARK_AT);
        for (byte, of_id) in head.iter_mut().zip(id) {
            *byte = *of_id;
        }
        let mark = self.mark(prefix, head);
        for (byte, of_mark) in tail.iter_mut().zip(mark.as_ref()) {
            *byte = *of_mark;
        }
        let value = format!("{prefix}{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes));
        let hash = sha256_hex(value.as_bytes());
        Ok((value, hash))
    }

    /// Whether a token of this prefix was made with the key.
    #[must_use]
    pub fn made(&self, prefix: &str, token: &str) -> bool {
        let digits = token.strip_prefix(prefix).unwrap_or_default();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(digits).unwrap_or_default();
        let Some((head, tail)) = bytes.split_at_checked(Self::MARK_AT) else { return false };
        let mark = self.mark(prefix, head);
        bytes.len() == 32 && mark.as_ref().get(..tail.len()).is_some_and(|mark| mark.ct_eq(tail).into())
    }

    fn mark(&self, prefix: &str, head: &[u8]) -> ring::hmac::Tag {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &self.0);
        ring::hmac::sign(&key, &[prefix.as_bytes(), head].concat())
    }
}

impl fmt::Debug for HandleKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HandleKey(…)")
    }
}

/// Whether two secrets, or their hashes, are the same, in a time that tells nothing of where they differ.
#[must_use]
pub fn constant_time_eq(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Lower-case hex of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of `bytes` in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// `bytes` as one big-endian integer in base62, left-padded with `0` to `width` characters.
#[must_use]
pub fn base62(bytes: &[u8], width: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = Vec::with_capacity(width);
    while number.iter().any(|byte| *byte != 0) {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(0);
            remainder = value % 62;
        }
        digits.push(ALPHABET.get(remainder as usize).copied().unwrap_or(b'0'));
    }
    digits.resize(digits.len().max(width), b'0');
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_form_and_reads_back() {
        let key = PlainKey::generate().unwrap();
        assert_eq!(key.reveal().len(), 48);
        assert_eq!(PlainKey::parse(key.reveal()).unwrap().hash(), key.hash());
        assert!(!format!("{key:?}").contains(key.reveal()));
        assert_eq!(key.display_prefix().len(), 9);
        assert_eq!(PlainKey::parse("oset_short"), None);
        assert_eq!(PlainKey::parse(&key.reveal().replace("oset_", "oset-")), None);
    }

    #[test]
    fn a_token_names_its_record() {
        let (token, hash) = new_handle("osr_", b"0123456789abcdef").unwrap();
        assert_eq!((token.len(), read_handle("osr_", &token)), (47, Some((*b"0123456789abcdef", hash.clone()))));
        assert_eq!(read_handle("osc_", &token), None);
        assert_eq!(read_handle("osr_", &token[..46]), None);
        assert!(constant_time_eq(&hash, &hash) && !constant_time_eq(&hash, &token) && !constant_time_eq(&hash, ""));
    }

    #[test]
    fn a_token_that_was_issued_is_told_from_one_that_was_not() {
        let key = HandleKey::generate().unwrap();
        let id = b"0123456789abcdef";
        let (token, hash) = key.new_handle("osr_", id).unwrap();
        assert_eq!((token.len(), read_handle("osr_", &token)), (47, Some((*id, hash))));
        let same = HandleKey::from_stored(&key.to_stored()).unwrap();
        assert!(key.made("osr_", &token) && same.made("osr_", &token));
        let (foreign, _) = new_handle("osr_", id).unwrap();
        let other = HandleKey::generate().unwrap();
        let moved = token.replace("osr_", "osrt_");
        assert!(!key.made("osr_", &foreign) && !other.made("osr_", &token) && !key.made("osrt_", &moved));
        assert!(!key.made("osr_", &token[..46]) && !key.made("osr_", "") && !key.made("osr_", "osr_"));
        assert_eq!(format!("{key:?}"), "HandleKey(…)");
    }

    #[test]
    fn base62_counts_like_an_integer() {
        assert_eq!(base62(&[0], 3), "000");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        assert_eq!(base62(&[1, 0], 1), "48");
        assert_eq!(base62(&[0xff; 32], 43).len(), 43);
    }
}
