//! Numbers as people write them (outsend 11.4).

use serde_json::Value;

use super::plain::plain;

/// A cell as a finite number; `,` is accepted as the decimal separator, and a rating may say of how many (`4,5/5`) or
/// carry a star (outsend 12.17, 12.18).
#[must_use]
pub fn number(cell: &Value) -> Option<f64> {
    match cell {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => decimal(&plain(text)),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

fn decimal(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches(['\u{2605}', '\u{2606}', '\u{2b50}', '*']).trim_end();
    let text = text.strip_suffix("/5").or_else(|| text.strip_suffix("/ 5")).unwrap_or(text).trim_end();
    text.replace(',', ".").parse().ok()
}

/// A cell as a count: `1,234`, `2.000`, `1 234`, `(128)`, `128 avis`, `1,5 k`, `100+` (outsend 11.4). A separator before exactly three
/// digits groups them; what is no whole number is read as [`number`] reads it.
#[must_use]
pub fn count(cell: &Value) -> Option<f64> {
    let Value::String(text) = cell else { return number(cell) };
    let text = plain(text);
    let bare = text.trim().trim_start_matches('(').trim_end_matches(')');
    // `128 avis`, but not `1e3`
    let (bare, word) = match bare.rsplit_once(char::is_whitespace) {
        Some((before, word)) if word.chars().all(char::is_alphabetic) => (before, word),
        _ => (bare, ""),
    };
    let (bare, times) = match bare.strip_suffix(['k', 'K']) {
        Some(thousands) => (thousands, 1_000.0),
        None if matches!(word, "k" | "K") => (bare, 1_000.0),
        None => (bare, 1.0),
    };
    let bare = bare.trim().trim_end_matches('+');
    // a spreadsheet's `1 234,00`
    let whole = bare.strip_suffix(",00").or_else(|| bare.strip_suffix(".00")).and_then(grouped);
    // `1.2k` is no number of groups
    let number = whole.or_else(|| grouped(bare)).or_else(|| decimal(bare))?;
    Some(number * times)
}

fn grouped(text: &str) -> Option<f64> {
    let groups = |letter: char| matches!(letter, ',' | '.' | '\'' | '\u{2019}') || letter.is_whitespace();
    let separators: Vec<char> = text.chars().filter(|letter| groups(*letter)).collect();
    let alike = separators.windows(2).all(|pair| pair.first() == pair.last());
    let mut parts = text.split(groups);
    let first = parts.next().filter(|part| (1..=3).contains(&part.len()))?;
    let rest: Vec<&str> = parts.collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    // a zero before a separator begins a decimal number
    if rest.is_empty()
        || first == "0"
        || !alike
        || !digits(&first)
        || !rest.iter().all(|part| part.len() == 3 && digits(part))
    {
        return None;
    }
    format!("{first}{}", rest.concat()).parse().ok()
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
            (json!("4,5/5"), Some(4.5)),
            (json!("4.5 \u{2605}"), Some(4.5)),
            (json!("\u{a0}4,5\u{200b}"), Some(4.5)),
            (json!("-2"), Some(-2.0)),
            (json!(12), Some(12.0)),
            (json!("1e3"), Some(1000.0)),
            (json!("1,234,5"), None),
            (json!("nan"), None),
            (json!("inf"), None),
            (json!("1e999"), None),
            (json!("4/10"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
            (json!(["4"]), None),
        ] {
            assert_eq!(number(&cell), expected, "{cell}");
        }
    }

    #[test]
    fn counts_have_groups_of_three() {
        for (cell, expected) in [
            (json!("1,234"), Some(1234.0)),
            (json!("1.234"), Some(1234.0)),
            (json!("2.000"), Some(2000.0)),
            (json!("2,000"), Some(2000.0)),
            (json!("1 234"), Some(1234.0)),
            (json!("1\u{a0}234"), Some(1234.0)),
            (json!("1\u{202f}234"), Some(1234.0)),
            (json!("1\u{2009}500"), Some(1500.0)),
            (json!("1'234"), Some(1234.0)),
            (json!("1,234,567"), Some(1_234_567.0)),
            (json!("(128)"), Some(128.0)),
            (json!("(1 128)"), Some(1128.0)),
            (json!("128 avis"), Some(128.0)),
            (json!("1 128 avis"), Some(1128.0)),
            (json!("99"), Some(99.0)),
            (json!("0"), Some(0.0)),
            (json!(1234), Some(1234.0)),
            (json!("12.5"), Some(12.5)),
            (json!("0.125"), Some(0.125)),
            (json!("1,234.567"), None),
            (json!("1234,567"), Some(1234.567)),
            (json!("12k"), Some(12_000.0)),
            (json!("1.2K"), Some(1_200.0)),
            (json!("1,5 k"), Some(1_500.0)),
            (json!("1,5 k avis"), Some(1_500.0)),
            (json!("100+"), Some(100.0)),
            (json!("1\u{202f}234,00"), Some(1234.0)),
            (json!("1.234,00"), Some(1234.0)),
            (json!("1,234.00"), Some(1234.0)),
            (json!("12,00"), Some(12.0)),
            (json!("k"), None),
            (json!("many"), None),
            (json!(""), None),
        ] {
            assert_eq!(count(&cell), expected, "{cell}");
        }
    }
}
