//! `POST /api/jobs` and `POST /api/jobs/{type}`: a job that finds places, or one over rows (outsend 8.2, 8.3).

use harness::{
    functions::{Api, routed},
    osm::Osm,
    outsend::{detail, jobs::World},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn what_cannot_be_created_is_told_and_stored_nowhere() {
    let world = World::start().await;
    let create = |kind: &'static str, body: Value| {
        let world = &world;
        async move {
            world.bench.advance(Duration::minutes(1));
            let answer = world.post(&format!("/api/jobs/{kind}"), &body).await;
            (answer.status, detail(&answer), answer.json()["errors"].clone())
        }
    };
    let refused = |status: u64, text: &str| (status, text.to_owned(), Value::Null);
    let invalid = |field: &str, message: &str| {
        (422, "Validation failed.".to_owned(), json!([{"field": field, "message": message}]))
    };
    assert_eq!(create("nonsense", json!({})).await, refused(404, "Unknown job type."));
    assert_eq!(create("queue", json!({"items": []})).await, refused(404, "Unknown job type."));
    for slug in ["import", "filter", "sort"] {
        let text = format!("Module {slug} only runs inside a pipeline.");
        assert_eq!(create(slug, json!({})).await, refused(400, &text));
    }
    for slug in ["reviews", "delivery-check", "delivery_check"] {
        let text = format!("Module {} is temporarily unavailable.", slug.replace('-', "_"));
        assert_eq!(create(slug, json!({"items": [{"site_web": "a.test"}]})).await, refused(503, &text));
    }
    assert_eq!(create("verify-emails", json!({})).await, invalid("items", "Field is required."));
    assert_eq!(create("verify-emails", json!({"items": null})).await, invalid("items", "Field is required."));
    assert_eq!(create("verify-emails", json!({"items": {}})).await, invalid("items", "Must be a list."));
    assert_eq!(create("verify-emails", json!({"items": []})).await, invalid("items", "Must have 1 to 10000 entries."));
    let many: Vec<_> = (0..10_001).map(|_| json!({"email": "a@b.test"})).collect();
    assert_eq!(
        create("verify-emails", json!({"items": many})).await,
        invalid("items", "Must have 1 to 10000 entries.")
    );
    assert_eq!(create("verify-emails", json!({"items": [1]})).await, invalid("items.0", "Must be an object."));
    let nested = json!({"items": [{"email": "a@b.test"}, {"email": {"a": 1}}]});
    assert_eq!(create("verify-emails", nested).await, invalid("items.1.email", "Invalid format."));
    let nested = json!({"items": [{"email": "a@b.test", "x": [[1]]}]});
    assert_eq!(create("verify-emails", nested).await, invalid("items.0.x", "Invalid format."));
    let wide: serde_json::Map<_, _> = (0..201).map(|key| (format!("k{key}"), json!(1))).collect();
    assert_eq!(create("verify-emails", json!({"items": [wide]})).await, invalid("items", "Invalid format."));
    let long = json!({"items": [{"email": "a@b.test", "text": "x".repeat(33_000)}]});
    assert_eq!(create("verify-emails", long).await, invalid("items.0", "Invalid format."));
    let useless = json!({"items": [{"email": "nobody"}, {"nom": "X"}]});
    assert_eq!(create("verify-emails", useless).await, invalid("items", "No usable row: every item lacks email."));
    let seen = invalid("items", "No usable row: every item lacks email. Columns: Contact, nom.");
    assert_eq!(create("verify-emails", json!({"items": [{"Contact": "a@b.test", "nom": "X"}]})).await, seen);
    let unknown = "j_01KSMB92NRM7N8P9Q0R1S2T3V4";
    for source in [unknown, "nonsense"] {
        assert_eq!(create("verify-emails", json!({"source_job_id": source})).await, refused(404, "Job not found."));
    }
    let neither = json!({"source_job_id": unknown, "items": [{"email": "nobody"}]});
    assert_eq!(create("verify-emails", neither).await, invalid("items", "No usable row: every item lacks email."));
    let both = json!({"source_job_id": 1, "items": [{"email": "a@b.test"}]});
    assert_eq!(create("verify-emails", both).await, invalid("source_job_id", "Must be a string."));
    let answer = world.call("POST", "/api/jobs/verify-emails", &[("cookie", &world.session)], "{").await;
    assert_eq!((answer.status, detail(&answer).as_str()), (400, "Request body is not valid JSON (line 1, column 1)."));
    // what is no UTF-8 is no JSON, wherever it stands; columns are counted in characters
    let body = b"{\"\xc3\xa9\":1,\n\"\xc3\xa9\": \"\xff\",\"items\":[{\"email\":\"a@b.test\"}]}";
    let (path, headers) = ("/api/jobs/verify-emails", [("cookie", world.session.as_str())]);
    let answer = world.bench.send(routed(Api::Outsend, "POST", path), "POST", path, &headers, body).await.unwrap();
    assert_eq!((answer.status, detail(&answer).as_str()), (400, "Request body is not valid JSON (line 2, column 7)."));
    let huge = format!("{{\"items\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    let answer = world.call("POST", "/api/jobs/verify-emails", &[("cookie", &world.session)], &huge).await;
    assert_eq!(answer.status, 413);
    assert_eq!(world.get("/api/jobs").await.body, "[]");
    let stored = world.bench.items("main").await.unwrap();
    for prefix in ["JOB#", "LANE#", "WAIT#", "DEADLINE#", "QUOTA#"] {
        assert!(stored.iter().all(|item| !item.contains(prefix)), "{prefix}");
    }
}

#[tokio::test]
async fn a_source_alone_gives_its_rows() {
    let world = World::start().await;
    let source = world.verification(&["a@one.test", "b@one.test", "nx@nx.test"]).await;
    let body = json!({"source_job_id": source});
    let early = world.post("/api/jobs/verify-emails", &body).await;
    assert_eq!((early.status, detail(&early).as_str()), (400, "Source is not completed."));
    world.settle().await;
    let job = world.post("/api/jobs/verify-emails", &body).await.json();
    assert_eq!((&job["source_job_id"], &job["grid_points_count"]), (&json!(source), &json!(3)));
    // lineage only, beside rows of its own
    let lineage = json!({"source_job_id": source, "items": [{"email": "c@two.test"}]});
    let lineage = world.post("/api/jobs/verify-emails", &lineage).await.json();
    assert_eq!((&lineage["source_job_id"], &lineage["grid_points_count"]), (&json!(source), &json!(1)));
    world.settle().await;
    assert_eq!(world.rows(job["id"].as_str().unwrap()).await, world.rows(&source).await);
    let other = world.other("bob@example.com").await;
    assert_eq!(other.post("/api/jobs/verify-emails", &body).await.status, 404, "another one's job");
    world.bench.advance(Duration::days(7) + Duration::seconds(2));
    let late = world.post("/api/jobs/verify-emails", &body).await;
    assert_eq!((late.status, detail(&late).as_str()), (400, "Source results are no longer available."));
}

#[tokio::test]
async fn keys_of_one_meaning_are_read_row_by_row() {
    let world = World::start().await;
    let items = json!([
        {"email": "a@one.test", "nom": "A"}, {"Email": "b@one.test", "nom": "B"}, {"E-Mail": "c@one.test"},
        {"email": "", "emailAddress": "d@one.test"}, {"email": "a@one.test", "EMAIL": "e@one.test"},
    ]);
    let made = world.post("/api/jobs/verify-emails", &json!({"items": items})).await;
    assert_eq!((made.status, &made.json()["grid_points_count"]), (200, &json!(4)), "{}", made.body);
    world.react().await;
    world.settle().await;
    let rows = world.rows(made.json()["id"].as_str().unwrap()).await;
    let emails: Vec<_> = rows.iter().map(|row| row["email"].as_str().unwrap()).collect();
    assert_eq!(emails, ["a@one.test", "b@one.test", "c@one.test", "d@one.test"]);
    assert_eq!(rows[1]["Email"], "b@one.test", "nothing of the user's is lost");
}

#[tokio::test]
async fn a_user_s_own_columns_are_never_lost() {
    let world = World::start().await;
    let row = json!({"Lead Status": "won", "Status": "contacted", "status": "hot", "Type": "bakery", "reason": "met at fair",
        "email": "s1@one.test"});
    let made = world.post("/api/jobs/verify-emails", &json!({"items": [row]})).await.json();
    world.react().await;
    world.settle().await;
    let rows = world.rows(made["id"].as_str().unwrap()).await;
    let kept = ["Lead Status", "Status", "source_status", "source_category", "source_reason", "email"];
    let kept: Vec<&Value> = kept.iter().map(|name| &rows[0][*name]).collect();
    assert_eq!(kept, ["won", "contacted", "hot", "bakery", "met at fair", "s1@one.test"]);
    assert_eq!((&rows[0]["status"], &rows[0]["category"]), (&json!("unknown"), &json!("smtp")));
}

#[tokio::test]
async fn a_row_has_32_kib_of_compact_json() {
    let world = World::start().await;
    let row = |padding: usize| json!({"email": "a@one.test", "l": [1, null, "\u{1}\"\\é"], "t": "x".repeat(padding)});
    let fits = 32_768 - row(0).to_string().len();
    for (padding, status) in [(fits, 200), (fits + 1, 422)] {
        // blanks and escapes of the sender's do not count
        let text = serde_json::to_string_pretty(&json!({"items": [row(padding)]})).unwrap().replace('é', "\\u00e9");
        let made = world.call("POST", "/api/jobs/verify-emails", &[("x-api-key", &world.key)], &text).await;
        assert_eq!(made.status, status, "{}", &made.body[..made.body.len().min(300)]);
    }
}

#[tokio::test]
async fn no_format_loses_a_digit() {
    let world = World::start().await;
    let (long, fine) = ("123456789012345678901234567890", "0.1234567890123456789");
    let items = format!(r#"{{"items":[{{"email":"a@one.test","n":{long},"d":[{fine},1.5],"f":4.0,"huge":1e999}}]}}"#);
    let made = world.call("POST", "/api/jobs/verify-emails", &[("x-api-key", &world.key)], &items).await;
    assert_eq!(made.status, 200, "{}", made.body);
    world.react().await;
    world.settle().await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let row = &world.rows(&id).await[0];
    assert_eq!((&row["n"], &row["d"], &row["f"]), (&json!(long), &json!([fine, 1.5]), &json!(4.0)));
    let csv = world.get(&format!("/api/jobs/{id}/download?format=csv")).await.body;
    assert!(csv.contains(&format!(";{long};{fine} | 1.5;4.0;1e999;")), "{csv}");
    let unread = r#"{"items":[{"email":"a@one.test"}],"nobody":["\ud800",1e999]}"#;
    let taken = world.call("POST", "/api/jobs/verify-emails", &[("x-api-key", &world.key)], unread).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    let half = r#"{"items":[{"email":"a@one.test"}],"source_job_id":"\ud800"}"#;
    let refused = world.call("POST", "/api/jobs/verify-emails", &[("x-api-key", &world.key)], half).await;
    assert_eq!(refused.json()["errors"], json!([{"field": "source_job_id", "message": "Invalid format."}]));
    let half = r#"{"items":[{"email":"a@one.test","n":"\ud800"}]}"#;
    let refused = world.call("POST", "/api/jobs/verify-emails", &[("x-api-key", &world.key)], half).await;
    assert_eq!(refused.json()["errors"], json!([{"field": "items.0.n", "message": "Invalid format."}]));
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let body = json!({"items": [{"email": "a@one.test", "note": 4.5}, {"nom": "nobody"}]});
    let answer = world.post("/api/jobs/verify-emails", &body).await;
    snapshot!("jobs-create", &answer);
}

#[tokio::test]
async fn a_search_for_places_succeeds_at_both_addresses() {
    let (osm, variables) = Osm::start().await;
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let world = World::with(&variables).await;
    osm.area("q=paris", [2.30, 48.80, 2.45, 48.86]);
    let body = json!({"queries": ["bakery", "dentist"], "zones": ["Paris"]});
    let answer = world.post("/api/jobs", &body).await;
    assert_eq!((answer.status, &answer.json()["grid_points_count"]), (200, &json!(4)), "{}", answer.body);
    let named = world.post("/api/jobs/scrap", &body).await;
    assert_eq!((named.status, &named.json()["job_type"]), (200, &json!("scrap")));
}
