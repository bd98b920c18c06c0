//! `page` and `page_size`, and the queries of other pages (outset 8.2 to 8.4).

use shared::{http::query::Query, outset::integer};

/// Studies of a page, unless the query says otherwise.
const DEFAULT_SIZE: u32 = 10;
/// Most studies of a page.
const MAX_SIZE: u32 = 100;

/// Which page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// This one; a number too large to hold is the largest.
    Number(u64),
    /// The last one.
    Last,
    /// No page has such a name.
    Invalid,
}

/// Reads `page`.
#[must_use]
pub(crate) fn read_page(text: Option<&str>) -> Page {
    match text {
        None | Some("") => Page::Number(1),
        Some("last") => Page::Last,
        Some(text) => match integer::read(text) {
            Some(number) if number > 0 => Page::Number(number),
            _ => Page::Invalid,
        },
    }
}

/// Reads `page_size`.
#[must_use]
pub(crate) fn read_page_size(text: Option<&str>) -> u32 {
    match text.and_then(integer::read) {
        None | Some(0) => DEFAULT_SIZE,
        Some(size) => u32::try_from(size).unwrap_or(MAX_SIZE).min(MAX_SIZE),
    }
}

/// Which page of how many: the last page of an empty list is page 1.
pub(crate) fn locate(page: Page, size: u64, total: u64) -> Option<u64> {
    let last = total.div_ceil(size).max(1);
    match page {
        Page::Number(number) => (1..=last).contains(&number).then_some(number),
        Page::Last => Some(last),
        Page::Invalid => None,
    }
}

/// The query of another page, sorted by name, with its question mark; the first page has no `page` at all.
pub(crate) fn query_of_page(query: &Query, page: u64) -> String {
    let mut pairs: Vec<_> = query.pairs().iter().filter(|(name, _)| name != "page").cloned().collect();
    if page > 1 {
        pairs.push(("page".to_owned(), page.to_string()));
    }
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let encoded = Query::from_pairs(pairs).encode();
    if encoded.is_empty() { encoded } else { format!("?{encoded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_tables() {
        for one in [None, Some(""), Some("1"), Some("001"), Some(" +1\t"), Some("\u{3000}1\u{a0}")] {
            assert_eq!(read_page(one), Page::Number(1));
        }
        assert_eq!(read_page(Some("1_0")), Page::Number(10));
        assert_eq!(read_page(Some("last")), Page::Last);
        for bad in ["0", "-1", "1.0", "abc", "first", "Last", "1__0", "_1", "١", "+ 1", "-0", "\u{1c}1"] {
            assert_eq!(read_page(Some(bad)), Page::Invalid, "{bad}");
        }
        assert_eq!(read_page(Some(&"9".repeat(5_000))), Page::Number(u64::MAX));
        for (text, size) in [("5", 5), ("100", 100), ("101", 100), ("0", 10), ("-3", 10), ("", 10), ("x", 10)] {
            assert_eq!(read_page_size(Some(text)), size, "{text}");
        }
        assert_eq!(read_page_size(Some(&"9".repeat(60))), 100);
    }

    #[test]
    fn links_of_the_contract_table() {
        let next = |raw: &str, page| query_of_page(&Query::parse(raw), page);
        assert_eq!(next("", 2), "?page=2");
        assert_eq!(next("page=2&page_size=10", 3), "?page=3&page_size=10");
        assert_eq!(next("page=2&page_size=5&z=1&a=b%20c&a=d", 3), "?a=b+c&a=d&page=3&page_size=5&z=1");
        assert_eq!(next("page=2&B=1&a=1&Z=2", 3), "?B=1&Z=2&a=1&page=3");
        assert_eq!(next("foo", 2), "?foo=&page=2");
        assert_eq!(next("page=2", 1), "");
    }

    proptest::proptest! {
        #[test]
        fn a_page_replaces_all_others(raw in "(page=[0-9]{0,2}|[a-z]=%[0-9A-F]{2}|&){0,6}", page in 2_u64..) {
            let next = query_of_page(&Query::parse(&raw), page);
            let next = Query::parse(next.trim_start_matches('?'));
            let pages: Vec<_> = next.pairs().iter().filter(|(name, _)| name == "page").collect();
            proptest::prop_assert_eq!(pages.len(), 1);
            proptest::prop_assert_eq!(next.last("page").map(str::to_owned), Some(page.to_string()));
        }
    }
}
