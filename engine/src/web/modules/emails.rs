//! Addresses of a site (outsend 12.4): found, never guessed, and ranked in one order.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::{Value, json};

use crate::web::json_ld;
use crate::{
    lists,
    values::{self, Kind},
    web::{
        Page,
        enricher::{Enricher, Found, RowView},
        visit::{Plan, Visit},
    },
};

pub(super) const ENRICHER: Enricher = Enricher {
    plan: Plan {
        more: 4,
        words: &[
            "contact",
            "nous_contacter",
            "kontakt",
            "about",
            "a_propos",
            "qui_sommes_nous",
            "equipe",
            "team",
            "mentions_legales",
            "legal",
            "impressum",
        ],
        twice: false,
        ..Plan::HOME
    },
    find,
};

/// In deep mode more pages are read, and those that the site's own list names (outsend 12.4).
pub(super) const DEEP: Enricher = Enricher { plan: Plan { more: 15, sitemap: 20, ..ENRICHER.plan }, find };

/// Most addresses of a row.
const MAX: usize = 10;

/// How an address was written, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    Mailto,
    JsonLd,
    Text,
    /// Made hard to read for machines.
    Hidden,
}

/// An address of a site.
#[derive(Debug)]
struct Address {
    text: String,
    kind: Kind,
    /// 0 of the site's own domain, 1 of a provider's, 2 of another one.
    class: u8,
    written: Written,
    page: usize,
    occurrences: usize,
}

fn find(_: &RowView<'_>, visit: &Visit) -> Found {
    let ranked = ranked(visit);
    let best = ranked.first();
    let email = best.map(|best| best.text.clone());
    let personal = email.clone().filter(|_| best.is_some_and(|best| best.kind == Kind::Personal));
    let source = best.and_then(|best| visit.pages.get(best.page)).map(|page| page.url.as_str());
    let all: Vec<&str> = ranked.iter().take(MAX).map(|address| address.text.as_str()).collect();
    Found { cells: vec![json!(email), json!(personal), Value::from(all), json!(source)], counts: Vec::new() }
}

/// All addresses of a site, best first.
fn ranked(visit: &Visit) -> Vec<Address> {
    let label = visit.site.as_ref().and_then(|site| values::site_label(site.as_str()));
    let mut known: HashMap<String, Address> = HashMap::new();
    for (page, content) in visit.pages.iter().enumerate() {
        for (text, written) in addresses(content) {
            if lists::is_never(&text) {
                continue;
            }
            let class = class(visit, &text);
            let kind = values::kind(&text, label.as_deref());
            let fresh = || Address { text: text.clone(), kind, class, written, page, occurrences: 0 };
            let address = known.entry(text.clone()).or_insert_with(fresh);
            address.occurrences += 1;
            address.written = address.written.min(written);
        }
    }
    let mut all: Vec<Address> = known.into_values().collect();
    if all.iter().any(|address| address.class < 2) {
        all.retain(|address| address.class < 2);
    }
    all.sort_by(|one, other| order(one).cmp(&order(other)));
    all
}

/// The order of 12.4: kind, class, how it was written, page, occurrences, length, text.
fn order(address: &Address) -> impl Ord {
    let Address { text, kind, class, written, page, occurrences } = address;
    (Reverse(*kind), *class, *written, *page, Reverse(*occurrences), text.len(), text.clone())
}

fn class(visit: &Visit, address: &str) -> u8 {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    match domain {
        domain if visit.owns(domain) => 0,
        domain if lists::is_free_mail(domain) => 1,
        _ => 2,
    }
}

/// The mail addresses of a page, each as often as it is written there, without those that are nobody's (outsend 12.4).
#[must_use]
pub fn mail_addresses(page: &Page) -> Vec<String> {
    addresses(page).into_iter().map(|(text, _)| text).filter(|text| !lists::is_never(text)).collect()
}

