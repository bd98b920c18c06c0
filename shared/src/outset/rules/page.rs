//! `page` and `page_size` (outset 8.2, 8.3).

const DEFAULT: u32 = 10;
const MOST: u32 = 100;

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// This one; a number too large to hold is the largest.
    Number(u64),
    /// The last one.
    Last,
    /// No page has such a name.
    Invalid,
}

/// Reads `page`.
#[must_use]
pub fn read_page(text: Option<&str>) -> Page {
    match text {
        None | Some("") => Page::Number(1),
        Some("last") => Page::Last,
        Some(text) => match integer(text) {
            Some(number) if number > 0 => Page::Number(number),
            _ => Page::Invalid,
        },
    }
}

/// Reads `page_size`.
#[must_use]
pub fn read_page_size(text: Option<&str>) -> u32 {
    match text.and_then(integer) {
        None | Some(0) => DEFAULT,
        Some(size) => u32::try_from(size).unwrap_or(MOST).min(MOST),
    }
}

/// A whole number as Python reads it, ASCII digits only; negative ones are none.
pub(super) fn integer(text: &str) -> Option<u64> {
    let text = text.trim_matches(char::is_whitespace);
    let digits = text.strip_prefix('+').unwrap_or(text);
    let negative_zero = digits.strip_prefix('-').filter(|zeros| !zeros.is_empty() && zeros.bytes().all(|b| b == b'0'));
    let digits = negative_zero.unwrap_or(digits);
    let well_formed = digits.split('_').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    well_formed.then(|| {
        digits
            .bytes()
            .filter(u8::is_ascii_digit)
            .fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_tables() {
        for one in [None, Some(""), Some("1"), Some("001"), Some(" +1\t"), Some("\u{3000}1\u{a0}")] {
            assert_eq!(read_page(one), Page::Number(1));
        }
        assert_eq!(read_page(Some("1_0")), Page::Number(10));
        assert_eq!(read_page(Some("last")), Page::Last);
        for bad in ["0", "-1", "1.0", "abc", "first", "Last", "1__0", "_1", "١", "+ 1", "-0", "\u{1c}1"] {
            assert_eq!(read_page(Some(bad)), Page::Invalid, "{bad}");
        }
        assert_eq!(read_page(Some(&"9".repeat(5_000))), Page::Number(u64::MAX));
        for (text, size) in [("5", 5), ("100", 100), ("101", 100), ("0", 10), ("-3", 10), ("", 10), ("x", 10)] {
            assert_eq!(read_page_size(Some(text)), size, "{text}");
        }
        assert_eq!(read_page_size(Some(&"9".repeat(60))), 100);
    }
}
