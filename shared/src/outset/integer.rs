//! Whole numbers as Python reads them (outset 8.2, 9).

/// Reads a whole number, ASCII digits only; a negative one is none, and one too large to hold is the largest.
#[must_use]
pub fn read(text: &str) -> Option<u64> {
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
    fn spellings() {
        for (text, number) in [("001", 1), (" +1\t", 1), ("\u{3000}1\u{a0}", 1), ("1_0", 10), ("-0", 0)] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        assert_eq!(read(&"9".repeat(5_000)), Some(u64::MAX));
        for bad in ["", "-1", "1.0", "abc", "1__0", "_1", "١", "+ 1", "\u{1c}1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
