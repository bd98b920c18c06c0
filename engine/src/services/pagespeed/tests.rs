use serde_json::json;

use super::{
    super::{
        Services,
        testing::{Desk, json as answer, run, status, whole},
    },
    *,
};
use crate::{Module, columns::rows::testing::Memory};

fn services() -> Services {
    let (pagespeed, pagespeed_key) = ("https://pages.test/v5/run".to_owned(), Some("hush".into()));
    Services { pagespeed, pagespeed_key, ..Services::default() }
}

fn path(site: &str, strategy: &str) -> String {
    let site: String = url::form_urlencoded::byte_serialize(site.as_bytes()).collect();
    let categories = CATEGORIES.map(|category| format!("&category={category}")).concat();
    format!("/v5/run?url={site}&strategy={strategy}{categories}&key=hush")
}

/// An audit as the service answers it.
fn audit(performance: f64) -> Value {
    let opportunity = |title: &str, saved: f64| json!({"title": title, "details": {"type": "opportunity", "overallSavingsMs": saved}});
    json!({
        "id": "https://dupont.fr/",
        "loadingExperience": {"metrics": {"INTERACTION_TO_NEXT_PAINT": {"percentile": 184, "category": "FAST"}}},
        "lighthouseResult": {
            "categories": {"performance": {"score": performance}, "accessibility": {"score": 0.876}, "seo": {"score": 1},
                "best-practices": {"score": null}},
            "audits": {
                "largest-contentful-paint": {"title": "LCP", "numericValue": 2345.6},
                "cumulative-layout-shift": {"title": "CLS", "numericValue": 0.012_345},
                "first-contentful-paint": {"title": "FCP", "numericValue": 900.2},
                "total-blocking-time": {"title": "TBT", "numericValue": 0},
                "a": opportunity("Compress", 150.0), "b": opportunity("Defer", 1_200.0), "c": opportunity("Nothing", 0.0),
                "d": {"title": "Shift less", "metricSavings": {"CLS": 2}},
                "e": {"title": "Paint sooner", "metricSavings": {"LCP": 300, "FCP": 50}},
                "f": opportunity("B", 10.0), "g": opportunity("A", 10.0), "h": opportunity("Last", 5.0),
            },
        },
    })
}

#[tokio::test(start_paused = true)]
async fn sites_are_audited_and_rows_without_one_are_kept() {
    let desk = Arc::new(Desk::default());
    desk.put(&path("https://dupont.fr/", "mobile"), vec![status(429, Some("2")), answer(&audit(0.424))]);
    desk.put(&path("https://dupont.fr/", "desktop"), vec![answer(&audit(0.99))]);
    let broken = json!({"lighthouseResult": {"runtimeError": {"code": "NO_FCP"}, "categories": {"performance": {"score": null}}}});
    desk.put(&path("https://blank.fr/", "mobile"), vec![answer(&broken)]);
    desk.put(&path("https://blank.fr/", "desktop"), vec![answer(&audit(0.5))]);
    let rows = [json!("dupont.fr"), json!(null), json!("https://blank.fr"), json!("nowhere.fr")];
    let input = Memory::table(&["site_web"], rows.into_iter().map(|site| vec![site]).collect(), 7);
    let step = whole(&mut *run(Module::Pagespeed, &input, &desk, services())).await;
    let suggested = ["Defer", "Paint sooner", "Compress", "A", "B"];
    let first = json!([42, 99, 2346, 0.012, 88, 100, suggested, null, 900, 0, 184, "ok"]);
    let none = |status: &str| json!([null, null, null, null, null, null, [], null, null, null, null, status]);
    let told: Vec<Value> = step.rows.iter().map(|row| json!(row[1..])).collect();
    assert_eq!(told, [first, none("no_site"), none("error"), none("error")]);
    assert_eq!((step.items, step.failed, step.attempts), (4, 2, 7));
    let log: Vec<_> = step.log.iter().map(|line| line.message.as_str()).collect();
    let expected = [
        "Item 3: blank.fr was not audited: the page could not be audited.",
        "Item 4: nowhere.fr was not audited: http_404.",
    ];
    assert_eq!(log, expected, "and no line holds the key");
    let times = desk.times();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= PACE.gap));
}

#[tokio::test(start_paused = true)]
async fn rows_are_begun_only_while_their_audits_end_in_the_slice() {
    let desk = Arc::new(Desk::default());
    let rows = (0..40).map(|number| vec![json!(format!("site{number}.fr"))]).collect();
    for number in 0..40 {
        for strategy in ["mobile", "desktop"] {
            desk.put(&path(&format!("https://site{number}.fr/"), strategy), vec![answer(&audit(0.5))]);
        }
    }
    let input = Memory::table(&["site_web"], rows, 7);
    let mut run = run(Module::Pagespeed, &input, &desk, services());
    let began = tokio::time::Instant::now();
    let mut done = 0;
    while began.elapsed() < Duration::from_secs(10) {
        done += run.step().await.unwrap().unwrap().items;
    }
    assert!((8..=16).contains(&done), "{done} rows of two requests, four a second, eight at a time, for four seconds");
    assert!(!run.wind_down());
}

#[tokio::test]
async fn without_a_key_there_is_no_run() {
    let input = Memory::table(&["site_web"], Vec::new(), 7);
    let pagespeed =
        Pagespeed::new(input.columns.clone(), &super::super::testing::means(&Arc::default(), Services::default()));
    assert_eq!(pagespeed.err(), Some(Fault::Failed("Module pagespeed is not available.".to_owned())));
}
