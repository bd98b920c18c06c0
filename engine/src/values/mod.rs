//! Normalisers of single values (outsend 11.4), and cells read as texts and numbers.

mod fold;
mod formula;
mod legal;
mod mail;
mod number;
mod phone;
mod plain;
mod web;

use std::borrow::Cow;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

pub use fold::fold;
pub(crate) use formula::{GUARD, is_formula, unguarded};
pub use legal::{siren, siret, vat};
pub use mail::{Kind, addresses, email, kind, mailboxes};
pub use number::{count, number};
pub use phone::{Country, country, is_mobile, nation, national, phone};
pub use plain::{is_invisible, plain};
pub use web::{domain, host, site_label, url};

/// Whether a cell is empty: null, or nothing but white space (outsend 11.1).
#[must_use]
pub fn is_blank(cell: &Value) -> bool {
    match cell {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(entries) => entries.iter().all(is_blank),
        _ => false,
    }
}

/// A cell as a text, in the form of a CSV cell (outsend 9): null is empty, a list is joined with ` | `.
#[must_use]
pub fn cell_text(cell: &Value) -> Cow<'_, str> {
    match cell {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(entries) => Cow::Owned(entries.iter().map(cell_text).collect::<Vec<_>>().join(" | ")),
        other => Cow::Owned(other.to_string()),
    }
}

/// What programs and people write where there is nothing, folded as [`alike`] does.
const PLACEHOLDERS: [&str; 51] = [
    "-",
    "--",
    "\u{2013}",
    "\u{2014}",
    "?",
    "...",
    "\u{2026}",
    "_",
    "n/a",
    "n / a",
    "#n/a",
    "#nv",
    "n.a.",
    "n.a",
    "null",
    "(null)",
    "[null]",
    "nil",
    "none",
    "(none)",
    "nan",
    "undefined",
    "unknown",
    "empty",
    "(empty)",
    "not available",
    "#null!",
    "#ref!",
    "#value!",
    "#name?",
    "#div/0!",
    "#num!",
    "#valeur!",
    "#nom?",
    "#wert!",
    "#bezug!",
    "(vide)",
    "vide",
    "n\u{e9}ant",
    "neant",
    "inconnu",
    "inconnue",
    "non renseign\u{e9}",
    "s/o",
    "n.d.",
    "aucun",
    "aucune",
    "k.a.",
    "keine angabe",
    "unbekannt",
    "leer",
];

/// Whether a cell has a value: it is not blank, nor what stands for nothing (outsend 12.17, 12.18).
#[must_use]
pub fn is_filled(cell: &Value) -> bool {
    match cell {
        Value::Array(entries) => entries.iter().any(is_filled),
        Value::String(text) => {
            let bare = text.trim();
            // in a text like most, nothing has to be folded but the case
            if bare.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
                let is_same = |known: &&str| known.len() == bare.len() && known.eq_ignore_ascii_case(bare);
                return !bare.is_empty() && !PLACEHOLDERS.iter().any(is_same);
            }
            let text = alike(text);
            !text.is_empty() && !PLACEHOLDERS.contains(&text.as_str())
        }
        other => !is_blank(other),
    }
}

/// The form in which texts are equal: in one Unicode form, without case and what nobody sees, each run of blanks one
/// (outsend 12.18).
#[must_use]
pub fn alike(text: &str) -> String {
    let seen: String = text.nfkc().filter(|letter| !is_invisible(*letter)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_texts_and_what_stands_for_nothing() {
        assert_eq!(alike(" Caf\u{e9}\u{a0} du  Nord"), alike("CAFE\u{301} du\u{200b} nord"));
        assert_ne!(alike("C++"), alike("C"));
        assert_ne!(alike("\u{2605}\u{2605}"), alike("!!"));
        for cell in [
            json!("N/A"),
            json!(" - "),
            json!("null"),
            json!("\u{2014}"),
            json!("#REF!"),
            json!("Inconnu"),
            json!("Not  Available"),
            json!("N\u{c9}ANT"),
            json!(["n/a", ""]),
            json!(null),
        ] {
            assert!(!is_filled(&cell), "{cell}");
        }
        for cell in [json!("na"), json!(0), json!(false), json!("-5"), json!(["n/a", "a"])] {
            assert!(is_filled(&cell), "{cell}");
        }
    }

    #[test]
    fn blank_cells_and_the_texts_of_the_others() {
        for cell in [json!(null), json!(""), json!(" \u{a0}\t\n"), json!([]), json!(["", null])] {
            assert!(is_blank(&cell), "{cell}");
        }
        for (cell, text) in [
            (json!(0), "0"),
            (json!(false), "false"),
            (json!(" a "), " a "),
            (json!(["a", 1, null]), "a | 1 | "),
            (json!({"b": 1, "a": [2]}), r#"{"b":1,"a":[2]}"#),
        ] {
            assert!(!is_blank(&cell));
            assert_eq!(cell_text(&cell), text);
        }
    }
}
