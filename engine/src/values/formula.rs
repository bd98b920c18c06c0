//! Cells that a spreadsheet would take for formulas (outsend 9).

use unicode_normalization::UnicodeNormalization as _;

/// What goes before a cell that must not become a formula.
pub(crate) const GUARD: char = '\'';

/// Whether a spreadsheet can take a cell for a formula, or for the begin of a row of its own: it begins with `=`, `+`,
/// `-` or `@`, in whatever width, behind anything that is not seen, or with a tab or a line break (outsend 9). Numbers
/// are none. One that begins so behind guards of its own is taken for one, too: else [`unguarded`] would take its first
/// guard for ours.
pub(crate) fn is_formula(cell: &str) -> bool {
    // most cells begin with a letter or a digit
    if cell.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return false;
    }
    if cell.trim_start_matches(GUARD).starts_with(['\t', '\r', '\n']) {
        return true;
    }
    cell.chars().find(|c| !is_unseen(*c)).is_some_and(is_sign) && !is_number(cell)
}

/// A cell as it was before [`GUARD`] was put before it.
pub(crate) fn unguarded(cell: &str) -> &str {
    cell.strip_prefix(GUARD).filter(|rest| is_formula(rest)).unwrap_or(cell)
}

/// A sign that begins a formula, or one that is read as such a sign.
fn is_sign(c: char) -> bool {
    let sign = |c| matches!(c, '=' | '+' | '-' | '@' | '\u{2212}');
    sign(c) || (!c.is_ascii() && std::iter::once(c).nfkc().next().is_some_and(sign))
}

/// What is passed over before a formula: blanks, quotes, and characters that take no place.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '"' | '\'' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || c.is_whitespace()
        || c.is_control()
}

/// `^[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?$` (outsend 9).
fn is_number(cell: &str) -> bool {
    fn signed(text: &str) -> &str {
        text.strip_prefix(['+', '-']).unwrap_or(text)
    }
    fn digits(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    }
    let (number, exponent) =
        cell.split_once(['e', 'E']).map_or((cell, None), |(number, exponent)| (number, Some(exponent)));
    let number = signed(number);
    let (whole, fraction) =
        number.split_once(['.', ',']).map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole) && fraction.is_none_or(digits) && exponent.is_none_or(|exponent| digits(signed(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_in_every_disguise() {
        for cell in [
            "=1",
            "+1+1",
            "-1.",
            "-",
            "--1",
            "+e5",
            "-1e",
            "-1e5e5",
            "@a",
            "\tx",
            "\rx",
            "\nx",
            "'\t",
            "''\nx",
            " =1",
            "\u{a0}-x",
            "\"=1",
            "'=1",
            "\u{200b}=1",
            "\u{0}=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "\u{ff0d}1",
            "\u{ff20}a",
            "\u{2212}1",
            "\u{fe66}",
            "\u{207a}1",
            "\u{fb29}1",
            " -1",
            "+33 6 12",
        ] {
            assert!(is_formula(cell), "{cell:?}");
            assert_eq!(unguarded(&format!("'{cell}")), cell);
        }
        for cell in ["", "x", "a=1", "1", "-1.5", "+33612345678", "-1,5e-3", " ", "'", "'x", "''", "\u{e9}=1", "(=1"] {
            assert!(!is_formula(cell), "{cell:?}");
            assert_eq!(unguarded(cell), cell);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_guarded_is_read_back(cell in "[=+@x' \"\t\n\u{200b}\u{ff1d}1.-]{0,6}") {
            let guarded = if is_formula(&cell) { format!("{GUARD}{cell}") } else { cell.clone() };
            proptest::prop_assert_eq!(unguarded(&guarded), cell);
        }
    }
}
