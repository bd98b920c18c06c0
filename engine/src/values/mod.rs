//! Normalisers of single values (outsend 11.4), and cells read as texts and numbers.

mod fold;
mod formula;
mod legal;
mod mail;
mod phone;
mod web;

use std::borrow::Cow;

use serde_json::Value;

pub use fold::fold;
pub(crate) use formula::{GUARD, is_formula, unguarded};
pub use legal::{siren, siret, vat};
pub use mail::{Kind, addresses, email, kind};
pub use phone::{Country, country, is_mobile, national, phone};
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

/// A cell as a finite number; `,` is accepted as the decimal separator (outsend 12.17, 12.18).
#[must_use]
pub fn number(cell: &Value) -> Option<f64> {
    match cell {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace(',', ".").parse::<f64>().ok(),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_take_a_comma_and_nothing_that_is_no_number() {
        for (cell, expected) in [
            (json!("4,5"), Some(4.5)),
            (json!(" 4.5 "), Some(4.5)),
            (json!("-2"), Some(-2.0)),
            (json!(12), Some(12.0)),
            (json!("1e3"), Some(1000.0)),
            (json!("1,234,5"), None),
            (json!("nan"), None),
            (json!("inf"), None),
            (json!("1e999"), None),
            (json!("4/5"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
            (json!(["4"]), None),
        ] {
            assert_eq!(number(&cell), expected, "{cell}");
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
