use std::time::Duration;

use serde_json::{Map, json};
use tokio::time::timeout;

use super::*;
use crate::{
    Module,
    columns::rows::testing::Memory,
    services::Services,
    web::{
        Missed,
        testing::{Alone, Shelf, Web, html},
        world::Caps,
    },
};

const ROWS: usize = 60;

/// Sites of which one is slow, one fails, one is not there and three rows have the same.
fn table(web: &Web) -> (Arc<Memory>, Vec<Row>) {
    let (mut rows, mut expected) = (Vec::new(), Vec::new());
    for number in 0..ROWS {
        let host = if number % 20 == 7 { "same.web".to_owned() } else { format!("site{number}.web") };
        let url = format!("https://{host}/");
        let (mail, status) = match number {
            3 => (None, "tls"),
            4 => (None, "http_404"),
            _ => (Some(format!("info@{host}")), "ok"),
        };
        match number {
            3 => web.put(&url, Err(Missed::Tls)),
            4 => {}
            5 => web.put_slow(&url, Ok(html("<p>info@site5.web")), Duration::from_millis(25)),
            _ => web.put(&url, Ok(html(&format!("<p>info@{host}")))),
        }
        let source = mail.as_ref().map(|_| url.clone());
        let all: Vec<&String> = mail.iter().collect();
        expected.push(vec![
            json!(host),
            json!(number),
            json!(mail),
            json!(null),
            json!(all),
            json!(source),
            json!(status),
        ]);
        rows.push(vec![json!(host), json!(number)]);
    }
    (Memory::table(&["site_web", "extra"], rows, 7), expected)
}

