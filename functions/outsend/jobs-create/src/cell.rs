//! A row's cells, read where they stand in the body (outsend 8.3).

use serde_json::{Number, Value, value::RawValue};

/// A cell's value. Most cells are read as they stand: their text was looked at when the row was. A number that no number
/// of ours holds is a text (outsend 8.3).
pub(crate) fn value(cell: &str) -> Result<Value, serde_json::Error> {
    match cell.as_bytes() {
        b"null" => Ok(Value::Null),
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
            Ok(Value::String(cell.get(1..=text.len()).unwrap_or_default().to_owned()))
        }
        [digit @ b'0'..=b'9'] => Ok(Value::from(digit - b'0')),
        [b'-' | b'0'..=b'9', ..] => {
            let number: Option<Number> = serde_json::from_str(cell).ok();
            let number = number.filter(|number| decimal(cell) == decimal(&number.to_string()));
            Ok(number.map_or_else(|| Value::from(cell), Value::Number))
        }
        [b'[', ..] => {
            let entries: Vec<&RawValue> = serde_json::from_str(cell)?;
            entries.into_iter().map(|entry| value(entry.get())).collect()
        }
        _ => serde_json::from_str(cell),
    }
}

/// What a number in JSON is worth: whether it is below zero, its digits without zeros around them, and the power of ten
/// of the last one; `None` when that power is out of reach.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (number, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return Some((false, String::new(), 0));
    }
    let power: i64 = power.parse().ok()?;
    let cut = i64::try_from(digits.len() - short.len()).ok()?;
    let power = power.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(cut)?;
    Some((number.starts_with('-'), short.to_owned(), power))
}

/// How many bytes a cell has in compact JSON; `None` when it is neither a scalar nor a list of scalars, or a text that no text
/// can hold (half a surrogate pair).
pub(crate) fn judge(cell: &str) -> Option<usize> {
    match cell.as_bytes().first() {
        Some(b'{') => None,
        Some(b'[') => size_of_list(cell),
        _ => size_of_scalar(cell),
    }
}

/// As [`judge`], of a list.
fn size_of_list(list: &str) -> Option<usize> {
    let bytes = list.as_bytes();
    let (mut size, mut at) = (2, 1);
    let mut entries = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        at += match byte {
            b'[' | b'{' => return None,
            b',' | b']' | b' ' | b'\t' | b'\r' | b'\n' => 1,
            b'"' => {
                let length = length_of_string(rest);
                size += size_of_scalar(list.get(at..at + length).unwrap_or_default())?;
                entries += 1;
                length
            }
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b']') || byte.is_ascii_whitespace();
                let length = rest.iter().position(ends).unwrap_or(rest.len());
                size += length;
                entries += 1;
                length
            }
        };
    }
    // the commas between them
    Some(size + usize::saturating_sub(entries, 1))
}

/// The length of the string that a text begins with, its quotes included.
fn length_of_string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    text.len()
}

fn size_of_scalar(text: &str) -> Option<usize> {
    if !text.starts_with('"') || !text.contains('\\') {
        return Some(text.len());
    }
    serde_json::from_str::<String>(text).ok().map(|text| size_of_text(&text))
}

/// How many bytes a text has in compact JSON: what must be escaped is, and nothing else.
pub(crate) fn size_of_text(text: &str) -> usize {
    let of = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    2 + text.bytes().map(of).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_judged_where_they_stand() {
        for (cell, size) in [
            ("1", Some(1)),
            ("null", Some(4)),
            (r#""abc""#, Some(5)),
            (r#""\u00e9\"""#, Some(6)),
            (r#""\u0000\u0007\u0008\u000a\u0041\/""#, Some(2 + 6 + 6 + 2 + 2 + 1 + 1)),
            ("[]", Some(2)),
            (r#"[ "a]" , "\\", -1.5e3,true ]"#, Some(2 + 4 + 4 + 6 + 4 + 3)),
            ("[1,[2]]", None),
            ("[{}]", None),
            ("{}", None),
            (r#""\ud800""#, None),
            (r#"["\udc00"]"#, None),
            ("123456789012", Some(12)),
            ("[123456789012]", Some(14)),
        ] {
            assert_eq!(judge(cell), size, "{cell}");
        }
    }

    #[test]
    fn sizes_are_those_of_compact_json() {
        for cell in
            [r#""a\u0001\"\\\n\u001f\u007f\ud83d\ude00é""#, r#"[ "x" ,1 , null,"\t" ]"#, "[]", "true", "[false]"]
        {
            let value: Value = serde_json::from_str(cell).unwrap();
            assert_eq!(judge(cell), Some(value.to_string().len()), "{cell}");
        }
    }

    #[test]
    fn cells_are_read_as_json_reads_them() {
        for cell in [
            "null",
            "\"\"",
            "\"a\"",
            "\"é ü\"",
            "\"a\\\"b\"",
            "\"\\u00e9\"",
            "0",
            "7",
            "10",
            "-1",
            "1.50",
            "true",
            "[1,\"x\"]",
        ] {
            assert_eq!(value(cell).unwrap(), serde_json::from_str::<Value>(cell).unwrap(), "{cell}");
        }
    }

    #[test]
    fn numbers_keep_every_digit() {
        for same in [
            "0",
            "-0",
            "-0.0",
            "4.0",
            "10",
            "1.50",
            "0.1",
            "1e2",
            "-1.5E+3",
            "100000000000000000000000",
            "1e300",
            "18446744073709551615",
            "-9223372036854775808",
            "0.30000000000000004",
            "5e-324",
            "0.00",
            "0e999999999999999999999",
        ] {
            let read = value(same).unwrap();
            assert!(read.is_number() && decimal(&read.to_string()) == decimal(same), "{same}: {read}");
        }
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "0.1234567890123456789",
            "3.14159265358979323846",
            "12345678901234567.5",
            "1e999",
            "-1e400",
            "1e-400",
            "1e99999999999999999999",
        ] {
            assert_eq!(value(text).unwrap(), Value::from(text));
        }
        let list = value("[ 1 , 123456789012345678901234567890,\"x\", null,0.5]").unwrap();
        assert_eq!(list, serde_json::json!([1, "123456789012345678901234567890", "x", null, 0.5]));
    }
}
