//! Characters that nobody sees, and other widths of those that everybody writes (outsend 11.1, 11.4).

use std::borrow::Cow;

/// Whether a character shows nothing: Unicode's `Default_Ignorable_Code_Point`, and the marks of annotations.
#[must_use]
pub const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A full-width or small character as its usual one; the ideographic full stops are dots, as in domains.
fn usual_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => u32::from(letter).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(letter),
        '\u{3000}' => ' ',
        '\u{3002}' | '\u{ff61}' | '\u{fe52}' => '.',
        '\u{fe50}' => ',',
        '\u{fe54}' => ';',
        '\u{fe55}' => ':',
        '\u{fe56}' => '?',
        '\u{fe57}' => '!',
        '\u{fe59}' => '(',
        '\u{fe5a}' => ')',
        '\u{fe5f}' => '#',
        '\u{fe60}' => '&',
        '\u{fe61}' => '*',
        '\u{fe62}' => '+',
        '\u{fe63}' => '-',
        '\u{fe64}' => '<',
        '\u{fe65}' => '>',
        '\u{fe66}' => '=',
        '\u{fe69}' => '$',
        '\u{fe6a}' => '%',
        '\u{fe6b}' => '@',
        other => other,
    }
}

/// A text as it is meant to be read: without what nobody sees, and in usual width.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|letter| !is_invisible(*letter)).map(usual_width).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_goes_and_widths_are_usual() {
        for (text, expected) in [
            ("a\u{200b}b\u{ad}c\u{feff}\u{fe0f}\u{e0101}", "abc"),
            ("\u{202a}+33\u{202c}", "+33"),
            ("ａ＠ｂ．ｔｅｓｔ", "a@b.test"),
            ("a@b。test", "a@b.test"),
            ("﹢a﹫b﹒test﹣x", "+a@b.test-x"),
            ("０６　１２", "06 12"),
            ("é\u{a0}b", "é\u{a0}b"),
            ("plain", "plain"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
