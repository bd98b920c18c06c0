//! A table's text, ready to be read.

use std::sync::Arc;

use super::{
    Unreadable,
    encoding::{Encoding, decode},
    quotes::{Mended, mend},
    separator::{NONE, judge, named},
    told::Told,
};

/// The first bytes of files that spreadsheets keep for themselves: a ZIP archive, and what was before it.
const SPREADSHEETS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"];

/// A text in UTF-8, with the quotes of RFC 4180 and a known separator.
#[derive(Clone, Debug)]
pub struct Text {
    pub(super) bytes: Arc<[u8]>,
    pub(super) separator: u8,
    /// Lines above, which are no part of it.
    pub(super) above: u64,
    pub(super) encoding: Encoding,
    pub(super) told: Told,
}

impl Text {
    /// Reads a text that somebody else wrote.
    ///
    /// # Errors
    /// When it is no text, or its quotes make no sense.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        if SPREADSHEETS.iter().any(|begin| bytes.starts_with(begin)) {
            return Err(Unreadable::Spreadsheet);
        }
        let decoded = decode(bytes);
        let (separator, text, above) = match named(&decoded.text) {
            Some((separator, rest)) => (separator, rest.to_owned(), 1),
            None => (judge(&decoded.text), decoded.text, 0),
        };
        let Mended { text, unclosed, odd } = mend(text, separator)?;
        let told = Told {
            unclosed_quotes: unclosed.below(above),
            mended_quotes: odd.below(above),
            replaced: decoded.replaced,
            ..Told::default()
        };
        Ok(Self { bytes: text.into_bytes().into(), separator, above, encoding: decoded.encoding, told })
    }

    /// The text to be kept: reading it again gives the same table.
    #[must_use]
    pub fn kept(&self) -> Vec<u8> {
        [b"sep=", [self.separator].as_slice(), b"\n", &self.bytes].concat()
    }

    /// What stands between cells; `None` in a table of one column.
    #[must_use]
    pub fn separator(&self) -> Option<char> {
        (self.separator != NONE).then(|| char::from(self.separator))
    }

    /// Whether its first line was none of the table, but named the separator: `sep=;`.
    #[must_use]
    pub const fn names_separator(&self) -> bool {
        self.above > 0
    }

    /// How the text was written.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }
}
