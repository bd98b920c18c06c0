//! JSON as Python's parser reads it: numbers of any length, lone surrogates, the last of several
//! members with one name. General-purpose parsers refuse the first two, which the contract accepts (outset 10.2).

use shared::outset::text::Text;

/// Deepest nesting (outset 10.2).
const MAX_DEPTH: usize = 128;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A string.
    Text(Text),
    /// An array: no member of an update is one, so what is in it is read and not kept.
    Array,
    /// An object; look members up with [`Json::member`]. It has those that were asked for, and of objects within objects
    /// none is kept.
    Object(Vec<(Text, Json)>),
}

impl Json {
    /// The last member with this name.
    #[must_use]
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let name = Text::from(name);
        members.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The type's name in Python, for error texts (outset 4.4).
    #[must_use]
    pub(crate) fn python_type(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Number(text) if text.contains(['.', 'e', 'E']) => "float",
            Self::Number(_) => "int",
            Self::Text(_) => "str",
            Self::Array => "list",
            Self::Object(_) => "dict",
        }
    }
}

/// Parses one JSON document; of an object's members it keeps those with one of `names`, since all of them would take
/// many times as much memory as their text.
///
/// # Errors
/// What is wrong, and at which character.
pub(crate) fn parse(text: &str, names: &[&str]) -> Result<Json, String> {
    let names = names.iter().map(|name| Text::from(*name)).collect();
    let mut parser = Parser { text, at: 0, names };
    parser.blanks();
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.error("Extra data")) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    /// The byte that is next.
    at: usize,
    /// Members that are kept.
    names: Vec<Text>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error(&self, what: &str) -> String {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("{what}: line {line} column {column} (char {})", before.chars().count())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        match self.peek() {
            Some('{' | '[') if depth >= MAX_DEPTH => Err(self.error("Too deeply nested")),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.text().map(Json::Text),
            Some('-' | '0'..='9') => self.number(),
            _ if self.eat("null") => Ok(Json::Null),
            _ if self.eat("true") => Ok(Json::Bool(true)),
            _ if self.eat("false") => Ok(Json::Bool(false)),
            _ => Err(self.error("Expecting value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut members = Vec::new();
        self.blanks();
        if self.eat("}") {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some('"') {
                return Err(self.error("Expecting property name enclosed in double quotes"));
            }
            let name = self.text()?;
            self.blanks();
            if !self.eat(":") {
                return Err(self.error("Expecting ':' delimiter"));
            }
            self.blanks();
            let value = self.value(depth + 1)?;
            if depth == 0 && self.names.contains(&name) {
                // the last one counts
                members.retain(|(known, _)| *known != name);
                members.push((name, value));
            }
            self.blanks();
            if self.eat("}") {
                return Ok(Json::Object(members));
            }
            if !self.eat(",") {
                return Err(self.error("Expecting ',' delimiter"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        self.blanks();
        if self.eat("]") {
            return Ok(Json::Array);
        }
        loop {
            self.blanks();
            self.value(depth + 1)?;
            self.blanks();
            if self.eat("]") {
                return Ok(Json::Array);
            }
            if !self.eat(",") {
                return Err(self.error("Expecting ',' delimiter"));
            }
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<Json, String> {
        let from = self.at;
        self.eat("-");
        let leading = self.peek();
        let digits = self.digits();
        if digits == 0 {
            self.at = from;
            return Err(self.error("Expecting value"));
        }
        if leading == Some('0') && digits > 1 {
            self.at -= digits - 1;
            return Err(self.error("Extra data"));
        }
        let whole = self.at;
        if self.eat(".") && self.digits() == 0 {
            self.at = whole;
            return Err(self.error("Extra data"));
        }
        let mantissa = self.at;
        if self.eat("e") || self.eat("E") {
            let _sign = self.eat("+") || self.eat("-");
            if self.digits() == 0 {
                self.at = mantissa;
                return Err(self.error("Extra data"));
            }
        }
        Ok(Json::Number(self.text.get(from..self.at).unwrap_or_default().to_owned()))
    }

    fn text(&mut self) -> Result<Text, String> {
        self.at += 1;
        let mut codes = Vec::new();
        loop {
            let Some(c) = self.peek() else { return Err(self.error("Unterminated string")) };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(Text(codes));
                }
                '\\' => {
                    self.at += 1;
                    codes.push(self.escape()?);
                    join_surrogates(&mut codes);
                }
                '\0'..='\u{1f}' => return Err(self.error("Invalid control character at")),
                _ => {
                    self.at += c.len_utf8();
                    codes.push(u32::from(c));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<u32, String> {
        let Some(c) = self.peek() else { return Err(self.error("Unterminated string")) };
        let code = match c {
            '"' | '\\' | '/' => u32::from(c),
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'u' => {
                let hex = self.text.get(self.at + 1..self.at + 5).unwrap_or_default();
                let valid = hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit());
                let code = u32::from_str_radix(hex, 16).ok().filter(|_| valid);
                let code = code.ok_or_else(|| self.error("Invalid \\uXXXX escape"))?;
                self.at += 5;
                return Ok(code | ESCAPED);
            }
            _ => return Err(self.error("Invalid \\escape")),
        };
        self.at += 1;
        Ok(code)
    }
}

/// Marks a code unit that stands for itself in an escape, so that only escaped pairs are joined.
const ESCAPED: u32 = 1 << 31;

/// Joins an escaped pair of surrogates at the end and takes the mark off what can no longer be part of one.
fn join_surrogates(codes: &mut Vec<u32>) {
    let Some(low) = codes.pop() else { return };
    let unit = low & !ESCAPED;
    if low & ESCAPED != 0
        && (0xDC00..0xE000).contains(&unit)
        && let Some(high) = codes.last_mut().filter(|high| (0xD800..0xDC00).contains(*high))
    {
        *high = 0x10000 + ((*high - 0xD800) << 10) + (unit - 0xDC00);
        return;
    }
    codes.push(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Json, String> {
        super::parse(text, &["a"])
    }

    #[test]
    fn what_python_reads_and_what_it_refuses() {
        for good in ["1e400", "123456789012345678901234567890", "\"\\ud800\"", "{\"a\":1,\"a\":2}", " [ ] ", "-0.0"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "{",
            "[1,]",
            "{'a':1}",
            "{}x",
            "NaN",
            "Infinity",
            "\"\u{1}\"",
            "01",
            "1.",
            "{\"a\"}",
            "\u{feff}{}",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("\"\\ud83d\\ude00\"").unwrap(), Json::Text(Text::from("😀")));
        assert_eq!(parse("{\"a\":1,\"a\":2}").unwrap().member("a"), Some(&Json::Number("2".to_owned())));
        assert!(parse(&"[".repeat(100_000)).is_err());
        let nested = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(128)).is_ok());
        assert!(parse(&nested(129)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+ -]{0,40}") {
            let general = serde_json::from_str::<serde_json::Value>(&text);
            proptest::prop_assert!(general.is_err() || parse(&text).is_ok(), "{}", text);
        }

        #[test]
        fn strings_are_read_as_they_were_written(text in ".*") {
            let written = serde_json::Value::from(text.as_str()).to_string();
            proptest::prop_assert_eq!(parse(&written), Ok(Json::Text(Text::from(text.as_str()))));
        }
    }
}
