//! A visit of a site: its home page, then those of its pages that a module looks for (outsend 11.5).

use std::{collections::HashSet, sync::Arc, time::Duration};

use psl::Psl as _;
use url::Url;

use super::{
    ask::{Missed, Wanted},
    images::{self, Brand},
    page::Page,
    parts::Link,
    sitemap,
    visitor::Visitor,
    world::World,
};
use crate::{Fault, ahead::Stop, values};

/// The pause before a home page is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Endings of addresses that are no pages.
const NO_PAGES: [&str; 14] =
    [".pdf", ".jpg", ".jpeg", ".png", ".gif", ".svg", ".webp", ".ico", ".css", ".js", ".zip", ".doc", ".docx", ".mp4"];

/// Which pages of a site a module reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Pages beside the home page.
    pub(super) more: usize,
    /// Folded words, of which one is in the address or the text of a link to such a page.
    pub(super) words: &'static [&'static str],
    /// Whether a home page that cannot be read is tried a second time.
    pub(super) twice: bool,
    /// Pages that are read beside those that links lead to, of those that `sitemap.xml` names.
    pub(super) sitemap: usize,
    /// Whether the site's images are kept.
    pub(super) images: bool,
}

impl Plan {
    /// The home page alone.
    pub(super) const HOME: Self = Self { more: 0, words: &[], twice: false, sitemap: 0, images: false };
}

/// What was read of a site.
#[derive(Debug, Default)]
pub struct Visit {
    /// The row's site, normalised; `None` when the row names none.
    pub site: Option<Url>,
    /// Why there is no home page.
    pub missed: Option<Missed>,
    /// The pages, the home page first.
    pub pages: Vec<Arc<Page>>,
    /// The images that were kept of the site, where they were asked for.
    pub(super) brand: Brand,
    /// Whether the registry is about to give the site's domain up.
    pub lapses: bool,
    /// Requests that were made.
    pub requests: u64,
}

impl Visit {
    /// `fetch_status` (outsend 11.5).
    #[must_use]
    pub fn status(&self) -> String {
        match (&self.site, self.missed) {
            (None, _) => "no_site".to_owned(),
            (_, Some(missed)) => missed.as_str().into_owned(),
            _ => "ok".to_owned(),
        }
    }

    /// The home page.
    #[must_use]
    pub fn home(&self) -> Option<&Page> {
        self.pages.first().map(AsRef::as_ref)
    }

    /// Whether a lower-case host is of the site, as the row names it or as it was found.
    #[must_use]
    pub fn owns(&self, host: &str) -> bool {
        let found = self.home().map(|page| &page.url);
        self.site.iter().chain(found).filter_map(Url::host_str).any(|own| registrable(own) == registrable(host))
    }
}

/// A host's registrable domain by the public suffix list; the host itself when it has none (outsend 11.4).
#[must_use]
pub fn registrable(host: &str) -> &str {
    let host = host.trim_end_matches('.');
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    let domain = psl::List.domain(host.as_bytes());
    domain.and_then(|domain| std::str::from_utf8(domain.as_bytes()).ok()).unwrap_or(host)
}

/// Visits a site; `None` when it was not begun because the run is closing.
pub(super) async fn visit(world: &World, id: u64, site: &str, plan: Plan) -> Result<Option<Visit>, Fault> {
    let Some(site) = values::url(site).and_then(|site| Url::parse(&site).ok()) else {
        return Ok(Some(Visit::default()));
    };
    let mut visitor = Visitor::new(world, id);
    let read = match read(&mut visitor, &site, plan).await {
        Ok(pages) if plan.images => images::of(&mut visitor, &pages).await.map(|brand| (pages, brand)),
        read => read.map(|pages| (pages, Brand::default())),
    };
    let left = visitor.leave().await;
    let mut visit = Visit { site: Some(site), requests: visitor.requests, ..Visit::default() };
    match read {
        Ok((pages, brand)) => (visit.pages, visit.brand) = (pages, brand),
        Err(Stop::Missed(missed)) => visit.missed = Some(missed),
        Err(Stop::PutBack) => return left.map(|()| None),
        Err(Stop::Fault(fault)) => return Err(fault),
    }
    left.map(|()| Some(visit))
}