/// The addresses of a page, each as often as it is written there.
fn addresses(page: &Page) -> Vec<(String, Written)> {
    let mut found = Vec::new();
    for link in &page.parts.links {
        let href = link.href.trim();
        if let Some(rest) = href.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:")).and(href.get(7..)) {
            let decoded = percent_decode_str(rest).decode_utf8_lossy();
            let (list, _) = decoded.split_once('?').unwrap_or((&decoded, ""));
            // a name may stand in front of an address
            let addresses = list.split([',', ';']).flat_map(|part| match values::email(part) {
                Some(address) => vec![address],
                None => scanned(part),
            });
            found.extend(addresses.map(|address| (address, Written::Mailto)));
        }
        if let Some((_, code)) = href.split_once("/cdn-cgi/l/email-protection#") {
            found.extend(cloudflare(code).map(|address| (address, Written::Hidden)));
        }
    }
    for text in json_ld::texts(page, "email") {
        found.extend(values::email(&text).map(|address| (address, Written::JsonLd)));
    }
    let plain = scanned(&page.parts.text);
    let shown = revealed(&page.parts.text);
    if let Some(shown) = shown {
        let known: HashSet<&String> = plain.iter().collect();
        let hidden = scanned(&shown).into_iter().filter(|address| !known.contains(address));
        found.extend(hidden.map(|address| (address, Written::Hidden)));
    }
    found.extend(plain.into_iter().map(|address| (address, Written::Text)));
    found.extend(page.parts.hidden.iter().filter_map(|code| cloudflare(code)).map(|found| (found, Written::Hidden)));
    found
}

/// The addresses in a text.
fn scanned(text: &str) -> Vec<String> {
    let local = |letter: char| letter.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_{}~-".contains(letter);
    let domain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-');
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        // more letters than an address may have are none
        let left = before.chars().rev().take(65).take_while(|letter| local(*letter)).map(char::len_utf8).sum::<usize>();
        let right = after.chars().take(255).take_while(|letter| domain(*letter)).map(char::len_utf8).sum::<usize>();
        let name = before.get(at - left..).unwrap_or_default();
        // quotes and signs around an address are not its own
        let name = name.trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let host = after.get(..right).unwrap_or_default().trim_end_matches(['.', '-']);
        found.extend(values::email(&format!("{name}@{host}")));
    }
    found
}

static AT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\s*(?:\[\s*(?:at|ät|arobase|@|a)\s*\]|\(\s*(?:at|ät|arobase|@|a)\s*\)|\{\s*(?:at|@)\s*\}|\sarobase\s|[＠﹫])\s*").ok()
});
static DOT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\s*(?:\[\s*(?:dot|point|\.)\s*\]|\(\s*(?:dot|point|\.)\s*\)|\{\s*(?:dot|point)\s*\})\s*").ok()
});

/// The text with its ` [at] `, `(at)`, ` arobase ` and `[dot]` as what they stand for; `None` when it has none.
fn revealed(text: &str) -> Option<String> {
    let (at, dot) = (AT.as_ref()?, DOT.as_ref()?);
    if !at.is_match(text) && !dot.is_match(text) {
        return None;
    }
    Some(dot.replace_all(&at.replace_all(text, "@"), ".").into_owned())
}

