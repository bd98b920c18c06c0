//! The list of its pages that a site has at `sitemap.xml` (sitemaps.org).

use std::sync::LazyLock;

use regex::Regex;

/// Most addresses of a list (sitemaps.org).
const MAX: usize = 50_000;

#[expect(clippy::unwrap_used, reason = "a constant, and a test reads it")]
static LOCATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?is)<loc>\s*(?:<!\[CDATA\[)?\s*([^<>\]\s]+)\s*(?:\]\]>)?\s*</loc>").unwrap());

/// The addresses that a list names, in its order. A list of lists names no pages.
pub(super) fn locations(list: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(list);
    let found = LOCATION.captures_iter(&text).filter_map(|found| found.get(1)).take(MAX);
    let pages = found.map(|address| unescaped(address.as_str()));
    pages.filter(|address| !address.to_ascii_lowercase().ends_with(".xml")).collect()
}

/// What XML writes in place of signs that it needs itself.
fn unescaped(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    signs.iter().fold(text.to_owned(), |text, (written, sign)| text.replace(written, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_their_order() {
        let list = "<?xml version='1.0'?><urlset><url><loc> https://a.fr/contact?a=1&amp;b=2 </loc></url>\
            <url><LOC><![CDATA[https://a.fr/equipe]]></LOC></url><url><loc></loc></url>\
            <sitemap><loc>https://a.fr/more.xml</loc></sitemap><loc>half";
        assert_eq!(locations(list.as_bytes()), ["https://a.fr/contact?a=1&b=2", "https://a.fr/equipe"]);
        assert!(locations(b"\xff\xfe<html>").is_empty());
        let many = "<loc>https://a.fr/1</loc>".repeat(50_010);
        assert_eq!(locations(many.as_bytes()).len(), MAX);
    }
}
