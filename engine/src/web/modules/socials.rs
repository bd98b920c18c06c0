//! Profiles of a site in social networks (outsend 12.6).

use url::Url;

use crate::web::json_ld;
use crate::web::{
    Page,
    enricher::{Enricher, Found, RowView},
    visit::{Plan, Visit},
};

pub(super) const ENRICHER: Enricher = Enricher {
    plan: Plan {
        more: 2,
        words: &["contact", "about", "a_propos", "qui_sommes_nous", "kontakt", "ueber_uns"],
        twice: false,
        ..Plan::HOME
    },
    find,
};

/// A network: the profile that a host and the parts of its path name there.
type Network = fn(&str, &[&str], &Url) -> Option<String>;

/// The networks, in the order of the columns.
const NETWORKS: [Network; 6] = [facebook, instagram, linkedin, twitter, tiktok, youtube];

fn find(_: &RowView<'_>, visit: &Visit) -> Found {
    let mut profiles = [const { String::new() }; NETWORKS.len()];
    for page in &visit.pages {
        for candidate in candidates(page) {
            let Some(url) = page.resolve(&candidate) else { continue };
            for (profile, network) in profiles.iter_mut().zip(NETWORKS) {
                if profile.is_empty() {
                    *profile = of(&url, network).unwrap_or_default();
                }
            }
        }
    }
    Found { cells: profiles.into_iter().map(Into::into).collect(), counts: Vec::new() }
}

fn candidates(page: &Page) -> Vec<String> {
    let anchors = page.parts.links.iter().filter(|link| !link.frame).map(|link| link.href.clone());
    anchors.chain(json_ld::texts(page, "sameAs")).collect()
}

fn of(url: &Url, network: Network) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let host = url.host_str()?.trim_end_matches('.');
    let parts: Vec<&str> = url.path_segments()?.filter(|part| !part.is_empty()).collect();
    network(host, &parts, url)
}

/// Whether a host is where a network shows profiles, in whatever language: not where it helps or sells.
fn is(host: &str, domain: &str) -> bool {
    let Some(before) = host.strip_suffix(domain) else { return false };
    let Some(part) = before.strip_suffix('.') else { return before.is_empty() };
    let language = |part: &str| part.len() == 2 && part.bytes().all(|letter| letter.is_ascii_lowercase());
    matches!(part, "www" | "m" | "mobile" | "web" | "touch")
        || language(part)
        || part.split_once('-').is_some_and(|(one, other)| language(one) && language(other))
}

/// Whether a name is one that people choose: letters, digits and what networks allow between them.
fn name<'a>(part: &'a str, taken: &[&str]) -> Option<&'a str> {
    let lower = part.to_ascii_lowercase();
    let fits = part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '%'));
    (fits && !part.is_empty() && part.len() <= 200 && !taken.contains(&lower.as_str()) && !lower.ends_with(".php"))
        .then_some(part)
}

fn facebook(host: &str, parts: &[&str], url: &Url) -> Option<String> {
    if !is(host, "facebook.com") && !is(host, "fb.com") {
        return None;
    }
    match parts {
        ["profile.php"] => {
            let (_, id) = url.query_pairs().find(|(key, _)| key == "id")?;
            (!id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit()))
                .then(|| format!("https://www.facebook.com/profile.php?id={id}"))
        }
        ["pages", page, id] if id.bytes().all(|digit| digit.is_ascii_digit()) => {
            Some(format!("https://www.facebook.com/pages/{page}/{id}"))
        }
        [page] | [page, "about" | "photos" | "reviews" | "videos" | "posts"] => {
            let page = name(page, &FACEBOOK)?;
            Some(format!("https://www.facebook.com/{page}"))
        }
        _ => None,
    }
}

/// First parts of addresses at Facebook that are no pages of anybody.
const FACEBOOK: [&str; 24] = [
    "sharer",
    "share",
    "dialog",
    "plugins",
    "login",
    "hashtag",
    "tr",
    "groups",
    "events",
    "watch",
    "photo",
    "photos",
    "videos",
    "story",
    "permalink",
    "pages",
    "help",
    "policies",
    "privacy",
    "legal",
    "l",
    "marketplace",
    "reel",
    "home",
];

fn instagram(host: &str, parts: &[&str], _: &Url) -> Option<String> {
    if !is(host, "instagram.com") {
        return None;
    }
    let ([user] | [user, "reels" | "tagged"]) = parts else { return None };
    let user = name(user, &["p", "reel", "reels", "tv", "explore", "stories", "accounts", "about", "legal", "share"])?;
    Some(format!("https://www.instagram.com/{user}/"))
}

fn linkedin(host: &str, parts: &[&str], _: &Url) -> Option<String> {
    if !is(host, "linkedin.com") {
        return None;
    }
    let [kind @ ("company" | "in" | "school"), slug, ..] = parts else { return None };
    let slug = name(slug, &[])?;
    Some(format!("https://www.linkedin.com/{kind}/{slug}/"))
}

