//! Whether a site is still there (outsend 12.7).

use serde_json::json;
use url::Url;

use crate::{
    lists,
    web::{
        Missed, Page,
        enricher::{Enricher, Found, RowView},
        visit::{Plan, Visit, registrable},
    },
};

pub(super) const ENRICHER: Enricher = Enricher { plan: Plan { twice: true, ..Plan::HOME }, find };

/// Letters of a text that is worth a visit.
const MIN_TEXT: usize = 64;
/// Bytes of a page below which it says nothing but that it will come.
const SMALL: usize = 2 * 1024;
/// Letters of a text that says little beside.
const ALONE: usize = 160;
/// Letters of a text in which an offer of the domain is what it says, and not what it tells about.
const OFFER: usize = 600;

fn find(_: &RowView<'_>, visit: &Visit) -> Found {
    let (alive, reason) = judge(visit);
    Found { cells: vec![json!(alive), json!(reason)], counts: vec![("by_status", alive)] }
}

/// The first rule of 12.7 that holds.
fn judge(visit: &Visit) -> (&'static str, &'static str) {
    let named = visit.site.as_ref().and_then(Url::host_str).unwrap_or_default();
    if lists::is_aggregator(named) {
        return ("uncertain", "aggregator");
    }
    match (visit.missed, visit.home()) {
        (Some(Missed::NoName), _) => ("closed", "dns"),
        _ if visit.lapses => ("closed", "domain_expired"),
        (_, Some(page)) if is_parked(page) => ("closed", "parked"),
        (Some(Missed::Status(404 | 410)), _) => ("closed", "http"),
        (_, Some(page)) if page.url.host_str().is_some_and(|host| registrable(host) != registrable(named)) => {
            ("uncertain", "redirected")
        }
        (Some(Missed::Tls), _) => ("uncertain", "tls"),
        (_, Some(page)) if is_empty(page) => ("uncertain", "empty"),
        (None, Some(_)) => ("open", "ok"),
        _ => ("uncertain", "unreachable"),
    }
}

/// Whether a page is one of who sells the domain, or says that the site is being made and nothing else.
fn is_parked(page: &Page) -> bool {
    let host = page.url.host_str().unwrap_or_default();
    let text = page.parts.text.to_lowercase();
    let title = page.parts.title.to_lowercase();
    lists::is_parking_host(host)
        || (seen(&text) < OFFER && lists::is_parking_text(&text))
        || lists::is_parking_text(&title)
        || page
            .parts
            .scripts
            .iter()
            .chain(page.parts.links.iter().filter(|link| link.frame).map(|link| &link.href))
            .any(|address| {
                page.resolve(address).and_then(|url| url.host_str().map(lists::is_parking_host)).unwrap_or(false)
            })
        || (page.html.len() < SMALL && seen(&text) < ALONE && text.contains("site en construction"))
}

/// Letters that a reader sees.
fn seen(text: &str) -> usize {
    text.chars().filter(|letter| !letter.is_whitespace()).count()
}

fn is_empty(page: &Page) -> bool {
    page.parts.title.trim_start().starts_with("Index of /") || seen(&page.parts.text) < MIN_TEXT
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::web::testing::site;

    const TEXT: &str =
        "Votre garage à Lyon depuis 1950, réparation et entretien de toutes les marques, devis en ligne.";

    #[test]
    fn pages_say_whether_somebody_is_there() {
        for (url, html, expected) in [
            ("https://dupont.fr/", TEXT, ("open", "ok")),
            ("https://www.facebook.com/dupont", TEXT, ("uncertain", "aggregator")),
            ("https://dupont.fr/", "<p>Ce domaine est à vendre !</p>", ("closed", "parked")),
            ("https://dupont.fr/", "<title>This Domain is for Sale</title>", ("closed", "parked")),
            ("https://dupont.fr/", "<script src=//www.sedoparking.com/x.js></script>", ("closed", "parked")),
            ("https://dupont.fr/", "<iframe src='https://parkingcrew.net/a'></iframe>", ("closed", "parked")),
            ("https://dupont.fr/", "<h1>Site en construction</h1>", ("closed", "parked")),
            ("https://dupont.fr/", "<title>Index of /</title><a href=a>a</a>", ("uncertain", "empty")),
            ("https://dupont.fr/", "<p>Bonjour</p>", ("uncertain", "empty")),
            ("https://dupont.fr/", "<div id=root></div>", ("uncertain", "empty")),
        ] {
            assert_eq!(judge(&site(url, &[html])), expected, "{html}");
        }
        let house =
            format!("<p>{TEXT} {TEXT} Nous menons votre chantier, avec son site en construction, à bonne fin.</p>");
        assert_eq!(judge(&site("https://dupont.fr/", &[&house])), ("open", "ok"));
        let blog = format!("<h1>News</h1><p>How to know that a domain is for sale.</p><p>{}</p>", TEXT.repeat(12));
        assert_eq!(judge(&site("https://dupont.fr/", &[&blog])), ("open", "ok"));
        let long = format!("<p>{}</p><p>site en construction</p>", TEXT.repeat(40));
        assert_eq!(judge(&site("https://dupont.fr/", &[&long])), ("open", "ok"));
    }

    #[test]
    fn what_was_missed_says_it_too() {
        for (missed, expected) in [
            (Missed::NoName, ("closed", "dns")),
            (Missed::Dns, ("uncertain", "unreachable")),
            (Missed::Status(404), ("closed", "http")),
            (Missed::Status(410), ("closed", "http")),
            (Missed::Status(403), ("uncertain", "unreachable")),
            (Missed::Status(503), ("uncertain", "unreachable")),
            (Missed::Tls, ("uncertain", "tls")),
            (Missed::Timeout, ("uncertain", "unreachable")),
            (Missed::Robots, ("uncertain", "unreachable")),
            (Missed::Unreachable, ("uncertain", "unreachable")),
        ] {
            let visit = Visit { missed: Some(missed), pages: Vec::new(), ..site("https://dupont.fr/", &[]) };
            assert_eq!(judge(&visit), expected, "{missed:?}");
        }
        for (missed, expected) in
            [(None, "domain_expired"), (Some(Missed::Tls), "domain_expired"), (Some(Missed::NoName), "dns")]
        {
            let lapsing = Visit { missed, lapses: true, ..site("https://dupont.fr/", &[TEXT]) };
            assert_eq!(judge(&lapsing), ("closed", expected));
        }
        let lapsing = Visit { lapses: true, ..site("https://www.facebook.com/dupont", &[TEXT]) };
        assert_eq!(judge(&lapsing), ("uncertain", "aggregator"));
        let mut moved = site("https://dupont.fr/", &[TEXT]);
        Arc::get_mut(&mut moved.pages[0]).unwrap().url = Url::parse("https://martin.fr/").unwrap();
        assert_eq!(judge(&moved), ("uncertain", "redirected"));
        Arc::get_mut(&mut moved.pages[0]).unwrap().url = Url::parse("https://www.dupont.fr/accueil").unwrap();
        assert_eq!(judge(&moved), ("open", "ok"));
        Arc::get_mut(&mut moved.pages[0]).unwrap().url = Url::parse("https://www.hugedomains.com/x").unwrap();
        assert_eq!(judge(&moved), ("closed", "parked"));
    }
}
