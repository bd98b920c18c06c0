//! Jobs that ask services which the configuration names (outsend 12, 18.3), at stubs of what the services publish.

use std::time::{Duration, Instant};

use harness::{
    outsend::jobs::World,
    sites::{Reply, Sites},
};
use serde_json::{Value, json};

/// The host that services are asked at.
const HOST: &str = "127.0.0.1";

/// Makes a job and lets it end: the job, and its rows.
async fn run(world: &World, module: &str, body: &Value) -> (Value, Vec<Value>) {
    let made = world.post(&format!("/api/jobs/{module}"), body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    (world.get(&format!("/api/jobs/{id}")).await.json(), world.rows(&id).await)
}

/// A company as the public search answers it.
fn company(siren: &str, name: &str) -> Value {
    json!({
        "siren": siren, "nom_complet": name, "nom_raison_sociale": name, "sigle": null, "nombre_etablissements_ouverts": 1,
        "siege": {"siret": format!("{siren}00074"), "adresse": "12 RUE DE LA PAIX 75002 PARIS"},
        "activite_principale": "45.20A", "date_creation": "1990-05-01", "etat_administratif": "A", "nature_juridique": "5710",
        "tranche_effectif_salarie": "11", "dirigeants": [{"nom": "MARTIN", "prenoms": "JEAN", "qualite": "Président"}],
        "finances": {"2022": {"ca": 100_000, "resultat_net": 250}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn companies_are_found_at_the_pace_of_the_search() {
    let sites = Sites::start().await.unwrap();
    let url = sites.url(HOST);
    let world = World::with(&[("OUTSCOUT_RECHERCHE_ENTREPRISES_URL", &url)]).await;
    let found = |siren: &str, name: &str| Reply::json(&json!({"results": [company(siren, name)], "total_results": 1}));
    let busy = Reply::status(429).header("Retry-After", "1");
    let own = found("732829320", "GARAGE DUPONT");
    sites.put_turns(HOST, "/search?q=732829320&per_page=1", vec![busy, own]);
    let named = "/search?q=Boulangerie+Petit&code_postal=69001&per_page=10";
    sites.put(HOST, named, found("356000000", "SAS BOULANGERIE PETIT"));
    let mut items = vec![
        json!({"name": "Dupont", "siren": "732 829 320", "tag": 1}),
        json!({"name": "Boulangerie Petit", "zip": "69001", "tag": 2}),
        json!({"name": "Nobody", "zip": "69002", "tag": 3}),
        json!({"siren": "123456789", "tag": 4}),
    ];
    items.extend((0..10).map(|tag| json!({"name": format!("Nobody {tag}"), "zip": "69003", "tag": 5 + tag})));
    let began = Instant::now();
    let (job, rows) = run(&world, "legal-data", &json!({"items": items})).await;
    let names = ["tag", "siren", "raison_sociale", "dirigeants", "statut_lead", "legal_match", "legal_error"];
    let told: Vec<Value> =
        rows.iter().map(|row| json!(names.iter().map(|name| &row[*name]).collect::<Vec<_>>())).collect();
    let president = json!(["JEAN MARTIN (Président)"]);
    let expected = [
        json!([1, "732829320", "GARAGE DUPONT", president, "actif", "siren", ""]),
        json!([2, "356000000", "SAS BOULANGERIE PETIT", president, "actif", "nom_cp", ""]),
        json!([3, "", "", [], "inconnu", "none", "not_found"]),
    ];
    assert_eq!(told[..3], expected);
    assert_eq!((rows.len(), &rows[0]["source_siren"]), (13, &json!("732 829 320")));
    assert_eq!((&job["status"], &job["error_count"]), (&json!("done"), &json!(0)));
    assert_eq!((&job["breakdown"], &job["total_attempts_count"]), (&json!({"ignored": 1}), &json!(14)));
    let asked = sites.asked();
    let mut times: Vec<_> = asked.iter().map(|asked| asked.time.0).collect();
    times.sort();
    for window in times.windows(8) {
        assert!(window[7] - window[0] >= Duration::from_millis(950), "more than seven in a second");
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// Whether the registry says that a module is not there.
async fn is_off(world: &World, slug: &str) -> Value {
    let registry = world.get("/api/modules-registry").await.json();
    let entries = registry["modules"].as_array().unwrap();
    entries.iter().find(|entry| entry["slug"] == slug).unwrap()["alpha_unavailable"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_audited_where_there_is_a_key() {
    let sites = Sites::start().await.unwrap();
    let url = format!("{}run", sites.url(HOST));
    let variables = [("OUTSCOUT_PAGESPEED_URL", url.as_str()), ("OUTSCOUT_PAGESPEED_API_KEY", "hush")];
    assert_eq!(is_off(&World::with(&[]).await, "pagespeed").await, json!(true));
    let world = World::with(&variables).await;
    assert_eq!(is_off(&world, "pagespeed").await, json!(false));
    let audit = |score: f64| {
        let scores = json!({"performance": {"score": score}, "accessibility": {"score": 1}, "seo": {"score": 0.5}});
        let audits = json!({"largest-contentful-paint": {"title": "LCP", "numericValue": 1_234.5}});
        Reply::json(&json!({"lighthouseResult": {"categories": scores, "audits": audits}}))
    };
    let path = |site: &str, strategy: &str| {
        let categories = "category=performance&category=accessibility&category=seo&category=best-practices";
        format!("/run?url=https%3A%2F%2F{site}%2F&strategy={strategy}&{categories}&key=hush")
    };
    let busy = Reply::status(429).header("Retry-After", "1");
    sites.put_turns(HOST, &path("dupont.fr", "mobile"), vec![busy, audit(0.42)]);
    sites.put(HOST, &path("dupont.fr", "desktop"), audit(0.9));
    let items = json!([{"url": "dupont.fr"}, {"nom": "none"}, {"url": "nowhere.fr"}]);
    let (job, rows) = run(&world, "pagespeed", &json!({"items": items})).await;
    let names = ["perf_score_mobile", "perf_score_desktop", "lcp_ms", "seo_score", "suggestions", "audit_status"];
    let told: Vec<Value> =
        rows.iter().map(|row| json!(names.iter().map(|name| &row[*name]).collect::<Vec<_>>())).collect();
    let none = |status: &str| json!([null, null, null, null, [], status]);
    assert_eq!(told, [json!([42, 90, 1235, 50, [], "ok"]), none("no_site"), none("error")]);
    assert_eq!((&job["status"], &job["error_count"]), (&json!("done"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_are_rows_where_there_is_a_source() {
    let sites = Sites::start().await.unwrap();
    let url = format!("{}reviews", sites.url(HOST));
    assert_eq!(is_off(&World::with(&[]).await, "reviews").await, json!(true));
    let world = World::with(&[("OUTSCOUT_REVIEWS_SOURCE_URL", &url)]).await;
    assert_eq!(is_off(&world, "reviews").await, json!(false));
    let review = |name: &str| json!({"reviewer_name": name, "rating": 4, "date": "hier", "review_text": "Bien", "owner_replied": false});
    let listed = "/reviews?listing=https%3A%2F%2Fmaps.google.com%2F%3Fcid%3D1&limit=500";
    let busy = Reply::status(429).header("Retry-After", "1");
    sites.put_turns(HOST, listed, vec![busy, Reply::json(&json!([review("Ada"), review("Bob")]))]);
    let items = json!([
        {"name": "Dupont", "google_maps": "https://maps.google.com/?cid=1"},
        {"name": "Unknown", "google_maps": "https://maps.google.com/?cid=2"},
        {"name": "None"},
    ]);
    let (job, rows) = run(&world, "reviews", &json!({"items": items})).await;
    let told: Vec<_> = rows.iter().map(|row| json!([row["nom"], row["reviewer_name"], row["rating"]])).collect();
    assert_eq!(told, [json!(["Dupont", "Ada", 4]), json!(["Dupont", "Bob", 4])]);
    let counts = (&job["status"], &job["processed_points"], &job["results_count"], &job["error_count"]);
    assert_eq!(counts, (&json!("done"), &json!(2), &json!(2), &json!(0)));
    assert_eq!(job["breakdown"]["ignored"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_adds_entries_to_the_lists() {
    let folder = std::env::temp_dir().join(format!("outscout-lists-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("aggregators.txt"), "# ours\nadded-places.web\n").unwrap();
    let signature =
        r#"[{"id":"addedshop","column":"tech_cms","priority":9,"any":[{"kind":"html","re":"added-shop"}]}]"#;
    std::fs::write(folder.join("signatures.json"), signature).unwrap();
    let sites = Sites::start().await.unwrap();
    let place = folder.to_str().unwrap();
    let world = World::with(&[("OUTSCOUT_CRAWL_ALLOW_HOSTS", ".web"), ("OUTSCOUT_DATA_FOLDER", place)]).await;
    let text = "Votre garage à Lyon depuis 1950, réparation et entretien de toutes les marques, devis en ligne.";
    for name in ["one.added-places.web", "two.web"] {
        sites.put(name, "/", Reply::page(&format!("<!-- added-shop 3 --><p>{text}</p>")));
    }
    let items = json!([{"site_web": sites.url("one.added-places.web")}, {"site_web": sites.url("two.web")}]);
    let (_, rows) = run(&world, "dead-check", &json!({"items": items})).await;
    let told: Vec<_> = rows.iter().map(|row| json!([row["site_alive"], row["site_alive_reason"]])).collect();
    assert_eq!(told, [json!(["uncertain", "aggregator"]), json!(["open", "ok"])]);
    let (_, rows) = run(&world, "techstack", &json!({"items": items})).await;
    assert!(rows.iter().all(|row| row["tech_cms"] == "addedshop"), "{rows:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}