/// What Cloudflare made of an address: a key, then the letters, each combined with it.
fn cloudflare(code: &str) -> Option<String> {
    let bytes: Vec<u8> = (0..code.trim().len() / 2)
        .map(|index| u8::from_str_radix(code.trim().get(index * 2..index * 2 + 2)?, 16).ok())
        .collect::<Option<_>>()?;
    let (key, letters) = bytes.split_first()?;
    let text = String::from_utf8(letters.iter().map(|letter| letter ^ key).collect()).ok()?;
    values::email(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::testing::{site, visited};

    fn found(page: &str) -> Vec<String> {
        ranked(&site("https://www.dupont.fr/", &[page])).into_iter().map(|address| address.text).collect()
    }

    #[test]
    fn addresses_in_all_their_clothes() {
        for (page, expected) in [
            ("<a href='mailto:Jean.Martin@Dupont.FR?subject=x'>Jean</a>", &["jean.martin@dupont.fr"][..]),
            ("<a href='MAILTO:info%40dupont.fr'>x</a>", &["info@dupont.fr"]),
            ("<a href='mailto:Garage Dupont <info@dupont.fr>'>x</a>", &["info@dupont.fr"]),
            ("<a href='mailto:a@dupont.fr,b@dupont.fr'>x</a>", &["a@dupont.fr", "b@dupont.fr"]),
            ("<p>Mail&nbsp;: info@dupont.fr.</p>", &["info@dupont.fr"]),
            ("<p>(info@dupont.fr)</p><p>'info@dupont.fr'</p>", &["info@dupont.fr"]),
            ("<p>&#105;nfo&#64;dupont&#46;fr</p>", &["info@dupont.fr"]),
            ("<p>info [at] dupont [dot] fr</p>", &["info@dupont.fr"]),
            ("<p>info(at)dupont.fr</p>", &["info@dupont.fr"]),
            ("<p>info (ät) dupont.fr</p>", &["info@dupont.fr"]),
            (
                "<script type=application/ld+json>//<![CDATA[\n{\"email\":\"info@dupont.fr\",\"a\":\"b\n\tc\"}\n//]]></script>",
                &["info@dupont.fr"],
            ),
            ("<p>1a2b3c@o12.ingest.sentry.io git@github.com:a/b.git</p>", &[]),
            ("<p>info arobase dupont.fr</p>", &["info@dupont.fr"]),
            ("<p>info<b>@</b>dupont.fr</p>", &["info@dupont.fr"]),
            ("<a data-cfemail='543d3a323b143021243b3a207a3226'>x</a>", &["info@dupont.fr"]),
            ("<a href='/cdn-cgi/l/email-protection#543d3a323b143021243b3a207a3226'>x</a>", &["info@dupont.fr"]),
            (
                "<script type=application/ld+json>{\"@graph\":[{\"email\":\"mailto:info@dupont.fr\"}]}</script>",
                &["info@dupont.fr"],
            ),
            ("<p>info@bücher.de</p>", &["info@xn--bcher-kva.de"]),
            ("<p>logo@2x.png noreply@dupont.fr a@example.com @dupont x@ 5@7</p>", &[]),
            ("<script>var a = 'info@dupont.fr'</script><style>a@b.fr{}</style>", &[]),
            ("<p>Rendez-vous (at) Paris, 3 [dot] 5</p>", &[]),
            ("", &[]),
        ] {
            assert_eq!(found(page), expected, "{page}");
        }
    }

    #[test]
    fn the_best_comes_first_whatever_the_order_on_the_page() {
        let words = [
            "contact@dupont.fr",
            "jean.martin@dupont.fr",
            "atelier12x@dupont.fr",
            "garage.dupont75@gmail.com",
            "marie.petit@gmail.com",
            "contact@agence-web.fr",
        ];
        let expected = [
            "jean.martin@dupont.fr",
            "marie.petit@gmail.com",
            "atelier12x@dupont.fr",
            "garage.dupont75@gmail.com",
            "contact@dupont.fr",
        ];
        for turn in 0..words.len() {
            let mut words = words;
            words.rotate_left(turn);
            assert_eq!(found(&format!("<p>{}</p>", words.join(" "))), expected);
        }
        // alone, those of others count
        assert_eq!(found("<p>contact@agence-web.fr"), ["contact@agence-web.fr"]);
    }

    #[test]
    fn cells_of_a_row() {
        let visit = site("https://dupont.fr/", &["<p>contact@dupont.fr</p>", "<p>jean.martin@dupont.fr</p>"]);
        let cells = visited(ENRICHER, &visit);
        assert_eq!(
            cells,
            json!([
                "jean.martin@dupont.fr",
                "jean.martin@dupont.fr",
                ["jean.martin@dupont.fr", "contact@dupont.fr"],
                "https://dupont.fr/page1"
            ])
        );
        assert_eq!(visited(ENRICHER, &Visit::default()), json!([null, null, [], null]));
    }
}
