//! Searches for places (outsend 8.2, 12.1), at stubs of what Nominatim and Overpass publish.

use std::time::Duration;

use harness::{
    Answer,
    osm::{Osm, node},
    outsend::{change, detail, jobs::World, pipelines::definition},
};
use serde_json::{Value, json};

/// A rectangle within one cell of eight kilometres, and one that has the cell to its east, too.
const WEST: [f64; 4] = [2.30, 48.80, 2.40, 48.86];
const BOTH: [f64; 4] = [2.30, 48.80, 2.45, 48.86];

/// A user where the services are stubs, which know two areas and some shops.
async fn world() -> (World, Osm) {
    let (osm, variables) = Osm::start().await;
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with(&variables).await;
    osm.area("q=paris", BOTH);
    osm.area("q=rive gauche", WEST);
    osm.put(shops());
    (world, osm)
}

fn shops() -> Vec<Value> {
    vec![
        node(1, 48.81, 2.31, json!({"shop": "bakery", "name": "Chez Paul", "phone": "01 23 45 67 89"})),
        node(2, 48.85, 2.39, json!({"shop": "bakery", "name": "Pain d'est", "website": "https://pain.example/"})),
        node(3, 48.85, 2.44, json!({"amenity": "restaurant", "name": "Chez Jean"})),
        node(4, 48.95, 2.44, json!({"shop": "bakery", "name": "Too far"})),
        node(5, 48.82, 2.32, json!({"shop": "bakery"})),
    ]
}

