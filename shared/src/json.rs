//! JSON that others wrote: bodies of requests, answers of other services, files, and what was stored of them.
//!
//! `serde_json` reads its own `Value` with two traits that a stranger could use: an object whose first member has the name
//! of its raw values is read as the text that this member holds, and that text is nested anew, with a depth of its own.
//! What is read here is as deep as [`MAX_DEPTH`] says and no deeper, and a name is a name.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// Arrays and objects that may lie in one another (outset 10.2, outsend 2.1, openscouter 2.1).
pub const MAX_DEPTH: usize = 128;

/// A text that is no JSON, or is nested deeper than [`MAX_DEPTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no JSON, or nested too deep")]
pub struct Malformed;

/// Looks at a text's depth, before anything is made of it. Its length is all that this costs.
///
/// # Errors
/// When arrays and objects are nested deeper than [`MAX_DEPTH`].
pub fn check_depth(text: &[u8]) -> Result<(), Malformed> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Malformed);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a text. Of members with one name the last counts.
///
/// # Errors
/// When it is no JSON, or is nested too deep.
pub fn parse(text: &[u8]) -> Result<Value, Malformed> {
    check_depth(text)?;
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // the depth was looked at, and the own limit is lower by one
    deserializer.disable_recursion_limit();
    let Plain(value) = Plain::deserialize(&mut deserializer).map_err(|_| Malformed)?;
    deserializer.end().map_err(|_| Malformed)?;
    Ok(value)
}

/// Reads a text of any legal form. What no value can hold stands for itself in a form that no field takes: half a surrogate
/// pair is U+0000, and a number beyond all doubles is one that is as large as some (openscouter 2.1). Where nobody reads it,
/// it changes nothing.
///
/// # Errors
/// As [`parse`].
pub fn parse_any(text: &[u8]) -> Result<Value, Malformed> {
    parse(text).or_else(|malformed| parse(&holdable(text).ok_or(malformed)?))
}

/// A text with what no value can hold replaced; `None` when there is none of it.
fn holdable(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut quoted, mut changed) = (Vec::with_capacity(text.len()), text, false, false);
    while let Some(first) = rest.first() {
        let (length, instead) = match first {
            b'\\' if quoted => escape(rest),
            b'"' => {
                quoted = !quoted;
                (1, None)
            }
            b'-' | b'0'..=b'9' if !quoted => number(rest),
            _ => (1, None),
        };
        let (taken, behind) = rest.split_at(length.min(rest.len()));
        out.extend_from_slice(instead.unwrap_or(taken));
        changed |= instead.is_some();
        rest = behind;
    }
    changed.then_some(out)
}

/// How long an escape is, and what stands in place of half a surrogate pair.
fn escape(rest: &[u8]) -> (usize, Option<&'static [u8]>) {
    let unit = |rest: &[u8]| {
        let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
        let digits =
            std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    match unit(rest) {
        Some(0xD800..=0xDBFF) if matches!(rest.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) => (12, None),
        Some(0xD800..=0xDFFF) => (6, Some(b"\\u0000")),
        Some(_) => (6, None),
        None => (2, None),
    }
}

/// How long a number is, and what stands in place of one beyond all doubles.
fn number(rest: &[u8]) -> (usize, Option<&'static [u8]>) {
    let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = rest.iter().take_while(is_part).count();
    let text = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok()).filter(|text| is_number(text));
    let instead: Option<&[u8]> = match text.and_then(|text| text.parse::<f64>().ok()) {
        Some(f64::INFINITY) => Some(b"1e308"),
        Some(f64::NEG_INFINITY) => Some(b"-1e308"),
        _ => None,
    };
    (length, instead)
}

/// Whether a text is a number as JSON has them.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = plain.split_once(['e', 'E']).map_or((plain, None), |(one, other)| (one, Some(other)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(one, other)| (one, Some(other)));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && [fraction, exponent].into_iter().flatten().all(digits)
}

