//! Bytes as a text (outsend 12.2): UTF-8, UTF-16 and cp1252.

use encoding_rs::WINDOWS_1252;

use super::{
    lines::{BREAKS, Lines, end_unusually, unusual_line, usual},
    told::{LINES, Places},
};

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

/// A text, without a byte order mark and without NULs, whose lines end as usual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: String,
    /// How it was written.
    pub encoding: Encoding,
    /// Places that were wrong in that encoding; each is a U+FFFD now.
    pub replaced: Places,
}

/// A text as it was read, and what was wrong in it.
struct Raw {
    text: String,
    encoding: Encoding,
    wrong: u64,
    /// Where in the text the first of the wrong places are, one for a line.
    places: Vec<usize>,
    /// Where the last wrong place is.
    last: usize,
}

impl Raw {
    const fn new(encoding: Encoding) -> Self {
        Self { text: String::new(), encoding, wrong: 0, places: Vec::new(), last: 0 }
    }

    const fn right(text: String, encoding: Encoding) -> Self {
        Self { text, encoding, wrong: 0, places: Vec::new(), last: 0 }
    }

    /// A place that is wrong.
    fn replace(&mut self) {
        let line = || self.text.get(self.last..).is_some_and(|text| text.contains(BREAKS));
        if self.places.len() < LINES && (self.wrong == 0 || line()) {
            self.places.push(self.text.len());
        }
        self.wrong += 1;
        self.last = self.text.len();
        self.text.push(char::REPLACEMENT_CHARACTER);
    }

    fn decoded(self) -> Decoded {
        let Self { mut text, encoding, wrong, places, .. } = self;
        let unusual = end_unusually(&text);
        let mut lines = Lines::default();
        let mut line = |place| if unusual { unusual_line(&text, place) } else { lines.of(text.as_bytes(), place) };
        let told = places.into_iter().map(&mut line).collect();
        if unusual {
            text = usual(&text);
        }
        // no spreadsheet wants them, and no store of ours
        if text.contains('\0') {
            text.retain(|c| c != '\0');
        }
        Decoded { text, encoding, replaced: Places { number: wrong, lines: told } }
    }
}

/// Bytes that are looked at to tell UTF-16 without a byte order mark.
const SAMPLE: usize = 4_096;

/// Reads a text whose encoding nobody told. A text that is UTF-8 but for a few bytes is UTF-8.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> Decoded {
    let raw = match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => lossy(rest),
        [0xff, 0xfe, rest @ ..] => wide(rest, Encoding::Utf16Le),
        [0xfe, 0xff, rest @ ..] => wide(rest, Encoding::Utf16Be),
        _ => match unmarked_wide(&bytes) {
            Some(raw) => raw,
            None => narrow(bytes),
        },
    };
    raw.decoded()
}

/// A text of single bytes without a byte order mark: UTF-8 when at least as many of its characters beyond ASCII are
/// right as are wrong. Text in cp1252 has next to none that are right by chance.
fn narrow(bytes: Vec<u8>) -> Raw {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Raw::right(text, Encoding::Utf8),
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
    Raw::right(text.into_owned(), Encoding::Cp1252)
}

fn lossy(bytes: &[u8]) -> Raw {
    let mut raw = Raw::new(Encoding::Utf8);
    for chunk in bytes.utf8_chunks() {
        raw.text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            raw.replace();
        }
    }
    raw
}

fn wide(bytes: &[u8], encoding: Encoding) -> Raw {
    let unit = |pair: &[u8]| {
        let pair = [pair.first().copied().unwrap_or_default(), pair.get(1).copied().unwrap_or_default()];
        if encoding == Encoding::Utf16Be { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    };
    let pairs = bytes.chunks_exact(2);
    let end = pairs.remainder();
    let mut raw = Raw::new(encoding);
    for read in char::decode_utf16(pairs.map(unit)) {
        match read {
            Ok(c) => raw.text.push(c),
            Err(_) => raw.replace(),
        }
    }
    // half a character, but for the half of a line break that a careless program appends
    if !matches!(end, [] | [0 | b'\r' | b'\n']) {
        raw.replace();
    }
    raw
}

/// UTF-16 without a byte order mark, where it is evident: its text has NULs, and on one side of the pairs only.
fn unmarked_wide(bytes: &[u8]) -> Option<Raw> {
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
    let raw = wide(bytes, if first > second { Encoding::Utf16Be } else { Encoding::Utf16Le });
    let evident = most * 10 >= number * 9 || raw.text.contains(['\r', '\n']);
    (evident && raw.wrong == 0).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn told(bytes: &[u8]) -> (String, &'static str, u64) {
        let decoded = decode(bytes.to_vec());
        (decoded.text, decoded.encoding.as_str(), decoded.replaced.number)
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
        assert_eq!(told(b"\xff\xfea\0b"), ("a\u{fffd}".to_owned(), "UTF-16 LE", 1));
        assert_eq!(told(b"\xff\xfea\0\n"), ("a".to_owned(), "UTF-16 LE", 0));
    }

    #[test]
    fn wrong_places_are_told_by_their_lines() {
        let lines = |bytes: &[u8]| decode(bytes.to_vec()).replaced.lines;
        assert_eq!(lines(&[b"\xc3\xa9".repeat(50), b"\xe9;".repeat(40), b"\nx\xe9".to_vec()].concat()), [1, 2]);
        assert_eq!(lines(b"\xc3\xa9\xc3\xa9\xc3\xa9\n\xe9;\xe9\r\n\na\xe9\n"), [2, 4]);
        assert_eq!(lines("\u{e9}\u{e9}\r\r?".replace('?', "x").as_bytes()), [0_u64; 0]);
        assert_eq!(lines(b"\xc3\xa9\xc3\xa9\rx\xe9"), [2]);
        assert_eq!(lines(b"\xff\xfea\0\n\0\x00\xd8"), [2]);
        let unusual = [b"\xc3\xa9\xe2\x80\xa8", "b\u{85}".as_bytes(), b"\xe9"].concat();
        assert_eq!(decode(unusual.clone()).text, "\u{e9}\nb\n\u{fffd}");
        assert_eq!(lines(&unusual), [3]);
        assert_eq!(decode([b"\xc3\xa9\n".repeat(30), b"\xe9\n".repeat(30)].concat()).replaced.lines.len(), LINES);
    }

    #[test]
    fn nuls_alone_are_no_utf_16() {
        assert_eq!(told(b"a\0b,c\0d\n"), ("ab,cd\n".to_owned(), "UTF-8", 0));
        assert_eq!(told(b"\0\0\0\0a"), ("a".to_owned(), "UTF-8", 0));
        assert_eq!(told(b""), (String::new(), "UTF-8", 0));
    }
}