fn twitter(host: &str, parts: &[&str], _: &Url) -> Option<String> {
    if !is(host, "twitter.com") && !is(host, "x.com") {
        return None;
    }
    let [user] = parts else { return None };
    let taken = ["share", "intent", "home", "search", "hashtag", "login", "i", "explore", "tos", "privacy", "signup"];
    let user = name(user, &taken)?;
    (user.len() <= 15 && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        .then(|| format!("https://x.com/{user}"))
}

fn tiktok(host: &str, parts: &[&str], _: &Url) -> Option<String> {
    if !is(host, "tiktok.com") {
        return None;
    }
    let [user] = parts else { return None };
    let user = name(user.strip_prefix('@').or_else(|| user.strip_prefix("%40"))?, &[])?;
    Some(format!("https://www.tiktok.com/@{user}"))
}

fn youtube(host: &str, parts: &[&str], _: &Url) -> Option<String> {
    if !is(host, "youtube.com") {
        return None;
    }
    // behind a channel's name come its tabs
    match parts {
        [kind @ ("channel" | "c" | "user"), id, ..] => {
            Some(format!("https://www.youtube.com/{kind}/{}", name(id, &[])?))
        }
        [handle, ..] => {
            let handle = name(handle.strip_prefix('@').or_else(|| handle.strip_prefix("%40"))?, &[])?;
            Some(format!("https://www.youtube.com/@{handle}"))
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::web::testing::{site, visited};

    #[test]
    fn profiles_and_what_only_looks_like_one() {
        for (index, href, expected) in [
            (0, "https://www.facebook.com/garage.dupont?ref=x#y", "https://www.facebook.com/garage.dupont"),
            (0, "//fr-fr.facebook.com/Garage-Dupont-123/", "https://www.facebook.com/Garage-Dupont-123"),
            (0, "https://m.facebook.com/profile.php?id=1000123&x=1", "https://www.facebook.com/profile.php?id=1000123"),
            (0, "https://www.facebook.com/sharer/sharer.php?u=x", ""),
            (0, "https://www.facebook.com/sharer.php?u=x", ""),
            (0, "https://www.facebook.com/profile.php", ""),
            (0, "https://www.facebook.com/hashtag/pain", ""),
            (0, "https://www.facebook.com/dupont/posts/123", ""),
            (0, "https://www.facebook.com/", ""),
            (0, "https://notfacebook.com/dupont", ""),
            (1, "http://instagram.com/dupont_75?igsh=1", "https://www.instagram.com/dupont_75/"),
            (1, "https://www.instagram.com/dupont_75/reels/", "https://www.instagram.com/dupont_75/"),
            (1, "https://www.instagram.com/p/Cabc/", ""),
            (1, "https://help.instagram.com/519522125107875", ""),
            (2, "https://fr.linkedin.com/company/dupont-sa/?x", "https://www.linkedin.com/company/dupont-sa/"),
            (2, "https://www.linkedin.com/in/jean-dupont-1a2b", "https://www.linkedin.com/in/jean-dupont-1a2b/"),
            (2, "https://www.linkedin.com/shareArticle?url=x", ""),
            (3, "https://twitter.com/dupont", "https://x.com/dupont"),
            (3, "https://x.com/dupont/", "https://x.com/dupont"),
            (3, "https://twitter.com/intent/tweet?text=x", ""),
            (3, "https://twitter.com/dupont/status/1", ""),
            (3, "https://netflix.com/dupont", ""),
            (4, "https://www.tiktok.com/@dupont.fr?lang=fr", "https://www.tiktok.com/@dupont.fr"),
            (4, "https://www.tiktok.com/@dupont/video/1", ""),
            (5, "https://www.youtube.com/@dupont/videos", "https://www.youtube.com/@dupont"),
            (5, "https://youtube.com/channel/UCabc-1", "https://www.youtube.com/channel/UCabc-1"),
            (5, "https://www.youtube.com/watch?v=1", ""),
            (5, "https://youtu.be/1", ""),
        ] {
            let page = format!("<a href=\"{href}\">x</a>");
            assert_eq!(visited(ENRICHER, &site("https://dupont.fr/", &[&page]))[index], expected, "{href}");
        }
    }

    #[test]
    fn the_first_of_each_network_counts_in_document_order() {
        let pages = [
            "<a href=https://www.facebook.com/sharer>x</a><a href=https://facebook.com/one>1</a>\
             <a href=https://facebook.com/two>2</a>",
            "<script type=application/ld+json>{\"sameAs\":[\"https://instagram.com/one\",\"https://facebook.com/three\"]}</script>",
        ];
        let cells = visited(ENRICHER, &site("https://dupont.fr/", &pages));
        assert_eq!(cells, json!(["https://www.facebook.com/one", "https://www.instagram.com/one/", "", "", "", ""]));
        assert_eq!(visited(ENRICHER, &Visit::default()), json!(["", "", "", "", "", ""]));
    }
}
