//! Bytes as a text (outsend 12.2): UTF-8, UTF-16 and cp1252.

use encoding_rs::WINDOWS_1252;

/// How a text was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows' code page for Western Europe.
    Cp1252,
}

impl Encoding {
    /// Its name, for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16 LE",
            Self::Utf16Be => "UTF-16 BE",
            Self::Cp1252 => "cp1252",
        }
    }
}

/// A text, without a byte order mark and without NULs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// How it was written.
    pub encoding: Encoding,
    /// Places that were wrong in that encoding; each is a U+FFFD now.
    pub replaced: u64,
}

/// Bytes that are looked at to tell UTF-16 without a byte order mark.
const SAMPLE: usize = 4_096;

/// Reads a text whose encoding nobody told. A text that is UTF-8 but for a few bytes is UTF-8.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> Decoded {
    let mut decoded = match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => lossy(rest),
        [0xff, 0xfe, rest @ ..] => wide(rest, Encoding::Utf16Le),
        [0xfe, 0xff, rest @ ..] => wide(rest, Encoding::Utf16Be),
        _ => match unmarked_wide(&bytes) {
            Some(decoded) => decoded,
            None => narrow(bytes),
        },
    };
    // no spreadsheet wants them, and no store of ours
    if decoded.text.contains('\0') {
        decoded.text.retain(|c| c != '\0');
    }
    decoded
}

/// A text of single bytes without a byte order mark: UTF-8 when at least as many of its characters beyond ASCII are
/// right as are wrong. Text in cp1252 has next to none that are right by chance.
fn narrow(bytes: Vec<u8>) -> Decoded {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Decoded { text, encoding: Encoding::Utf8, replaced: 0 },
        Err(error) => error.into_bytes(),
    };
    let (mut right, mut wrong) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        right += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    if right >= wrong {
        return lossy(&bytes);
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
    Decoded { text: text.into_owned(), encoding: Encoding::Cp1252, replaced: 0 }
}

fn lossy(bytes: &[u8]) -> Decoded {
    let wrong = bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    let text = String::from_utf8_lossy(bytes).into_owned();
    Decoded { text, encoding: Encoding::Utf8, replaced: wrong as u64 }
}

fn wide(bytes: &[u8], encoding: Encoding) -> Decoded {
    let unit = |pair: &[u8]| {
        let pair = [pair.first().copied().unwrap_or_default(), pair.get(1).copied().unwrap_or_default()];
        if encoding == Encoding::Utf16Be { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    };
    let pairs = bytes.chunks_exact(2);
    // half a character, but for the half of a line break that a careless program appends
    let mut replaced = u64::from(!matches!(pairs.remainder(), [] | [0 | b'\r' | b'\n']));
    let read = |unit: Result<char, _>| {
        unit.unwrap_or_else(|_| {
            replaced += 1;
            char::REPLACEMENT_CHARACTER
        })
    };
    let text = char::decode_utf16(pairs.map(unit)).map(read).collect();
    Decoded { text, encoding, replaced }
}

/// UTF-16 without a byte order mark, where it is evident: its text has NULs, and on one side of the pairs only.
fn unmarked_wide(bytes: &[u8]) -> Option<Decoded> {
    let sample = bytes.get(..bytes.len().min(SAMPLE))?;
    let pairs = sample.chunks_exact(2);
    let number = pairs.len();
    let (mut first, mut second) = (0, 0);
    for pair in pairs {
        first += usize::from(pair.first() == Some(&0));
        second += usize::from(pair.get(1) == Some(&0));
    }
    let (most, least) = (first.max(second), first.min(second));
    if most < 2 || most * 10 < number || least * 4 > most {
        return None;
    }
    let decoded = wide(bytes, if first > second { Encoding::Utf16Be } else { Encoding::Utf16Le });
    let evident = most * 10 >= number * 9 || decoded.text.contains(['\r', '\n']);
    (evident && decoded.replaced == 0).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn told(bytes: &[u8]) -> (String, &'static str, u64) {
        let decoded = decode(bytes.to_vec());
        (decoded.text, decoded.encoding.as_str(), decoded.replaced)
    }

    #[test]
    fn every_encoding_is_told_from_the_others() {
        for text in ["nom\tville\r\nChez Zoé €\tŁódź\r\n", "nom;ville\nA;\u{10400}\n", "имя;город\nИван;Москва\n"]
        {
            let read = |encoding| (text.to_owned(), encoding, 0);
            assert_eq!(told(text.as_bytes()), read("UTF-8"));
            assert_eq!(told(format!("\u{feff}{text}").as_bytes()), read("UTF-8"));
            let (little, big) = (units(text, u16::to_le_bytes), units(text, u16::to_be_bytes));
            assert_eq!(told(&[b"\xff\xfe", little.as_slice()].concat()), read("UTF-16 LE"));
            assert_eq!(told(&[b"\xfe\xff", big.as_slice()].concat()), read("UTF-16 BE"));
            assert_eq!(told(&little), read("UTF-16 LE"));
            assert_eq!(told(&big), read("UTF-16 BE"));
        }
        assert_eq!(told(b"Soci\xe9t\xe9;5 \x80"), ("Société;5 €".to_owned(), "cp1252", 0));
    }

    #[test]
    fn a_few_wrong_bytes_make_no_other_encoding() {
        assert_eq!(told(b"Zo\xc3\xa9;Andr\xe9\n"), ("Zoé;Andr\u{fffd}\n".to_owned(), "UTF-8", 1));
        assert_eq!(told(b"\xef\xbb\xbfAndr\xe9\n"), ("Andr\u{fffd}\n".to_owned(), "UTF-8", 1));
        assert_eq!(told(b"\xff\xfea\0\x00\xd8b\0"), ("a\u{fffd}b".to_owned(), "UTF-16 LE", 1));
        assert_eq!(told(b"\xff\xfea\0b"), ("a".to_owned(), "UTF-16 LE", 1));
        assert_eq!(told(b"\xff\xfea\0\n"), ("a".to_owned(), "UTF-16 LE", 0));
    }

    #[test]
    fn nuls_alone_are_no_utf_16() {
        assert_eq!(told(b"a\0b,c\0d\n"), ("ab,cd\n".to_owned(), "UTF-8", 0));
        assert_eq!(told(b"\0\0\0\0a"), ("a".to_owned(), "UTF-8", 0));
        assert_eq!(told(b""), (String::new(), "UTF-8", 0));
    }
}
