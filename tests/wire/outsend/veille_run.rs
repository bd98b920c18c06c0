//! `GET /api/veille/{veille}/runs/{run}`: a run with what changed (outsend 15.2, 15.4).

use harness::{
    outsend::{
        detail,
        veille::{at, faults, key, one_run, table, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn each_bucket_with_whole_rows() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs/1", veille["id"]);
    let run = world.get(&path).await.json();
    let mut plain = run.clone();
    plain.as_object_mut().unwrap().remove("diff");
    assert_eq!(plain, world.runs(&veille).await[0], "the run as the list has it");
    let rows = world.rows(run["job_id"].as_str().unwrap()).await;
    assert_eq!(run["diff"]["new"], json!([rows[0]]));
    let closed = json!([{
        "nom": "Place 4", "adresse": "4 rue A", "ville": "Paris", "telephone": "+33145310004",
        "site_web": "https://four.test/", "lien_google_maps": key(4), "rating": "", "reviews_count": "",
    }]);
    assert_eq!(run["diff"]["closed"], closed);
    let of = |rating: Value, reviews: Value, phone: &str, site: Value| json!({"rating": rating, "reviews_count": reviews, "telephone": phone, "site_web": site});
    let expected = [
        json!({
            "key": key(2), "score": 40, "changes": ["rating"],
            "before": of(json!(4), json!(10), "+33145310002", json!("https://two.test/")),
            "after": of(json!(3), json!(10), "01 45 31 00 02", json!("two.test")), "row": rows[2],
        }),
        json!({
            "key": key(1), "score": 36, "changes": ["rating", "reviews_count", "telephone"],
            "before": of(json!(4.5), json!(100), "+33145310000", json!("https://example.org/")),
            "after": of(json!(4.2), json!(130), "+33145310001", json!("https://example.org/")), "row": rows[1],
        }),
        json!({
            "key": key(3), "score": 15, "changes": ["site_web"],
            "before": of(json!(3), json!(7), "+33145310003", Value::Null),
            "after": of(json!(3), json!(7), "+33145310003", json!("https://three.test/")), "row": rows[3],
        }),
    ];
    assert_eq!(run["diff"]["modified"], json!(expected));
    // it stays when the jobs' rows are purged
    world.bench.advance(Duration::days(40));
    world.settle().await;
    assert_eq!(world.get(&path).await.json(), run);
}

#[tokio::test]
async fn compared_with_rows_that_were_purged_long_ago() {
    let world = world().await;
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[(1, "", "a.fr", "4", ""), (2, "", "b.fr", "", "5")]));
    let veille = world.veille(&world.importing(&source).await, 60).await;
    world.bench.advance(Duration::days(30));
    world.settle().await;
    source.serves(&table(&[(2, "", "b.fr", "", "6")]));
    assert_eq!(world.next_run(&veille).await["counts"], json!({"new": 0, "closed": 1, "modified": 1, "unchanged": 0}));
    let run = world.get(&format!("/api/veille/{}/runs/1", veille["id"])).await.json();
    let closed = &run["diff"]["closed"][0];
    assert_eq!((&closed["nom"], &closed["rating"]), (&json!("Place 1"), &json!("4")));
    assert_eq!(run["diff"]["modified"][0]["before"]["reviews_count"], 5);
    // and again, with its own rows gone
    source.serves(&table(&[]));
    assert_eq!(world.next_run(&veille).await["counts"], json!({"new": 0, "closed": 1, "modified": 0, "unchanged": 0}));
    let run = world.get(&format!("/api/veille/{}/runs/2", veille["id"])).await.json();
    assert_eq!(run["diff"]["closed"][0]["nom"], "Place 2");
}

#[tokio::test]
async fn pages_of_each_bucket() {
    let world = world().await;
    let source = Receiver::start().await.unwrap();
    let places = |range: std::ops::Range<u32>, rating| range.map(|n| (n, "", "", rating, "")).collect::<Vec<_>>();
    source.serves(&table(&places(0..500, "3")));
    let veille = world.veille(&world.importing(&source).await, 1).await;
    // 250 of each
    source.serves(&table(&places(250..750, "5")));
    let counts = json!({"new": 250, "closed": 250, "modified": 250, "unchanged": 0});
    assert_eq!(world.next_run(&veille).await["counts"], counts);
    let path = format!("/api/veille/{}/runs/1", veille["id"]);
    let whole = world.get(&format!("{path}?limit=1000")).await.json();
    assert_eq!(whole["counts"], counts);
    for (bucket, range) in [("new", 500..750), ("closed", 0..250), ("modified", 250..500)] {
        let rows = whole["diff"][bucket].as_array().unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.get("row").unwrap_or(row)["lien_google_maps"].clone()).collect();
        let mut keys: Vec<_> = range.map(key).collect();
        keys.sort();
        assert_eq!(found, keys, "{bucket}: of one score by key");
        let default = world.get(&path).await.json()["diff"][bucket].as_array().unwrap().clone();
        assert_eq!(default, rows[..200]);
        let mut pages = Vec::new();
        for offset in [0, 120, 240] {
            let page = world.get(&format!("{path}?limit=120&offset={offset}")).await.json();
            assert_eq!(page["counts"], counts);
            pages.extend(page["diff"][bucket].as_array().unwrap().clone());
        }
        assert_eq!(pages, *rows, "{bucket}");
    }
    let beyond = world.get(&format!("{path}?offset=250")).await.json();
    assert_eq!(beyond["diff"], json!({"new": [], "closed": [], "modified": []}));
}

#[tokio::test]
async fn a_run_that_is_not_done_has_no_diff_yet() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    source.answers(500, "");
    world.tick().await;
    let empty = json!({"new": [], "closed": [], "modified": []});
    let path = format!("/api/veille/{}/runs/2", veille["id"]);
    assert_eq!(world.get(&path).await.json()["diff"], empty, "waiting");
    world.settle().await;
    let failed = world.get(&path).await.json();
    assert_eq!((&failed["status"], &failed["diff"]), (&json!("failed"), &empty));
}

#[tokio::test]
async fn what_is_wrong_and_who_may_not() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}/runs", veille["id"]);
    for (query, field) in [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("offset=-1", "offset")]
    {
        let told = faults(&world.get(&format!("{path}/1?{query}")).await);
        assert_eq!((told.len(), told[0].0.as_str()), (1, field), "{query}");
    }
    for id in ["2", "0", "-1", "x", "1.0", "99999999999999999999"] {
        let answer = world.get(&format!("{path}/{id}?limit=0")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Run not found."), "{id}");
    }
    let other = world.other("bob@example.com").await;
    for (caller, path) in [(&other, format!("{path}/1")), (&world, "/api/veille/x/runs/1".to_owned())] {
        let answer = caller.get(&path).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Monitor not found."), "{path}");
    }
}

#[tokio::test]
async fn a_success_is_announced_and_nothing_else() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    let feed = async || world.get("/api/events?event=veille.run_completed").await.json()["events"].clone();
    let mut expected = world.runs(&veille).await.remove(0);
    expected["veille"] = world.veille_now(&veille).await;
    let told = feed().await;
    assert_eq!((told.as_array().unwrap().len(), &told[0]["data"]), (1, &expected));
    source.answers(500, "");
    assert_eq!(world.next_run(&veille).await["status"], "failed");
    assert_eq!(feed().await, told);
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let answer = world.get(&format!("/api/veille/{}/runs/1", veille["id"])).await;
    snapshot!("veille-run", &answer);
}
