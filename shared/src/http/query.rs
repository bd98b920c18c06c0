//! Query strings as form data.

use std::{collections::HashSet, fmt::Write as _};

use percent_encoding::percent_decode_str;

/// Most fields of a form.
pub const MAX_FIELDS: usize = 64;

/// Whether a query as it was sent has a percent sign without two hexadecimal digits behind it.
#[must_use]
pub fn is_malformed(raw: &str) -> bool {
    let escaped = |part: &str| part.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    !raw.split('%').skip(1).all(escaped)
}

/// A query's parameters in received order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses form data: `+` is a blank, bytes that are not UTF-8 become U+FFFD, empty pairs vanish.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// Parses the body of a form: text in UTF-8, of at most [`MAX_FIELDS`] fields, each given once; `None` when it is none.
    #[must_use]
    pub fn parse_form(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        if text.split('&').filter(|pair| !pair.is_empty()).count() > MAX_FIELDS {
            return None;
        }
        let form = Self::parse(text);
        let names: HashSet<_> = form.0.iter().map(|(name, _)| name).collect();
        (names.len() == form.0.len()).then_some(form)
    }

    /// A query of decoded parameters.
    #[must_use]
    pub const fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The parameters in received order.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The last occurrence of a name.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The values of a name that may be repeated, or listed with commas; `None` when one of them cannot be read.
    pub fn listed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let given = self.0.iter().filter(|(known, _)| known == name);
        given.flat_map(|(_, value)| value.split(',')).map(|value| parse(value.trim())).collect()
    }

    /// Form-encoded in received order, without a question mark.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            if !text.is_empty() {
                text.push('&');
            }
            quote(&mut text, name);
            text.push('=');
            quote(&mut text, value);
        }
        text
    }
}

fn quote(text: &mut String, part: &str) {
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => text.push(char::from(byte)),
            b' ' => text.push('+'),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_replaced() {
        assert_eq!(Query::parse("a=%ff&&b=x;y").encode(), "a=%EF%BF%BD&b=x%3By");
    }

    #[test]
    fn a_percent_sign_needs_its_digits() {
        for raw in ["", "a=b", "a=%20%C3%bc", "%41=%ff"] {
            assert!(!is_malformed(raw), "{raw}");
        }
        for raw in ["%", "a=%", "a=%4", "a=%zz", "a=%4g&b", "%%20", "a=%20%", "a=%\u{fc}\u{fc}"] {
            assert!(is_malformed(raw), "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_read_back(pairs in proptest::collection::vec((".*", ".*"), 0..5)) {
            let query = Query::from_pairs(pairs);
            proptest::prop_assert_eq!(&Query::parse(&query.encode()), &query);
        }
    }
}
