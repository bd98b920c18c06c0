//! JSON as Django REST framework's renderer writes it (outset 9).

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// How an answer is written: what `Accept` asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendering {
    /// Blanks of indentation; `None` is compact.
    pub indent: Option<u8>,
}

/// Compact JSON: what every answer is unless `Accept` asks for an indentation.
pub const COMPACT: Rendering = Rendering { indent: None };

impl Rendering {
    /// Writes a view.
    #[must_use]
    pub fn write(self, view: &impl Serialize) -> String {
        match self.indent {
            None | Some(0) => escape(compact(view)),
            Some(indent) => escape(indented(view, indent)),
        }
    }
}

/// Compact JSON before the renderer's escapes: what entity tags are computed over (outset 13.3).
#[must_use]
pub fn compact(view: &impl Serialize) -> String {
    serde_json::to_string(view).unwrap_or_default()
}

fn indented(view: &impl Serialize, indent: u8) -> String {
    let blanks = " ".repeat(usize::from(indent));
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(blanks.as_bytes()));
    match view.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => compact(view),
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
        let written = "{\"z\":\"ü\\u2028\u{7f}\\u0001\\\"/\",\"a\":[],\"b\":{},\"c\":[1,null]}";
        assert_eq!(COMPACT.write(&value), written);
        let value = json!({"a": [], "b": {}, "c": [1, "\u{2029}"]});
        let written = "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    \"\\u2029\"\n  ]\n}";
        assert_eq!(Rendering { indent: Some(2) }.write(&value), written);
        assert_eq!(Rendering { indent: Some(0) }.write(&value), COMPACT.write(&value));
    }
}
