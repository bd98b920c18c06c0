//! Which images a page names as its logo, and as its icon, best first (outsend 12.10).

use url::Url;

use crate::{
    values::fold,
    web::{json_ld, page::Page, parts::Image},
};

/// Where a logo was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `logo` of an organization in JSON-LD.
    JsonLd,
    /// An image of the header.
    Header,
    /// `og:image`.
    Shared,
    /// The icon of a telephone's home screen.
    Touch,
    /// The icon of a browser's tab.
    Favicon,
}

impl Source {
    /// The wire name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::JsonLd => "JSON-LD",
            Self::Header => "img-logo",
            Self::Shared => "og:image",
            Self::Touch => "apple-touch",
            Self::Favicon => "favicon",
        }
    }
}

/// What may be the site's logo.
pub(super) fn logos(page: &Page) -> Vec<(Source, Url)> {
    let shared = page.parts.metas.iter().filter(|(name, _)| name == "og:image").map(|(_, content)| content.clone());
    let named = [
        (Source::JsonLd, json_ld::images(page, "logo")),
        (Source::Header, header(page)),
        (Source::Shared, shared.collect()),
        (Source::Touch, linked(page, |rel| rel.contains("apple-touch"))),
        (Source::Favicon, linked(page, |rel| !rel.contains("apple-touch"))),
    ];
    let mut logos: Vec<(Source, Url)> = Vec::new();
    for (source, hrefs) in named {
        for url in hrefs.iter().filter_map(|href| address(page, href)) {
            if logos.iter().all(|(_, known)| *known != url) {
                logos.push((source, url));
            }
        }
    }
    logos
}

/// The icons that browsers show in a tab: those that the page names, else the one where they look for it.
pub(super) fn icons(page: &Page) -> Vec<Url> {
    let named = linked(page, |rel| !rel.contains("apple-touch"));
    let named: Vec<Url> = named.iter().filter_map(|href| address(page, href)).collect();
    if named.is_empty() { page.url.join("/favicon.ico").into_iter().collect() } else { named }
}

fn linked(page: &Page, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    page.parts.icons.iter().filter(|(rel, _)| wanted(rel)).map(|(_, href)| href.clone()).collect()
}

/// Images that are called a logo, in the header or in a link to the home page: further down are those of others.
fn header(page: &Page) -> Vec<String> {
    let home = |image: &Image| {
        let link = image.link.as_deref().and_then(|href| page.resolve(href));
        link.is_some_and(|link| {
            link.host_str() == page.url.host_str() && matches!(link.path(), "" | "/") && link.query().is_none()
        })
    };
    let logo = |image: &&Image| fold(&image.label).contains("logo") && (image.header || home(image));
    page.parts.images.iter().filter(logo).map(|image| image.src.clone()).collect()
}

/// An address on the web; an image that the page holds itself has none.
fn address(page: &Page, href: &str) -> Option<Url> {
    page.resolve(href).filter(|url| matches!(url.scheme(), "http" | "https"))
}
