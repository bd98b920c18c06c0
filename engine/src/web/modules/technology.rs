//! What a site is made with and what it measures (outsend 12.8), and how it advertises (outsend 12.9).

use serde_json::{Value, json};

use super::signatures::ids;
use crate::web::{
    enricher::{Enricher, Found, RowView},
    visit::{Plan, Visit},
};

/// `techstack`.
pub(super) const STACK: Enricher = Enricher { plan: Plan::HOME, find: stack };
/// `ads_intelligence`.
pub(super) const ADS: Enricher = Enricher { plan: Plan::HOME, find: ads };

fn of(visit: &Visit, columns: &[&str]) -> Vec<&'static str> {
    visit.home().map(|page| ids(page, columns)).unwrap_or_default()
}

fn stack(_: &RowView<'_>, visit: &Visit) -> Found {
    let joined = |column: &str| Some(of(visit, &[column]).join(",")).filter(|ids| !ids.is_empty());
    let cms = of(visit, &["tech_cms"]).first().copied();
    Found { cells: vec![json!(cms), json!(joined("tech_analytics")), json!(joined("tech_ads_pixels"))], counts: vec![] }
}

fn ads(_: &RowView<'_>, visit: &Visit) -> Found {
    let sorted = |mut ids: Vec<&'static str>| {
        ids.sort_unstable();
        ids
    };
    let pixels = sorted(of(visit, &["tech_ads_pixels"]));
    // what 12.9 calls tools is in part what 12.8 calls analytics
    let analytics = of(visit, &["tech_analytics"]);
    let measured = analytics.iter().copied().filter(|id| matches!(*id, "gtm" | "hotjar" | "clarity"));
    let tools = sorted(of(visit, &["tools"]).into_iter().chain(measured).collect());
    let (crm, cmp) = (of(visit, &["crm"]).first().copied(), of(visit, &["cmp"]).first().copied());
    let chats = of(visit, &["chat"]);
    let has = |id: &str| pixels.contains(&id);
    let retargeting = ["meta", "google_ads", "criteo", "linkedin"].iter().any(|id| has(id));
    let others = pixels.iter().filter(|id| !matches!(**id, "meta" | "google_ads")).count();
    let points = [
        (has("meta"), 25),
        (has("google_ads"), 25),
        (others >= 1, 10),
        (others >= 2, 10),
        (tools.contains(&"gtm"), 10),
        (crm.is_some(), 10),
        (!chats.is_empty(), 5),
        (cmp.is_some(), 5),
    ];
    let score: u32 = points.iter().filter(|(holds, _)| *holds).map(|(_, points)| points).sum();
    let cells: Vec<Value> = vec![
        json!(score),
        json!(pixels),
        json!(crm),
        json!(chats.first()),
        json!(tools),
        json!(!pixels.is_empty()),
        json!(pixels),
        json!(has("meta")),
        json!(has("google_ads")),
        json!(cmp),
        json!(retargeting),
        json!(crm),
        json!(chats),
    ];
    Found { cells, counts: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::testing::{site, visited};

    #[test]
    fn a_stack_is_told_by_priority() {
        let page = "<meta name=generator content='WordPress 6'><script>gtag('config', 'G-AB12'); var x='UA-12345-1';</script>\
            <script src='https://www.googletagmanager.com/gtm.js?id=GTM-1'></script>\
            <script src='https://connect.facebook.net/fr_FR/fbevents.js'></script><script>gtag('config','AW-1234567')</script>";
        let cells = visited(STACK, &site("https://dupont.fr/", &[page]));
        assert_eq!(cells, json!(["wordpress", "ga4,gtm,universal_analytics", "google_ads,meta"]));
        assert_eq!(visited(STACK, &site("https://dupont.fr/", &["<p>UA only</p>"])), json!([null, null, null]));
        assert_eq!(visited(STACK, &Visit::default()), json!([null, null, null]));
    }

    #[test]
    fn a_profile_is_scored_by_what_is_there() {
        let nothing = json!([0, [], null, null, [], false, [], false, false, null, false, null, []]);
        assert_eq!(visited(ADS, &Visit::default()), nothing);
        let page = "<script src='//connect.facebook.net/en_US/fbevents.js'></script>\
            <script src='https://snap.licdn.com/li.lms-analytics/insight.min.js'></script>\
            <script src='https://analytics.tiktok.com/i18n/pixel/events.js'></script><script src='//bat.bing.com/bat.js'></script>\
            <script src='https://www.googletagmanager.com/gtm.js'></script><script src='//js.hs-scripts.com/1.js'></script>\
            <script src='//client.crisp.chat/l.js'></script><script src='//embed.tawk.to/1'></script><script>axeptioSettings={}</script>";
        let cells = visited(ADS, &site("https://dupont.fr/", &[page]));
        let pixels = json!(["bing", "linkedin", "meta", "tiktok"]);
        let expected = json!([
            25 + 20 + 10 + 10 + 5 + 5,
            pixels,
            "hubspot",
            "crisp",
            ["gtm"],
            true,
            pixels,
            true,
            false,
            "axeptio",
            true,
            "hubspot",
            ["crisp", "tawk"]
        ]);
        assert_eq!(cells, expected);
    }
}