fn crawl(input: &Arc<Memory>, web: &Arc<Web>, hosts: &Arc<Alone>, done: u64) -> Ahead<Visits> {
    let millis = Duration::from_millis;
    let caps = Caps { pause: (millis(1), millis(2)), gather: millis(8), ..Caps::default() };
    let world = World::new(web.clone(), hosts.clone(), Arc::new(Shelf::default())).with(caps);
    let spec = Spec {
        module: Module::Emails,
        options: Map::new(),
        planned: Some(ROWS as u64),
        done,
        produced: done,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let visits = Visits::new(&**input, world, modules::of(Module::Emails, false).unwrap());
    Ahead::new(&spec, input.clone(), Arc::new(visits))
}

#[tokio::test]
async fn rows_come_in_their_order_with_what_became_of_their_sites() {
    let web = Arc::new(Web::default());
    let (input, expected) = table(&web);
    let mut run = crawl(&input, &web, &Arc::default(), 0);
    let (mut rows, mut failed, mut log, mut attempts) = (Vec::new(), 0, Vec::new(), 0);
    while let Some(step) = run.step().await.unwrap() {
        assert_eq!(step.items, step.rows.len() as u64);
        failed += step.failed;
        attempts += step.attempts;
        log.extend(step.log.into_iter().map(|line| line.message));
        rows.extend(step.rows);
    }
    assert_eq!(rows, expected);
    assert_eq!((failed, attempts), (2, web.asked.lock().unwrap().len() as u64));
    assert_eq!(log, ["Item 4: site3.web was not read: tls.", "Item 5: site4.web was not read: http_404."]);
}

#[tokio::test]
async fn two_hundred_workers_die_and_every_row_is_written_once() {
    let web = Arc::new(Web::default());
    let (input, expected) = table(&web);
    let (mut kills, mut jobs) = (0_u64, 0);
    while kills < 200 {
        let hosts = Arc::new(Alone::default());
        let mut rows: Vec<Row> = Vec::new();
        while rows.len() < ROWS {
            let mut run = crawl(&input, &web, &hosts, rows.len() as u64);
            // what was committed until then stays; the worker dies in the middle of the next step
            let life = async {
                while let Some(step) = run.step().await.unwrap() {
                    rows.extend(step.rows);
                }
            };
            if timeout(Duration::from_millis(4 + kills * 7 % 23), life).await.is_err() {
                kills += 1;
                drop(run);
                // whoever was at a host when it died is not there any more
                web.forget_busy();
            }
        }
        assert_eq!(rows, expected);
        jobs += 1;
    }
    assert!(jobs < 100, "{jobs} jobs ended before they were killed");
}

#[tokio::test]
async fn a_run_that_winds_down_ends_what_it_began_and_no_more() {
    let web = Arc::new(Web::default());
    let (input, expected) = table(&web);
    let mut run = crawl(&input, &web, &Arc::default(), 0);
    let mut rows = run.step().await.unwrap().unwrap().rows;
    assert!(run.wind_down());
    let asked = web.asked.lock().unwrap().len();
    while run.wind_down() {
        rows.extend(run.step().await.unwrap().unwrap().rows);
    }
    assert!(rows.len() < ROWS && rows.len() >= 8, "{}", rows.len());
    assert_eq!(rows, expected[..rows.len()]);
    // those that were under way had at most their home page left
    assert!(web.asked.lock().unwrap().len() <= asked + VISITS);
    // and the next slice does the rest
    let mut run = crawl(&input, &web, &Arc::default(), rows.len() as u64);
    while let Some(step) = run.step().await.unwrap() {
        rows.extend(step.rows);
    }
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn the_deep_mode_reads_more_and_keeps_what_is_known() {
    let web = Arc::new(Web::default());
    web.put("https://known.web/", Ok(html("<p>other@known.web")));
    web.put("https://deep.web/", Ok(html("<p>none")));
    let list =
        "<urlset><url><loc>https://deep.web/blog</loc></url><url><loc>https://deep.web/a/equipe</loc></url></urlset>";
    web.put("https://deep.web/sitemap.xml", Ok(html(list)));
    web.put("https://deep.web/a/equipe", Ok(html("<p>jean.martin@deep.web")));
    let columns = ["site_web", "email", "email_personal", "emails_all", "email_source_url", "fetch_status"];
    let known =
        vec![json!("known.web"), json!("a@known.web"), json!(null), json!(["a@known.web"]), json!("x"), json!("ok")];
    let blank = vec![json!("deep.web"), json!(null), json!(null), json!([]), json!(null), json!("ok")];
    let input = Memory::table(&columns, vec![known.clone(), blank], 7);
    let options = json!({"mode": "deep"}).as_object().cloned().unwrap();
    let spec = Spec {
        module: Module::Emails,
        options,
        planned: Some(2),
        done: 0,
        produced: 0,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let (hosts, services) = (Arc::new(Alone::default()), Arc::default());
    let mut run =
        start(&spec, input, Means { network: web.clone(), hosts, services, assets: Arc::new(Shelf::default()) })
            .unwrap();
    let (mut rows, mut attempts) = (Vec::new(), 0);
    while let Some(step) = run.step().await.unwrap() {
        attempts += step.attempts;
        rows.extend(step.rows);
    }
    let mail = "jean.martin@deep.web";
    let found = json!(["deep.web", mail, mail, [mail], "https://deep.web/a/equipe", "ok"]);
    assert_eq!(rows.iter().map(|row| json!(row)).collect::<Vec<_>>(), [json!(known), found]);
    assert_eq!((attempts, web.pages().len()), (4, 3), "and nothing of the site that is known");
}

#[tokio::test]
async fn registries_are_asked_about_the_domains_of_sites() {
    let web = Arc::new(Web::default());
    let text =
        "<p>Votre garage depuis 1950, reparation et entretien de toutes les marques, devis en ligne et sans attente.";
    for site in ["lapsing.fr", "www.kept.fr"] {
        web.put(&format!("https://{site}/"), Ok(html(text)));
    }
    web.put("https://rdap.test/domain/lapsing.fr", Ok(html("{\"status\":[\"redemption period\"]}")));
    web.put("https://rdap.test/domain/kept.fr", Ok(html("{\"status\":[\"active\"]}")));
    let rows = ["lapsing.fr", "https://www.kept.fr", "facebook.com/x"].map(|site| vec![json!(site)]);
    let input = Memory::table(&["site_web"], rows.to_vec(), 7);
    let spec = Spec {
        module: Module::DeadCheck,
        options: Map::new(),
        planned: Some(3),
        done: 0,
        produced: 0,
        tries: 0,
        refused: 0,
        watch: crate::module::Watch::default(),
    };
    let services = Services { rdap: Some("https://rdap.test".to_owned()), ..Services::default() };
    let means = Means {
        network: web.clone(),
        hosts: Arc::new(Alone::default()),
        services: Arc::new(services),
        assets: Arc::new(Shelf::default()),
    };
    let mut run = start(&spec, input, means).unwrap();
    let mut told = Vec::new();
    while let Some(step) = run.step().await.unwrap() {
        told.extend(step.rows.iter().map(|row| json!([row[1], row[2]])));
    }
    assert_eq!(told, [json!(["closed", "domain_expired"]), json!(["open", "ok"]), json!(["uncertain", "aggregator"])]);
    let asked = web.asked.lock().unwrap().iter().filter(|url| url.contains("rdap")).count();
    assert_eq!(asked, 2, "and nobody about a network's own domain");
}
