//! Query strings as form data, and the links of a page (outset 8.4).

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

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

    /// Form-encoded in received order, without a question mark.
    #[must_use]
    pub fn encode(&self) -> String {
        encode(self.0.iter())
    }

    /// The query of another page, sorted by name, with its question mark.
    #[must_use]
    pub fn with_page(&self, page: u64) -> String {
        let mut pairs = self.others();
        pairs.push(("page".to_owned(), page.to_string()));
        sorted(pairs)
    }

    /// The query of the first page: no `page` at all.
    #[must_use]
    pub fn without_page(&self) -> String {
        sorted(self.others())
    }

    fn others(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| name != "page").cloned().collect()
    }
}

fn sorted(mut pairs: Vec<(String, String)>) -> String {
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let encoded = encode(pairs.iter());
    if encoded.is_empty() { encoded } else { format!("?{encoded}") }
}

fn encode<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        quote(&mut text, name);
        text.push('=');
        quote(&mut text, value);
    }
    text
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
    fn the_contract_table() {
        let next = |raw: &str, page| Query::parse(raw).with_page(page);
        assert_eq!(next("", 2), "?page=2");
        assert_eq!(next("page=2&page_size=10", 3), "?page=3&page_size=10");
        assert_eq!(next("page=2&page_size=5&z=1&a=b%20c&a=d", 3), "?a=b+c&a=d&page=3&page_size=5&z=1");
        assert_eq!(next("page=2&B=1&a=1&Z=2", 3), "?B=1&Z=2&a=1&page=3");
        assert_eq!(next("foo", 2), "?foo=&page=2");
        assert_eq!(Query::parse("page=2").without_page(), "");
        assert_eq!(Query::parse("a=%ff&&b=x;y").encode(), "a=%EF%BF%BD&b=x%3By");
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_read_back(pairs in proptest::collection::vec((".*", ".*"), 0..5)) {
            let query = Query::from_pairs(pairs);
            proptest::prop_assert_eq!(&Query::parse(&query.encode()), &query);
        }

        #[test]
        fn a_page_replaces_all_others(raw in "(page=[0-9]{0,2}|[a-z]=%[0-9A-F]{2}|&){0,6}", page in 1_u64..) {
            let next = Query::parse(Query::parse(&raw).with_page(page).trim_start_matches('?'));
            let pages: Vec<_> = next.pairs().iter().filter(|(name, _)| name == "page").collect();
            proptest::prop_assert_eq!(pages.len(), 1);
            proptest::prop_assert_eq!(next.last("page").map(str::to_owned), Some(page.to_string()));
        }
    }
}