async fn read(visitor: &mut Visitor<'_>, site: &Url, plan: Plan) -> Result<Vec<Arc<Page>>, Stop> {
    let home = match visitor.page(site).await {
        Err(Stop::Missed(missed)) if plan.twice && may_pass(missed) && visitor.has(AGAIN + AGAIN) => {
            visitor.rest(AGAIN).await;
            visitor.page(site).await?
        }
        home => home?,
    };
    let mut seen = HashSet::from([site.as_str().to_owned(), home.url.as_str().to_owned()]);
    let own = home.url.clone();
    let (mut pages, mut at, mut left) = (vec![home], 0, plan.more);
    while let Some(page) = pages.get(at).cloned().filter(|_| left > 0) {
        for link in &page.parts.links {
            let Some(url) = wanted(&page, link, &own, plan.words) else { continue };
            if left > 0 && seen.insert(url.as_str().to_owned()) {
                left -= 1;
                go_on(visitor, &url, &mut seen, &mut pages).await?;
            }
        }
        at += 1;
    }
    if plan.sitemap > 0 {
        listed(visitor, plan, &mut seen, &mut pages).await?;
    }
    Ok(pages)
}

/// Reads a page more; one that is not there is none.
async fn go_on(
    visitor: &mut Visitor<'_>,
    url: &Url,
    seen: &mut HashSet<String>,
    pages: &mut Vec<Arc<Page>>,
) -> Result<(), Stop> {
    match visitor.page(url).await {
        // two links may lead to one page
        Ok(found) if found.url == *url || seen.insert(found.url.as_str().to_owned()) => pages.push(found),
        Ok(_) | Err(Stop::Missed(_)) => {}
        Err(stop) => return Err(stop),
    }
    Ok(())
}

/// Reads the pages that a module looks for among those that the site lists itself.
async fn listed(
    visitor: &mut Visitor<'_>,
    plan: Plan,
    seen: &mut HashSet<String>,
    pages: &mut Vec<Arc<Page>>,
) -> Result<(), Stop> {
    let Some(home) = pages.first().cloned() else { return Ok(()) };
    let Ok(place) = home.url.join("/sitemap.xml") else { return Ok(()) };
    let list = match visitor.file(&place, Wanted::Sitemap).await {
        Ok(list) => list,
        Err(Stop::Missed(_)) => return Ok(()),
        Err(stop) => return Err(stop),
    };
    let mut left = plan.sitemap;
    for href in sitemap::locations(&list) {
        let link = Link { href, ..Link::default() };
        let Some(url) = wanted(&home, &link, &home.url, plan.words) else { continue };
        if left > 0 && seen.insert(url.as_str().to_owned()) {
            left -= 1;
            go_on(visitor, &url, seen, pages).await?;
        }
    }
    Ok(())
}

/// Whether a second try may find what the first did not.
const fn may_pass(missed: Missed) -> bool {
    match missed {
        Missed::Dns | Missed::Timeout | Missed::Unreachable => true,
        Missed::Status(status) => status >= 500,
        _ => false,
    }
}

/// The page of the same site that a link leads to, when the module looks for it.
fn wanted(page: &Page, link: &Link, own: &Url, words: &[&str]) -> Option<Url> {
    let url = page.resolve(&link.href)?;
    let same = registrable(url.host_str()?) == registrable(own.host_str()?);
    let path = url.path().to_ascii_lowercase();
    if !same || !matches!(url.scheme(), "http" | "https") || NO_PAGES.iter().any(|ending| path.ends_with(ending)) {
        return None;
    }
    let has = |text: &str| {
        let folded = values::fold(text);
        words.iter().any(|word| folded.contains(word))
    };
    // a frame is shown with the page that names it
    (link.frame || has(&link.href) || has(&link.text)).then_some(url)
}

#[cfg(test)]
mod tests;
