//! Files that jobs found and keep for their owner (outsend 8.5).

use sha2::{Digest as _, Sha256};

use crate::secret::hex;

/// The endings that names have, and what such a file is.
const KINDS: [(&str, &str); 7] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("ico", "image/x-icon"),
    ("gif", "image/gif"),
];

/// The name of such a file: the digest of its content, and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetName {
    text: String,
    media_type: &'static str,
}

impl AssetName {
    /// The name of a file with this content; `None` when no file has such an ending.
    #[must_use]
    pub fn of(content: &[u8], ending: &str) -> Option<Self> {
        Self::parse(&format!("{}.{ending}", hex(&Sha256::digest(content))))
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digest, ending) = text.split_once('.')?;
        let (_, media_type) = KINDS.iter().find(|(known, _)| *known == ending)?;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digest.len() == 64 && digest.bytes().all(digit)).then(|| Self { text: text.to_owned(), media_type })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `Content-Type` of the file.
    #[must_use]
    pub const fn media_type(&self) -> &'static str {
        self.media_type
    }
}