async fn made(world: &World, body: &Value) -> Value {
    let answer = world.post("/api/jobs", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn job(world: &World, made: &Value) -> Value {
    world.get(&format!("/api/jobs/{}", made["id"].as_str().unwrap())).await.json()
}

async fn rows(world: &World, made: &Value) -> Vec<Value> {
    world.rows(made["id"].as_str().unwrap()).await
}

fn told(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| json!([row["place_id"], row["nom"], row["query"], row["zone"]])).collect()
}

fn faults(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 422, "{}", answer.body);
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
    let faults = answer.json()["errors"].as_array().unwrap().clone();
    faults.iter().map(|fault| (text(fault, "field"), text(fault, "message"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_found_zone_by_zone_and_told_apart_by_query() {
    let (world, osm) = world().await;
    let body = json!({
        "queries": [" Boulangeries ", "boulangeries", "chez", "Musée"], "zones": ["Rive gauche", "Paris", "paris"],
        "include_reviews": true, "stop_at": null, "scrap_mode": "fast",
    });
    let created = made(&world, &body).await;
    assert_eq!(created["queries"], json!(["Boulangeries", "chez", "Musée"]));
    assert_eq!(created["zones"], json!(["Rive gauche", "Paris"]));
    assert_eq!((&created["status"], &created["include_reviews"]), (&json!("pending"), &json!(true)));
    assert_eq!((&created["grid_points_count"], &created["ef_cost"]), (&json!(6), &json!(0.001)));
    assert_eq!(created["breakdown"], json!({"by_query": {}, "by_zone": {}}));
    assert_eq!((&created["dead_queries"], &created["flagged_tiles_count"]), (&json!([]), &json!(0)));
    assert_eq!(osm.looked_up().len(), 2);
    world.settle().await;
    let done = job(&world, &created).await;
    assert_eq!(
        (&done["status"], &done["processed_points"], &done["results_count"]),
        (&json!("done"), &json!(6), &json!(3))
    );
    assert_eq!(
        done["breakdown"],
        json!({"by_query": {"Boulangeries": 2, "chez": 1}, "by_zone": {"Rive gauche": 2, "Paris": 1}})
    );
    assert_eq!(done["dead_queries"], json!(["Musée"]));
    assert_eq!((&done["total_attempts_count"], &done["error_count"]), (&json!(6), &json!(0)));
    let stats =
        |tiles: u64, found: u64, percent: u64| json!({"tiles": tiles, "with_results": found, "found_pct": percent});
    let expected = json!({"Boulangeries": stats(2, 1, 50), "chez": stats(2, 1, 50), "Musée": stats(2, 0, 0)});
    assert_eq!(done["query_stats"], expected);
    let found = rows(&world, &created).await;
    let expected = [
        json!(["node/1", "Chez Paul", "Boulangeries", "Rive gauche"]),
        json!(["node/2", "Pain d'est", "Boulangeries", "Rive gauche"]),
        json!(["node/3", "Chez Jean", "chez", "Paris"]),
    ];
    assert_eq!(told(&found), expected);
    assert_eq!((&found[0]["telephone"], &found[0]["rating"]), (&json!("+33123456789"), &Value::Null));
    let asked = osm.asked();
    let apart = |pair: &[harness::osm::Asked]| pair[1].time.0 - pair[0].time.1;
    assert!(asked.windows(2).all(|pair| apart(pair) >= Duration::from_millis(900)), "{asked:?}");
    // what was looked up is known from now on
    made(&world, &body).await;
    assert_eq!(osm.looked_up().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_searched_is_told_and_stored_nowhere() {
    let (world, osm) = world().await;
    let post = async |body: Value| {
        world.bench.advance(time::Duration::minutes(1));
        world.post("/api/jobs/scrap", &body).await
    };
    let fault = |field: &str, message: &str| (field.to_owned(), message.to_owned());
    let required = "Field is required.";
    assert_eq!(faults(&post(json!({})).await), [fault("queries", required), fault("zones", required)]);
    let long = json!({"queries": ["  ", "x".repeat(201), 3], "zones": ["y".repeat(121)], "country": "FR", "stop_at": -1, "scrap_mode": "all", "include_reviews": 1});
    let characters = "Must have 1 to 200 characters.";
    let expected = [
        fault("queries.0", characters),
        fault("queries.1", characters),
        fault("queries.2", "Must be a string."),
        fault("zones.0", "Must have 1 to 120 characters."),
        fault("country", "Must have 3 to 3 characters."),
        fault("stop_at", "Must be between 0 and 2000000."),
        fault("scrap_mode", "Must be one of: fast, normal, ultra."),
        fault("include_reviews", "Must be a boolean."),
    ];
    assert_eq!(faults(&post(long).await), expected);
    let many = json!({"queries": vec!["q"; 21], "zones": vec!["z"; 51]});
    assert_eq!(
        faults(&post(many).await),
        [fault("queries", "Must have 1 to 20 entries."), fault("zones", "Must have 1 to 50 entries.")]
    );
    let nowhere = json!({"queries": ["bar"], "zones": ["Paris", "Nowhere", "paris", "Atlantis"]});
    assert_eq!(faults(&post(nowhere).await), [fault("zones.1", "Unknown zone."), fault("zones.3", "Unknown zone.")]);
    assert_eq!(
        faults(&post(json!({"queries": ["bar"], "zones": ["Paris"], "country": "XYZ"})).await),
        [fault("country", "Invalid format.")]
    );
    // too much of it: nothing is charged
    osm.area("state=Bretagne", [-5.0, 46.0, 3.0, 49.0]);
    let large = post(json!({"queries": ["bar", "pub"], "zones": ["Bretagne"], "scrap_mode": "ultra"})).await;
    assert_eq!((large.status, large.json()["errors"].clone()), (400, Value::Null));
    assert!(detail(&large).contains("EF"), "{}", large.body);
    osm.looks_nothing_up(&[503]);
    let busy = post(json!({"queries": ["bar"], "zones": ["Lyon"]})).await;
    assert_eq!((busy.status, busy.header("retry-after")), (503, "60"));
    assert_eq!(world.get("/api/jobs").await.json(), json!([]));
    // what failed is asked again
    osm.area("q=lyon", WEST);
    assert_eq!(post(json!({"queries": ["bar"], "zones": ["Lyon"]})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_are_codes_names_and_circles() {
    let (world, osm) = world().await;
    osm.commune("75115", 9_521, WEST);
    osm.point("postalcode=75015", 48.83, 2.35);
    osm.area("county=Paris", WEST);
    let zones = json!(["insee:75115", "75015", "75", "Paris 1km", "75115"]);
    let created = made(&world, &json!({"queries": ["bar"], "zones": zones, "scrap_mode": "ultra"})).await;
    assert_eq!(created["zones"], zones);
    let looked_up: Vec<_> = osm.looked_up().into_iter().map(|asked| asked.what).collect();
    let expected = ["osm_ids=R9521", "postalcode=75015", "county=Paris", "q=paris", "postalcode=75115"];
    assert_eq!(looked_up, expected);
    let times = osm.looked_up();
    assert!(times.windows(2).all(|pair| pair[1].time.0 - pair[0].time.1 >= Duration::from_millis(900)));
    // a circle of five kilometres has more than eighty squares of two
    assert!(created["grid_points_count"].as_u64().unwrap() > 25, "{created}");
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_servers_are_asked_again_later_and_what_was_cut_is_flagged() {
    let (world, osm) = world().await;
    let created = made(&world, &json!({"queries": ["boulangerie"], "zones": ["Paris"]})).await;
    osm.refuses(&[429, 504]);
    for _ in 0..4 {
        osm.cuts();
    }
    osm.refuses(&[504, 504, 504, 504]);
    world.settle().await;
    let done = job(&world, &created).await;
    // the first tile: twice refused, twice cut, and what was there of it is kept; the second one is cut, and then asked in vain
    assert_eq!((&done["status"], &done["processed_points"]), (&json!("done"), &json!(2)));
    assert_eq!((&done["flagged_tiles_count"], &done["error_count"]), (&json!(1), &json!(1)));
    assert_eq!(done["total_attempts_count"], json!(8));
    assert_eq!(told(&rows(&world, &created).await), [json!(["node/1", "Chez Paul", "boulangerie", "Paris"])]);
    assert_eq!(osm.asked().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_never_answers_ends_the_search() {
    let (world, osm) = world().await;
    osm.area("q=wide", [2.0, 48.0, 2.5, 48.3]);
    let created = made(&world, &json!({"queries": ["bar"], "zones": ["Wide"]})).await;
    assert!(created["grid_points_count"].as_u64().unwrap() > 20);
    // the server wants nothing to do with us: no second try helps
    osm.refuses(&[403; 40]);
    world.settle().await;
    let failed = job(&world, &created).await;
    assert_eq!((&failed["status"], &failed["processed_points"]), (&json!("failed"), &json!(20)));
    assert_eq!(failed["error_message"], json!("The places source did not answer for 20 items in a row."));
    assert_eq!(failed["dead_queries"], json!(["bar"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_stops_where_it_has_enough_and_gives_the_rest_back() {
    let (world, _) = world().await;
    let created = made(&world, &json!({"queries": ["chez", "boulangerie"], "zones": ["Paris"], "stop_at": 1})).await;
    world.settle().await;
    let done = job(&world, &created).await;
    assert_eq!(
        (&done["status"], &done["processed_points"], &done["results_count"]),
        (&json!("done"), &json!(1), &json!(1))
    );
    let used = world.bench.context.store().requests_used(world.account.user.id, world.bench.context.clock().now());
    assert_eq!(used.await.unwrap(), 1);
    let answer = world.post("/api/jobs/resume", &json!({"job_id": created["id"]})).await;
    assert_eq!(answer.status, 400, "what is done is not resumed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_search_is_resumed_where_it_stopped() {
    let (world, osm) = world().await;
    let body = json!({"queries": ["boulangerie", "chez"], "zones": ["Paris"]});
    let created = made(&world, &body).await;
    let id = created["id"].as_str().unwrap();
    world.react().await;
    // the second tile is refused, so that the search waits
    osm.put(shops());
    osm.refuses(&[429]);
    world.background(&background_work::FUNCTION, &json!({})).await;
    let cancelled = world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await.json();
    assert_eq!(cancelled["status"], json!("cancelled"));
    let resumed = world.post("/api/jobs/resume", &json!({"job_id": id})).await;
    assert_eq!(resumed.status, 200, "{}", resumed.body);
    let resumed = resumed.json();
    assert_eq!((&resumed["queries"], &resumed["grid_points_count"]), (&body["queries"], &json!(4)));
    world.settle().await;
    let done = job(&world, &resumed).await;
    assert_eq!((&done["status"], &done["results_count"]), (&json!("done"), &json!(3)));
    let expected = ["node/1", "node/2", "node/3"];
    let found = rows(&world, &resumed).await;
    assert_eq!(found.iter().map(|row| row["place_id"].as_str().unwrap()).collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_begins_with_a_search() {
    let (world, osm) = world().await;
    let search = |zone: &str| {
        let config = json!({"queries": ["boulangerie"], "zones": [zone]});
        definition(&[("a", "scrap", config), ("b", "filter", json!({"require_site": true}))], &[("a", "b")])
    };
    let unknown = world.post("/api/pipelines", &json!({"name": "P", "definition": search("Nowhere")})).await;
    let field = "definition.nodes.0.config.zones.0".to_owned();
    assert_eq!(faults(&unknown), [(field, "Unknown zone.".to_owned())]);
    osm.looks_nothing_up(&[429]);
    let busy = world.post("/api/pipelines", &json!({"name": "P", "definition": search("Lyon")})).await;
    assert_eq!(busy.status, 503, "{}", busy.body);
    let made = world.post("/api/pipelines", &json!({"name": "P", "definition": search("Paris")})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    assert_eq!(made["nodes"][0]["type"], json!("scrap"));
    world.settle().await;
    let done = world.pipeline_now(&made["id"]).await;
    assert_eq!(done["status"], json!("done"), "{done}");
    let found = world.rows(done["nodes"][1]["job_id"].as_str().unwrap()).await;
    assert_eq!(told(&found), [json!(["node/2", "Pain d'est", "boulangerie", "Paris"])]);
    // when it runs long after, its zones are looked up again
    world.bench.advance(time::Duration::days(91));
    let path = format!("/api/pipelines/{}/run", made["id"].as_str().unwrap());
    let before = osm.looked_up().len();
    assert_eq!(world.post(&path, &json!({})).await.status, 200);
    assert_eq!(osm.looked_up().len(), before + 1);
    let root = world.get(&format!("/api/jobs/{}", done["nodes"][0]["job_id"].as_str().unwrap())).await.json();
    assert_eq!((&root["queries"], &root["pipeline_id"]), (&json!(["boulangerie"]), &made["id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_searches_is_judged_before_it_is_there() {
    let (world, osm) = world().await;
    let body = |queries: Value, zone: &str| {
        let config = json!({"queries": queries, "zones": [zone], "scrap_mode": "ultra"});
        json!({"name": "P", "definition": definition(&[("a", "scrap", config.clone()), ("b", "scrap", config)], &[])})
    };
    // each of its searches is below the ceiling, or is not; both together are above the quota, or are not
    osm.area("state=Bretagne", [-5.0, 46.0, 3.0, 49.0]);
    let dear = world.post("/api/pipelines", &body(json!(["bar", "pub"]), "Bretagne")).await;
    assert!(dear.status == 400 && detail(&dear).contains("EF"), "{}", dear.body);
    let (poor, mut variables) = Osm::start().await;
    poor.area("q=paris", BOTH);
    // enough for one of them
    variables.push(("OUTSCOUT_EF_QUOTA_FREE", "0.004".to_owned()));
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let other = World::with(&variables).await;
    let above = other.post("/api/pipelines", &body(json!(["bar"]), "Paris")).await;
    assert!(above.status == 400 && detail(&above).contains("EF"), "{}", above.body);
    for world in [&world, &other] {
        assert_eq!(world.get("/api/pipelines").await.json(), json!([]));
        assert_eq!(world.get("/api/jobs").await.json(), json!([]));
    }
    // one whose address is not verified searches nowhere
    let made = world.post("/api/pipelines", &body(json!(["bar"]), "Paris")).await;
    assert_eq!(made.status, 200, "{}", made.body);
    change(&world.bench, "ada@example.com", |user| user.verified = false).await;
    let run = format!("/api/pipelines/{}/run", made.json()["id"].as_str().unwrap());
    for (path, body) in [("/api/pipelines", body(json!(["bar"]), "Paris")), (run.as_str(), json!({}))] {
        let refused = world.post(path, &body).await;
        assert_eq!((refused.status, detail(&refused).as_str()), (403, "Verify your e-mail address first."), "{path}");
    }
    let import = definition(&[("a", "import", json!({"text": "nom\nA"}))], &[]);
    assert_eq!(world.post("/api/pipelines", &json!({"name": "P", "definition": import})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_says_nothing_is_not_believed() {
    let (world, osm) = world().await;
    osm.commune("75115", 9_521, WEST);
    let body = json!({"queries": ["bar"], "zones": ["insee:75115"]});
    osm.cuts();
    assert_eq!(world.post("/api/jobs", &body).await.status, 503);
    assert_eq!(world.post("/api/jobs", &body).await.status, 200);
    // a circle keeps no outline
    let created = made(&world, &json!({"queries": ["bar"], "zones": ["insee:75115 1km"]})).await;
    assert!(created["grid_points_count"].as_u64().unwrap() <= 4, "{created}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_veille_searches_again_and_tells_what_changed() {
    let (world, osm) = world().await;
    let created = made(&world, &json!({"queries": ["boulangerie"], "zones": ["Rive gauche"]})).await;
    world.settle().await;
    let asked = json!({"name": "Bakers", "source_job_id": created["id"], "frequency_days": 1});
    let veille = world.post("/api/veille", &asked).await;
    assert_eq!(veille.status, 200, "{}", veille.body);
    let mut now = shops();
    now.remove(0);
    now.push(node(6, 48.83, 2.33, json!({"shop": "bakery", "name": "Le Nouveau"})));
    osm.put(now);
    // the rows of the first search are gone by then, its text with them, and what was known of its zone
    world.bench.advance(time::Duration::days(91));
    world.tick().await;
    world.settle().await;
    let runs = world.runs(&veille.json()).await;
    assert_eq!(runs[0]["status"], json!("done"), "{runs:?}");
    let counts = &runs[0]["counts"];
    assert_eq!(
        (&counts["new"], &counts["closed"], &counts["unchanged"]),
        (&json!(1), &json!(1), &json!(1)),
        "{counts}"
    );
    assert_eq!(osm.looked_up().len(), 2);
}