/// Where a text ceases to be JSON, or UTF-8: the line, and the character in it, both from 1. `None` when it is JSON, when there
/// is nothing in it, and when it is nested too deep.
#[must_use]
pub fn broken_at(text: &[u8]) -> Option<(usize, usize)> {
    if text.trim_ascii().is_empty() || check_depth(text).is_err() {
        return None;
    }
    if let Err(error) = std::str::from_utf8(text) {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        return Some((before.iter().filter(|byte| **byte == b'\n').count() + 1, characters(line) + 1));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    deserializer.disable_recursion_limit();
    let read = Plain::deserialize(&mut deserializer).and_then(|_| deserializer.end());
    read.err().map(|error| place(text, &error))
}

/// Where in a text an error was met: the line, and the character in it, both from 1.
#[must_use]
pub fn place(text: &[u8], error: &serde_json::Error) -> (usize, usize) {
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let before = line.get(..error.column().saturating_sub(1)).unwrap_or(line);
    (error.line().max(1), characters(before) + 1)
}

fn characters(line: &[u8]) -> usize {
    String::from_utf8_lossy(line).chars().count()
}

/// Reads an object.
///
/// # Errors
/// As [`parse`], and when it is another value.
pub fn parse_object(text: &[u8]) -> Result<Map<String, Value>, Malformed> {
    match parse(text)? {
        Value::Object(object) => Ok(object),
        _ => Err(Malformed),
    }
}

/// A value of which no member has a meaning of its own.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Plain(entry)) = entries.next_element()? {
            array.push(entry);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Plain(value))) = members.next_entry()? {
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RAW: &str = "$serde_json::private::RawValue";

    fn nested(depth: usize) -> String {
        format!("{}1{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2))
    }

    #[test]
    fn as_deep_as_it_says() {
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse(nested(MAX_DEPTH + 2).as_bytes()), Err(Malformed));
        let odd = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
        assert_eq!(check_depth(odd.as_bytes()), Err(Malformed));
        let strings = serde_json::json!(["[{".repeat(200), "\\\"[[".repeat(200)]).to_string();
        assert_eq!(check_depth(strings.as_bytes()), Ok(()));
        assert_eq!(check_depth(&b"]}".repeat(1_000)), Ok(()), "what is no JSON is found by who reads it");
    }

    #[test]
    fn where_it_breaks_is_told() {
        for (text, place) in [
            ("{", Some((1, 1))),
            ("{\"a\":1,}", Some((1, 8))),
            ("{\n  \"a\": nope\n}", Some((2, 9))),
            ("{} x", Some((1, 4))),
            ("{\"\u{e9}\u{1f600}\": x}", Some((1, 8))),
            ("", None),
            (" \n", None),
            ("[]", None),
        ] {
            assert_eq!(broken_at(text.as_bytes()), place, "{text}");
        }
        assert_eq!(broken_at(&b"[".repeat(100_000)), None);
        assert_eq!(broken_at(b"{\n\"\xc3\xa9\": \"\xff\"}"), Some((2, 7)));
    }

    #[test]
    fn a_name_is_a_name() {
        for name in [RAW, "$serde_json::private::Number"] {
            for inner in ["[[", "{}", "1"] {
                let text = serde_json::json!({ "a": { name: inner } });
                assert_eq!(parse(text.to_string().as_bytes()), Ok(text));
            }
        }
        let escaped = br#"[{"\u0024serde_json::private::RawValue":"[1]"}]"#;
        assert_eq!(parse(escaped).unwrap()[0][RAW], "[1]");
    }

    #[test]
    fn what_no_value_can_hold_is_what_no_field_takes() {
        let read = |text: &str| parse_any(text.as_bytes()).map(|value| value.to_string());
        for (text, expected) in [
            (r#"{"a":"x\ud83d","b":1}"#, r#"{"a":"x\u0000","b":1}"#),
            (
                r#"["\ude00\ud83d","\ud83d\ude00","\\ud83d","\uD83Dx"]"#,
                "[\"\\u0000\\u0000\",\"\u{1f600}\",\"\\\\ud83d\",\"\\u0000x\"]",
            ),
            ("[1e400,-1e400,1e-400,1E+999]", "[1e+308,-1e+308,0.0,1e+308]"),
            (r#"{"1e400":"1e400"}"#, r#"{"1e400":"1e400"}"#),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(read(&format!("[{}]", "9".repeat(400))).as_deref(), Ok("[1e+308]"));
        for text in [
            "01e400",
            "1.e400",
            "+1e400",
            "1e400e",
            "--1e400",
            "1e",
            "\"\\ud83d",
            "{\"a\":\"\\ud8\"}",
            "\"\\ud+3d\"",
            "nul",
            "",
        ] {
            assert_eq!(read(text), Err(Malformed), "{text}");
        }
        let deep = format!("{}\"\\ud83d\"{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
        assert_eq!(read(&deep), Err(Malformed));
    }

    #[test]
    fn the_last_of_several_members_counts_and_nothing_follows() {
        assert_eq!(parse(br#"{"a":1,"b":2,"a":3}"#).unwrap().to_string(), r#"{"a":3,"b":2}"#);
        for text in ["", " ", "{} {}", "[1,]", "nul", "\"\\ud800\"", "1e999", "{\"a\":}", "\u{feff}{}"] {
            assert_eq!(parse(text.as_bytes()), Err(Malformed), "{text}");
        }
        assert_eq!(parse_object(b"[]"), Err(Malformed));
        assert!(parse_object(b" {} ").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_serde_json_reads_it(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+tnlrus -]{0,40}") {
            let general = serde_json::from_str::<Value>(&text).ok();
            prop_assert_eq!(parse(text.as_bytes()).ok(), general.clone());
            if general.is_some() {
                prop_assert_eq!(parse_any(text.as_bytes()).ok(), general);
            }
        }
    }
}
