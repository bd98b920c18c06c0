//! Jobs that visit websites (outsend 11.5, 12): polite, in order, each row once.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use harness::{
    Random,
    outsend::{brand, jobs::World},
    sites::{Asked, Reply, Sites},
};
use serde_json::{Value, json};
use shared::model::{JobId, JobStatus};

async fn world() -> (World, Sites) {
    (World::with(&[("OUTSCOUT_CRAWL_ALLOW_HOSTS", ".web")]).await, Sites::start().await.unwrap())
}

/// Makes a job over sites and lets it end: the job, and its rows.
async fn run(world: &World, module: &str, items: &Value) -> (Value, Vec<Value>) {
    let made = world.post(&format!("/api/jobs/{module}"), &json!({"items": items})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    (world.get(&format!("/api/jobs/{id}")).await.json(), world.rows(&id).await)
}

/// No host was asked for two things at once, or twice within a second, but for what follows a redirect.
fn assert_polite(all: Vec<Asked>) {
    let mut hosts: HashMap<String, Vec<(Instant, Instant)>> = HashMap::new();
    for asked in all {
        hosts.entry(asked.host).or_default().push(asked.time);
    }
    for (host, mut times) in hosts {
        times.sort();
        for pair in times.windows(2) {
            let pause = pair[1].0.saturating_duration_since(pair[0].1);
            assert!(pause >= Duration::from_millis(950), "{host}: {pause:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_sites_are_found_page_by_page() {
    let (world, sites) = world().await;
    sites.put("dupont.web", "/", Reply::page("<a href=/produits>Produits</a><a href='/nous-contacter'>Ecrire</a>"));
    sites.put("dupont.web", "/nous-contacter", Reply::page("<a href='mailto:jean.martin@dupont.web'>Jean</a>"));
    sites.put("dupont.web", "/produits", Reply::page("<p>never@dupont.web</p>"));
    sites.put("moved.web", "/", Reply::status(301).header("Location", &format!("{}home", sites.url("www.moved.web"))));
    sites.put("www.moved.web", "/home", Reply::page("<p>contact [at] moved [dot] web</p>"));
    sites.put("closed.web", "/robots.txt", Reply::page("User-agent: outscout\nDisallow: /"));
    sites.put("closed.web", "/", Reply::page("<p>secret@closed.web</p>"));
    sites.put("failing.web", "/", Reply::status(503));
    let latin = Reply { body: b"<p>Soci\xe9t\xe9 : accueil@latin.web</p>".to_vec(), ..Reply::page("") };
    sites.put("latin.web", "/", Reply { headers: vec![("Content-Type".into(), "text/html".into())], ..latin });
    let items = json!([
        {"name": "Dupont", "url": sites.url("dupont.web"), "extra": 7},
        {"name": "Moved", "url": sites.url("moved.web")},
        {"name": "Closed", "url": sites.url("closed.web")},
        {"name": "Failing", "url": sites.url("failing.web")},
        {"name": "None", "url": sites.url("nx.web")},
        {"name": "Inner", "url": "http://127.0.0.1/"},
        {"name": "Latin", "url": sites.url("latin.web")},
        {"name": "nobody"},
    ]);
    let (job, rows) = run(&world, "emails", &items).await;
    let short: Vec<_> = rows
        .iter()
        .map(|row| (row["nom"].as_str().unwrap(), row["email"].as_str(), row["fetch_status"].as_str().unwrap()))
        .collect();
    let expected = [
        ("Dupont", Some("jean.martin@dupont.web"), "ok"),
        ("Moved", Some("contact@moved.web"), "ok"),
        ("Closed", None, "robots"),
        ("Failing", None, "http_503"),
        ("None", None, "dns"),
        ("Inner", None, "blocked_address"),
        ("Latin", Some("accueil@latin.web"), "ok"),
    ];
    assert_eq!(short, expected);
    let first = json!({
        "nom": "Dupont", "site_web": sites.url("dupont.web"), "extra": 7, "email": "jean.martin@dupont.web",
        "email_personal": "jean.martin@dupont.web", "emails_all": ["jean.martin@dupont.web"],
        "email_source_url": format!("{}nous-contacter", sites.url("dupont.web")), "fetch_status": "ok",
    });
    assert_eq!(rows[0], first);
    let told = (&job["status"], &job["email_mode"], &job["processed_points"], &job["error_count"], &job["breakdown"]);
    assert_eq!(told, (&json!("done"), &json!("normal"), &json!(7), &json!(3), &json!({"ignored": 1})));
    assert_eq!(job["ef_cost"], json!(0.001));
    assert!(
        sites
            .asked()
            .iter()
            .all(|asked| asked.path != "/produits" && (asked.host != "closed.web" || asked.path == "/robots.txt"))
    );
    assert_polite(sites.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_found_and_a_mode_that_is_not_there_is_refused() {
    let (world, sites) = world().await;
    let page = "<a href='https://fr-fr.facebook.com/dupont?x'>f</a><a href='https://twitter.com/share'>t</a>";
    sites.put("dupont.web", "/", Reply::page(page));
    let items = json!([{"site_web": sites.url("dupont.web")}]);
    let (_, rows) = run(&world, "socials", &items).await;
    let expected = json!({
        "site_web": sites.url("dupont.web"), "social_facebook": "https://www.facebook.com/dupont",
        "social_instagram": "", "social_linkedin": "", "social_twitter": "", "social_tiktok": "",
        "social_youtube": "", "fetch_status": "ok",
    });
    assert_eq!(rows, [expected]);
    let wrong = world.post("/api/jobs/emails", &json!({"items": items, "mode": "ultra"})).await;
    let errors = json!([{"field": "mode", "message": "Must be one of: normal, deep."}]);
    assert_eq!((wrong.status, &wrong.json()["errors"]), (422, &errors));
    assert_eq!(world.post("/api/jobs/emails", &json!({"items": items, "mode": "normal"})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_is_made_with_and_whether_it_is_there() {
    let (world, sites) = world().await;
    let text = "Votre garage à Lyon depuis 1950, réparation et entretien de toutes les marques, devis en ligne.";
    let page = "<meta name=generator content='WordPress 6'><script src=//connect.facebook.net/fr_FR/fbevents.js></script>\
        <script src='https://www.googletagmanager.com/gtm.js?id=GTM-1'></script>";
    sites.put("open.web", "/", Reply::page(&format!("{page}<p>{text}</p>")));
    sites.put("sold.web", "/", Reply::page("<h1>This domain is for sale</h1>"));
    sites.put("gone.web", "/", Reply::status(410));
    sites.put("other.web", "/", Reply::status(302).header("Location", &sites.url("open.web")));
    let names = ["open.web", "sold.web", "gone.web", "other.web", "nx.web"];
    let items: Vec<_> = names.iter().map(|name| json!({"site_web": sites.url(name)})).collect();
    let items = json!(items);
    let (job, rows) = run(&world, "dead-check", &items).await;
    let told: Vec<_> = rows.iter().map(|row| (&row["site_alive"], &row["site_alive_reason"])).collect();
    let expected =
        [("open", "ok"), ("closed", "parked"), ("closed", "http"), ("uncertain", "redirected"), ("closed", "dns")];
    assert_eq!(
        told,
        expected.map(|(alive, reason)| (json!(alive), json!(reason))).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
    );
    assert_eq!(job["breakdown"]["by_status"], json!({"open": 1, "closed": 3, "uncertain": 1}));
    let items = json!([items[0], items[4]]);
    let (_, rows) = run(&world, "techstack", &items).await;
    let told: Vec<_> =
        rows.iter().map(|row| [&row["tech_cms"], &row["tech_analytics"], &row["tech_ads_pixels"]]).collect();
    assert_eq!(json!(told), json!([["wordpress", "gtm", "meta"], [null, null, null]]));
    let (_, rows) = run(&world, "ads_intelligence", &items).await;
    let told: Vec<_> = rows.iter().map(|row| [&row["ads_score"], &row["ads_networks"], &row["fetch_status"]]).collect();
    assert_eq!(json!(told), json!([[35, ["meta"], "ok"], [0, [], "dns"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sites_are_read_at_a_time_and_one_host_never_twice() {
    let (world, sites) = world().await;
    let mut items = Vec::new();
    for number in 0..40 {
        let host = format!("site{number}.web");
        let page = Reply::page(&format!("<p>info@{host}</p>")).after(Duration::from_millis(300));
        sites.put(&host, "/", page);
        items.push(json!({"site_web": sites.url(&host)}));
    }
    // one site in several rows
    items.extend((0..3).map(|_| json!({"site_web": sites.url("site0.web")})));
    let began = Instant::now();
    let (job, rows) = run(&world, "emails", &json!(items)).await;
    let found: Vec<_> = rows.iter().map(|row| row["email"].as_str().unwrap().to_owned()).collect();
    let mut expected: Vec<_> = (0..40).map(|number| format!("info@site{number}.web")).collect();
    expected.extend((0..3).map(|_| "info@site0.web".to_owned()));
    assert_eq!(found, expected);
    assert_eq!((&job["status"], &job["error_count"]), (&json!("done"), &json!(0)));
    // one after another would take a minute
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_polite(sites.asked());
    let robots = sites.asked().iter().filter(|asked| asked.path == "/robots.txt").count();
    assert_eq!(robots, 40, "once for each host");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_has_one_visitor_whoever_asks() {
    let world = World::start().await;
    let (store, now) = (world.bench.context.store(), world.bench.context.clock().now());
    let lease = time::Duration::seconds(20);
    let takers = (0..20).map(|number| {
        let store = store.clone();
        async move { store.take_host("a.web", &format!("v{number}"), lease, now).await.unwrap().is_none() }
    });
    let taken: Vec<bool> = futures_util::future::join_all(takers).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let holder = format!("v{}", taken.iter().position(|taken| *taken).unwrap());
    // the holder keeps it, and another one learns when it is free
    assert_eq!(store.take_host("a.web", &holder, lease, now).await.unwrap(), None);
    assert_eq!(store.take_host("a.web", "other", lease, now).await.unwrap(), Some(lease));
    assert!(!store.leave_host("a.web", "other", time::Duration::ZERO, now).await.unwrap());
    let pause = time::Duration::seconds(3);
    assert!(store.leave_host("a.web", &holder, pause, now).await.unwrap());
    assert!(!store.leave_host("a.web", &holder, pause, now).await.unwrap(), "left once");
    assert_eq!(store.take_host("a.web", "other", lease, now).await.unwrap(), Some(pause));
    assert_eq!(store.take_host("a.web", &holder, lease, now).await.unwrap(), Some(pause), "the pause is for everybody");
    assert_eq!(store.take_host("a.web", "other", lease, now + pause).await.unwrap(), None);
    // who dies renews nothing
    let lapsed = now + pause + lease;
    assert!(store.take_host("a.web", "third", lease, lapsed - time::Duration::seconds(1)).await.unwrap().is_some());
    assert_eq!(store.take_host("a.web", "third", lease, lapsed).await.unwrap(), None);
    assert!(!store.leave_host("a.web", "other", pause, lapsed).await.unwrap(), "who lost it changes nothing");
    // rules are kept for a day
    store.keep_host_rules("http://a.web", b"TUser-agent: *", now).await.unwrap();
    store.keep_host_rules("http://a.web", b"O", now).await.unwrap();
    assert_eq!(store.host_rules("http://a.web").await.unwrap().as_deref(), Some(&b"TUser-agent: *"[..]));
    world.bench.advance(time::Duration::hours(25));
    assert_eq!(store.host_rules("http://a.web").await.unwrap(), None);
}

/// Over the binaries (`OUTSCOUT_TEST_BINARIES`) each worker is a process of its own.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_visit_a_host_at_once() {
    let variables = [("OUTSCOUT_CRAWL_ALLOW_HOSTS", ".web"), ("OUTSCOUT_SERIAL_LANE_WIDTH", "2")];
    let (world, sites) = (World::with(&variables).await, Sites::start().await.unwrap());
    let host = |number: usize| format!("both{number}.web");
    for number in 0..4 {
        let page = Reply::page(&format!("<p>info@{0}</p><a href='/contact'>contact</a>", host(number)));
        sites.put(&host(number), "/", page.after(Duration::from_millis(200)));
        sites.put(&host(number), "/contact", Reply::page("<p>Contact us.</p>").after(Duration::from_millis(200)));
    }
    let items: Vec<_> = (0..4).map(|number| json!({"site_web": sites.url(&host(number))})).collect();
    let mut jobs = Vec::new();
    for module in ["emails", "socials"] {
        let made = world.post(&format!("/api/jobs/{module}"), &json!({"items": items})).await;
        assert_eq!(made.status, 200, "{}", made.body);
        jobs.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    world.react().await;
    let ended = async || futures_util::future::join(world.job(&jobs[0]), world.job(&jobs[1])).await;
    for round in 0.. {
        let event = json!({});
        let worker = || world.background(&background_work::FUNCTION, &event);
        futures_util::future::join(worker(), worker()).await;
        let (one, other) = ended().await;
        if [one.status, other.status].iter().all(|status| *status == JobStatus::Done) {
            break;
        }
        assert!(round < 30, "the jobs do not end");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let all = sites.asked();
    let pages = all.iter().filter(|asked| asked.path == "/").count();
    assert!(pages >= 4, "{pages}");
    assert_polite(all);
    let rows = world.rows(&jobs[0]).await;
    let found: Vec<_> = rows.iter().map(|row| row["email"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, (0..4).map(|number| format!("info@{}", host(number))).collect::<Vec<_>>());
    assert_eq!(world.rows(&jobs[1]).await.len(), 4);
}

/// How often workers die: `OUTSCOUT_KILLS`.
fn kills() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
    std::env::var("OUTSCOUT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_fetches_its_own_rows_again_and_writes_each_once() {
    let (world, sites) = world().await;
    let (kills, mut random) = (kills(), Random(18));
    // more than the workers come to before they die, as a rule
    let many = (kills * 60).min(10_000);
    let host = |row: usize| format!("kill{row}.web");
    let mut items = Vec::new();
    for row in 0..many {
        let page = Reply::page(&format!("<p>info@{}</p>", host(row)));
        sites.put(&host(row), "/", page.after(Duration::from_millis(random.below(2_000) as u64)));
        items.push(json!({"site_web": sites.url(&host(row))}));
    }
    let made = world.post("/api/jobs/emails", &json!({"items": items})).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    world.react().await;
    // each worker is dropped in the middle of what it does; three in a row over one item would be its fault
    let (mut committed, mut asked, mut again, mut idle) = (0, 0, 0, 0);
    let (mut seen, mut died) = (HashSet::new(), 0);
    while died < kills && committed < many as u64 {
        died += 1;
        let event = json!({});
        let work = world.background(&background_work::FUNCTION, &event);
        let lives = if idle == 1 { 60_000 } else { 300 + random.below(2_200) as u64 };
        let _ = tokio::time::timeout(Duration::from_millis(lives), work).await;
        let all = sites.asked();
        for page in all[asked..].iter().filter(|page| page.path == "/") {
            let row: usize = page.host[4..page.host.len() - 4].parse().unwrap();
            assert!(row as u64 >= committed, "row {row} was committed, as all before {committed} were");
            again += usize::from(!seen.insert(row));
        }
        asked = all.len();
        let job = world.job(&id).await;
        assert!(job.processed >= committed, "what is committed stays");
        assert_eq!(job.results, job.processed);
        idle = if job.processed > committed { 0 } else { idle + 1 };
        committed = job.processed;
        // the lease of the one that died lapses, and so do those of its hosts
        world.bench.advance(time::Duration::seconds(61));
    }
    println!("{died} workers died: {committed} of {many} rows were committed, {again} pages were fetched again");
    assert!(died >= kills / 2, "the rows were too few: {died}");
    world.settle().await;
    let found: Vec<_> = world.rows(&id).await.iter().map(|row| row["email"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found.len(), many, "{:?}", world.job(&id).await.error_message);
    assert!((0..many).all(|row| found[row] == format!("info@{}", host(row))), "each row once, in order");
    assert!(JobId::parse(&id).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn legal_pages_and_numbers_are_read() {
    let (world, sites) = world().await;
    let notice = "<p>Raison sociale : Garage Dupont<br>SARL au capital de 10 000 €<br>Siège social : 12 rue de la Paix, 75002 \
        Paris<br>RCS Paris B 732 829 320<br>SIRET 732 829 320 00074<br>Gérant : Jean Martin<br>TVA FR44732829320</p>\
        <p>Tél : 01 23 45 67 89, mobile 06 12 34 56 78, fax 01 23 45 67 90</p>";
    sites.put("dupont.web", "/", Reply::page("<a href='/mentions-legales'>Mentions légales</a>"));
    sites.put("dupont.web", "/mentions-legales", Reply::page(notice));
    let site = sites.url("dupont.web");
    let page = format!("{site}mentions-legales");
    let items = json!([{"nom": "Dupont", "site_web": site, "telephone": "01 23 45 67 89"}, {"nom": "No", "site_web": sites.url("nx.web")}]);
    let (_, rows) = run(&world, "legal-ids", &items).await;
    let told = |names: &[&str], row: usize, rows: &[Value]| {
        json!(names.iter().map(|name| &rows[row][*name]).collect::<Vec<_>>())
    };
    let names = ["siren", "siret", "legal_ids_url", "fetch_status"];
    assert_eq!(told(&names, 0, &rows), json!(["732829320", "73282932000074", page, "ok"]));
    assert_eq!(told(&names, 1, &rows), json!(["", "", "", "dns"]));
    let (_, rows) = run(&world, "legal-mentions", &items).await;
    let names = [
        "raison_sociale",
        "forme_juridique",
        "capital_social",
        "rcs",
        "adresse_postale",
        "dirigeant",
        "tva_intracom",
        "legal_page_url",
        "fetch_status",
    ];
    let expected = json!([
        "Garage Dupont",
        "SARL",
        "10 000 €",
        "RCS Paris B 732829320",
        "12 rue de la Paix, 75002 Paris",
        "Jean Martin",
        "FR44732829320",
        page,
        "ok"
    ]);
    assert_eq!(told(&names, 0, &rows), expected);
    assert_eq!(told(&names, 1, &rows), json!(["", "", "", "", "", "", "", "", "dns"]));
    let (_, rows) = run(&world, "phones-extra", &items).await;
    let names = ["phone_secondary", "mobile", "fax", "fetch_status"];
    // the row's own number is no further one
    assert_eq!(told(&names, 0, &rows), json!(["", "+33612345678", "+33123456790", "ok"]));
    assert_eq!(told(&names, 1, &rows), json!(["", "", "", "dns"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deep_mode_goes_on_from_the_normal_one() {
    let (world, sites) = world().await;
    sites.put("found.web", "/", Reply::page("<p>info@found.web</p>"));
    sites.put("deep.web", "/", Reply::page("<a href=/blog>Blog</a>"));
    let list = format!("<urlset><url><loc>{}a/equipe</loc></url></urlset>", sites.url("deep.web"));
    sites.put("deep.web", "/sitemap.xml", Reply::page(&list).header("X-Kind", "sitemap"));
    sites.put("deep.web", "/a/equipe", Reply::page("<p>jean.martin@deep.web</p>"));
    let items = json!([{"url": sites.url("found.web")}, {"url": sites.url("deep.web")}]);
    let deep = async |body: Value| world.post("/api/jobs/emails", &body).await;
    let without = deep(json!({"items": items, "mode": "deep"})).await;
    let errors = json!([{"field": "source_job_id", "message": "Field is required."}]);
    assert_eq!((without.status, &without.json()["errors"]), (422, &errors));
    let (normal, rows) = run(&world, "emails", &items).await;
    assert_eq!((&normal["email_mode"], &rows[1]["email"]), (&json!("normal"), &Value::Null));
    let (other, _) = run(&world, "socials", &items).await;
    let wrong = deep(json!({"source_job_id": other["id"], "mode": "deep"})).await;
    let text = "Source job must be a completed emails job in normal mode.";
    assert_eq!((wrong.status, &wrong.json()["detail"]), (400, &json!(text)));
    let asked = sites.asked().len();
    let made = deep(json!({"source_job_id": normal["id"], "mode": "deep"})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    let (job, rows) = (world.get(&format!("/api/jobs/{id}")).await.json(), world.rows(&id).await);
    let told: Vec<_> =
        rows.iter().map(|row| json!([row["email"], row["email_personal"], row["fetch_status"]])).collect();
    let mail = "jean.martin@deep.web";
    assert_eq!(told, [json!(["info@found.web", null, "ok"]), json!([mail, mail, "ok"])]);
    // one item of weight 3; the other one is taken over
    assert_eq!((&job["email_mode"], &job["ef_cost"], &job["status"]), (&json!("deep"), &json!(0.0), &json!("done")));
    assert!(sites.asked()[asked..].iter().all(|asked| asked.host == "deep.web"));
    let again = deep(json!({"source_job_id": id, "mode": "deep"})).await;
    assert_eq!((again.status, &again.json()["detail"]), (400, &json!(text)));
    // between jobs, the tests' clock goes faster than ours
    assert_polite(sites.asked().split_off(asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_that_are_given_up_are_closed_where_a_registry_is_asked() {
    let sites = Sites::start().await.unwrap();
    let rdap = format!("{}rdap", sites.url("127.0.0.1"));
    let world = World::with(&[("OUTSCOUT_CRAWL_ALLOW_HOSTS", ".web"), ("OUTSCOUT_RDAP_URL", &rdap)]).await;
    let text = "Votre garage à Lyon depuis 1950, réparation et entretien de toutes les marques, devis en ligne.";
    for name in ["lapsing.web", "kept.web"] {
        sites.put(name, "/", Reply::page(&format!("<p>{text}</p>")));
    }
    let busy = Reply::status(429).header("Retry-After", "1");
    let lapsing = Reply::json(&json!({"objectClassName": "domain", "status": ["pending delete"]}));
    sites.put_turns("127.0.0.1", "/rdap/domain/lapsing.web", vec![busy, lapsing]);
    let items = json!([{"site_web": sites.url("lapsing.web")}, {"site_web": sites.url("kept.web")}]);
    let (job, rows) = run(&world, "dead-check", &items).await;
    let told: Vec<_> = rows.iter().map(|row| json!([row["site_alive"], row["site_alive_reason"]])).collect();
    assert_eq!(told, [json!(["closed", "domain_expired"]), json!(["open", "ok"])]);
    assert_eq!(job["error_count"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn brands_are_found_with_their_screenshots() {
    let camera = Sites::start().await.unwrap();
    let url = camera.url("127.0.0.1");
    let (world, sites) = brand::site(&brand::logo(0), &[("OUTSCOUT_SCREENSHOT_URL", &url)]).await;
    let home = sites.url(brand::HOST);
    let encoded = home.replace(':', "%3A").replace('/', "%2F");
    camera.put("127.0.0.1", &format!("/?url={encoded}"), Reply { body: brand::logo(1).into(), ..Reply::status(200) });
    let items = json!([{"site_web": home, "tag": 1}, {"site_web": "nx.web", "tag": 2}]);
    let made = world.post("/api/jobs/brand-assets", &json!({"items": items, "capture_screenshot": true})).await.json();
    // five requests are planned for each
    assert_eq!(made["ef_cost"], json!(0.001));
    world.settle().await;
    let id = made["id"].as_str().unwrap();
    let rows = world.rows(id).await;
    let columns: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(columns[columns.len() - 2..], ["screenshot_local_url", "fetch_status"]);
    let own = format!("/api/brand-assets/{}/", world.account.user.id);
    let shot = rows[0]["screenshot_local_url"].as_str().unwrap();
    assert!(shot.starts_with(&own), "{shot}");
    assert_eq!(world.get(shot).await.body, brand::logo(1));
    let found =
        ["logo_source", "brand_color", "brand_color_source", "favicon_url", "logo_variants_local_urls", "fetch_status"];
    let found: Vec<&Value> = found.iter().map(|name| &rows[0][*name]).collect();
    assert_eq!(found, [&json!("img-logo"), &json!("#e4002b"), &json!("logo"), &Value::Null, &json!([]), &json!("ok")]);
    let nothing = rows[1].as_object().unwrap().iter().filter(|(_, cell)| !cell.is_null() && **cell != json!([]));
    assert_eq!(nothing.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["site_web", "tag", "fetch_status"]);
    assert_polite(sites.asked());

    // what is no flag is refused, and without a service the log says so
    let bad = world.post("/api/jobs/brand-assets", &json!({"items": items, "capture_screenshot": "yes"})).await;
    assert_eq!((bad.status, bad.json()["errors"][0]["field"].clone()), (422, json!("capture_screenshot")));
    let (none, _) = brand::site(&brand::logo(0), &[]).await;
    let made = none
        .post("/api/jobs/brand-assets", &json!({"items": [{"site_web": "nx.web"}], "capture_screenshot": true}))
        .await;
    none.settle().await;
    let stream = none
        .call(
            "GET",
            &format!("/api/jobs/{}/stream", made.json()["id"].as_str().unwrap()),
            &[("x-api-key", &none.key), ("last-event-id", "0")],
            "",
        )
        .await;
    assert!(stream.body.contains("No screenshots: no service that takes them is configured."), "{}", stream.body);
}
