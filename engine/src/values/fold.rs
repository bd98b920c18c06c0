//! The form in which texts are compared (outsend 11.1).

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::plain::is_invisible;

/// `fold(s)` of outsend 11.1: without accents, case and what nobody sees, every run of other characters one `_`.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    let seen = |letter: &char| !is_combining_mark(*letter) && !is_invisible(*letter);
    let letters = text.nfkd().filter(seen).flat_map(char::to_lowercase);
    // lower-casing can bring marks back, as with a dotted capital I
    for letter in letters.filter(|letter| !is_combining_mark(*letter)) {
        if letter.is_alphanumeric() {
            if gap && !folded.is_empty() {
                folded.push('_');
            }
            gap = false;
            folded.push(letter);
        } else {
            gap = true;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding() {
        for (text, expected) in [
            ("Numéro de Téléphone", "numero_de_telephone"),
            ("  E-Mail !", "e_mail"),
            ("ﬁn №1", "fin_no1"),
            ("Œuvre", "œuvre"),
            ("İstanbul", "istanbul"),
            ("a\u{200b}b\u{ad}c \u{feff}d\u{202f}e", "abc_d_e"),
            ("Ｃａｆｅ", "cafe"),
            ("--", ""),
            ("", ""),
        ] {
            assert_eq!(fold(text), expected);
        }
    }

    proptest! {
        #[test]
        fn folding_has_its_form(text in ".*") {
            let folded = fold(&text);
            prop_assert!(!folded.starts_with('_') && !folded.ends_with('_') && !folded.contains("__"));
            prop_assert!(folded.chars().all(|letter| letter.is_alphanumeric() || letter == '_'));
        }
    }
}
