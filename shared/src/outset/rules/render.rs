//! JSON as Django REST framework's renderer writes it (outset 9).

use serde::Serialize;
use serde_json::{
    Value,
    ser::{PrettyFormatter, Serializer},
};

/// Compact, without blanks.
#[must_use]
pub fn compact(value: &Value) -> String {
    escape(value.to_string())
}

/// Pretty-printed with `indent` blanks; 0 is compact.
#[must_use]
pub fn indented(value: &Value, indent: u8) -> String {
    if indent == 0 {
        return compact(value);
    }
    let blanks = " ".repeat(usize::from(indent));
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(blanks.as_bytes()));
    match value.serialize(&mut serializer) {
        Ok(()) => escape(String::from_utf8_lossy(&bytes).into_owned()),
        Err(_) => compact(value),
    }
}

/// JavaScript's line separators are always escaped.
fn escape(text: String) -> String {
    if text.contains(['\u{2028}', '\u{2029}']) {
        text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn compact_and_indented() {
        let value = json!({"z": "ü\u{2028}\u{7f}\u{1}\"/", "a": [], "b": {}, "c": [1, null]});
        assert_eq!(compact(&value), "{\"z\":\"ü\\u2028\u{7f}\\u0001\\\"/\",\"a\":[],\"b\":{},\"c\":[1,null]}");
        let value = json!({"a": [], "b": {}, "c": [1, "\u{2029}"]});
        assert_eq!(indented(&value, 2), "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    \"\\u2029\"\n  ]\n}");
        assert_eq!(indented(&value, 0), compact(&value));
    }
}
