//! A page, taken apart once: what modules look for in it (outsend 11.5, 12).
//!
//! The tokenizer is the specification's; there is no tree, so that a page costs one pass over its bytes and memory in
//! proportion to what is kept, however deep its elements lie in one another.

use url::Url;

use super::{ask::Answer, charset, parse, parts::Parts};

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Where it was at last.
    pub url: Url,
    /// Its answer's headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its source.
    pub html: String,
    /// What was found in it.
    pub parts: Parts,
}

impl Page {
    /// Takes a page apart.
    #[must_use]
    pub fn new(url: Url, headers: Vec<(String, String)>, html: String) -> Self {
        let parts = parse::parts(&html);
        Self { url, headers, html, parts }
    }

    /// The page of an answer from an address, in whatever charset.
    #[must_use]
    pub fn read(url: Url, answer: Answer) -> Self {
        let top = url.host_str().and_then(|host| host.rsplit('.').next()).unwrap_or_default();
        let html = charset::decode(&answer.body, answer.header("content-type").unwrap_or_default(), top);
        Self::new(url, answer.headers, html)
    }

    /// An address in it, as a URL.
    #[must_use]
    pub fn resolve(&self, href: &str) -> Option<Url> {
        let base = self.parts.base.as_ref().and_then(|base| self.url.join(base.trim()).ok());
        let mut url = base.as_ref().unwrap_or(&self.url).join(href.trim()).ok()?;
        url.set_fragment(None);
        Some(url)
    }

    /// The first header of a lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
