//! Reads JSON that is known to be valid where it stands: no value is made of it, nothing is copied, and nothing that
//! it can hold is refused. Whatever it meets in text that is not valid, it ends.

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// The beginning of a text.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is no white space, without passing it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    /// Passes this byte, if it is the next one.
    fn pass(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    /// Passes a string, whose first quote is next.
    fn string(&mut self) {
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                self.at = bytes.len();
                return;
            };
            let escape = rest.get(end) == Some(&b'\\');
            // an escaped quote is passed together with what escapes it
            self.at = (self.at + end + if escape { 2 } else { 1 }).min(bytes.len());
            if !escape {
                return;
            }
        }
    }

    /// Passes an array or an object.
    fn nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes a value, which is given as it stands.
    pub(super) fn value(&mut self) -> &'a str {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => self.string(),
            Some(b'[' | b'{') => self.nested(),
            _ => {
                let rest = self.text.as_bytes().get(start..).unwrap_or_default();
                let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Goes into an array or an object, which begins with `open`; whether there is one.
    pub(super) fn enter(&mut self, open: u8) -> bool {
        self.pass(open)
    }

    /// Whether another element follows in the array or object that this is in; its end, which `close` marks, is passed.
    pub(super) fn more(&mut self, close: u8) -> bool {
        match self.peek() {
            None => false,
            Some(byte) if byte == close => {
                self.at += 1;
                false
            }
            Some(byte) => {
                self.at += usize::from(byte == b',');
                true
            }
        }
    }

    /// Passes a member's name, which is given as it stands, up to its value.
    pub(super) fn name(&mut self) -> &'a str {
        let name = self.value();
        self.pass(b':');
        name
    }
}

/// What stands between the quotes of a string, if nothing in it is escaped.
pub(super) fn plain(string: &str) -> Option<&str> {
    match string.as_bytes() {
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => string.get(1..=inside.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            "[\\PC\"\\\\\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec(("[a-c\"\\\\]{0,2}", inner), 0..4)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    /// Reads a value with the scanner alone.
    fn read(scan: &mut Scan<'_>) -> Value {
        match scan.peek() {
            Some(b'{') => {
                let mut members = Map::new();
                scan.enter(b'{');
                while scan.more(b'}') {
                    let name = serde_json::from_str(scan.name()).unwrap();
                    members.insert(name, read(scan));
                }
                members.into()
            }
            Some(b'[') => {
                let mut elements = Vec::new();
                scan.enter(b'[');
                while scan.more(b']') {
                    elements.push(read(scan));
                }
                elements.into()
            }
            _ => serde_json::from_str(scan.value()).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn what_is_scanned_is_what_was_written(value in value(), pretty in any::<bool>(), around in "[ \t\r\n]{0,3}") {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = format!("{around}{}{around}", text.unwrap());
            let mut scan = Scan::new(&text);
            prop_assert_eq!(scan.value(), text.trim());
            prop_assert_eq!(scan.peek(), None);
            let mut scan = Scan::new(&text);
            prop_assert_eq!(read(&mut scan), value);
            prop_assert_eq!(scan.peek(), None);
        }

        #[test]
        fn any_text_ends(text in "[\\[\\]{}\",:\\\\a1 é]{0,40}") {
            for open in [b'{', b'['] {
                let mut scan = Scan::new(&text);
                scan.enter(open);
                // each step passes something, or it is the last one
                for _ in 0..=text.len() {
                    if !scan.more(open + 2) {
                        break;
                    }
                    scan.name();
                    scan.value();
                }
                scan.peek();
                prop_assert!(scan.at <= text.len());
            }
        }
    }
}
