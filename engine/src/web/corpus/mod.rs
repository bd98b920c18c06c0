//! The corpus: small sites that are made from a description, visited as real ones are, and how much of what is on them
//! each module finds (outsend 11.5, 12). `engine/corpus/README.md` says how to read and to change it.

mod build;
mod description;
mod fill;
mod judge;

use std::{collections::BTreeSet, fmt::Write as _, sync::Arc};

use serde_json::Value;

use self::{
    build::Site,
    judge::{Cells, MODULES, Score},
};
use super::{
    enricher::RowView,
    modules,
    testing::{Alone, Shelf, Web},
    visit::visit,
    world::World,
};
use crate::Module;

/// What each module must reach.
const LEAST: (f64, f64) = (0.97, 0.95);

/// Visits a site for a module, with the code and the pace of a real visit; what was found, and `fetch_status`.
async fn visited(module: Module, site: &Site, world: &World) -> (Cells, String) {
    let enricher = modules::of(module, false).unwrap();
    let visit = visit(world, 1, &site.row[0], enricher.plan).await.unwrap().unwrap();
    let columns = ["site_web", "telephone", "adresse"].map(str::to_owned);
    let row = site.row.clone().map(Value::from);
    let found = (enricher.find)(&RowView { columns: &columns, row: &row }, &visit);
    (judge::found(module, &found.cells), visit.status())
}

/// The table of all modules, and what they got wrong.
async fn judged(sites: &[Site]) -> (Vec<(&'static str, Score)>, Vec<String>) {
    let mut scores: Vec<(&str, Score)> = MODULES.iter().map(|module| (module.as_str(), Score::default())).collect();
    let (mut visits, mut failures) = (Score::default(), Vec::new());
    for (number, site) in sites.iter().enumerate() {
        let web = Arc::new(Web::default());
        for (url, answer) in &site.answers {
            web.put(url, answer.clone());
        }
        let world = World::new(web, Arc::new(Alone::default()), Arc::new(Shelf::default()));
        let mut tell = |module: &str, wrong: Vec<String>| {
            let place = format!("#{number} {} {}", site.row[0], site.name);
            failures.extend(wrong.into_iter().map(|wrong| format!("{module} | {wrong} | {place}")));
        };
        for (module, (name, score)) in MODULES.into_iter().zip(&mut scores) {
            let (found, status) = visited(module, site, &world).await;
            tell(name, score.count(&judge::expected(module, site), &found));
            let outcome = |status: String| [("fetch_status".to_owned(), BTreeSet::from([status]))].into();
            let wanted = site.finds.get("fetch_status").and_then(|status| status.first()).cloned();
            let status = Some(status).filter(|status| status != "ok");
            tell(
                "visit",
                visits.count(&wanted.map(outcome).unwrap_or_default(), &status.map(outcome).unwrap_or_default()),
            );
        }
    }
    scores.push(("visit", visits));
    failures.sort();
    (scores, failures)
}

fn table(sites: &[Site], scores: &[(&str, Score)], failures: &[String]) -> String {
    let mut text = format!("{} sites\n\n", sites.len());
    let mut line = |columns: [&str; 7]| {
        let [module, rest @ ..] = columns;
        writeln!(text, "{module:<17}{}", rest.map(|column| format!("{column:>10}")).concat()).unwrap();
    };
    line(["module", "sites", "expected", "found", "right", "precision", "recall"]);
    for (module, score) in scores {
        let counts = [score.sites, score.expected, score.found, score.right].map(|count| count.to_string());
        let [sites, expected, found, right] = counts.each_ref().map(String::as_str);
        let parts = [score.precision(), score.recall()].map(|part| format!("{part:.4}"));
        line([module, sites, expected, found, right, &parts[0], &parts[1]]);
    }
    write!(text, "\n{} failures\n\n{}\n", failures.len(), failures.join("\n")).unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn corpus() {
    let sites = build::sites(&description::read());
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if let Ok(folder) = std::env::var("CORPUS_PAGES") {
        build::write(&sites, folder.as_ref());
    }
    let (scores, failures) = judged(&sites).await;
    let table = table(&sites, &scores, &failures);
    println!("{table}");
    let file = description::folder().join("golden.txt");
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("OUTSCOUT_REFRESH").is_ok() {
        std::fs::write(&file, &table).unwrap();
    }
    assert!(sites.len() >= 300, "the corpus has {} sites", sites.len());
    for (module, score) in &scores {
        let reached = (score.precision(), score.recall());
        assert!(reached.0 >= LEAST.0 && reached.1 >= LEAST.1, "{module} reaches {reached:?}");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == table, "engine/corpus/golden.txt differs; if the change is meant, run with OUTSCOUT_REFRESH=1");
}
