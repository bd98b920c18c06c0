//! Every row of the status tables of outsend 8 and 13, and the snapshots of their successes.

use serde_json::{Value, json};
use time::Duration;

use super::World;
use crate::outsend::detail;

#[tokio::test]
async fn a_verification_from_its_creation_to_its_rows() {
    let world = World::start().await;
    let items = json!([
        {"Company": "Roe", "e-mail": " Dana@Roe.test ", "note": 4.5},
        {"e-mail": "dana@roe.test", "Company": "again"},
        {"Company": "nobody"},
        {"e-mail": "info@null.test", "extra": ["a", "b"]},
        {"e-mail": "x@nx.test"},
        {"e-mail": "x@gmial.com"},
    ]);
    let answer = world.post("/api/jobs/verify_emails", &json!({"items": items, "unknown": 1})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("ratelimit-policy"), "\"jobs\";q=30;w=60");
    let mut job = answer.json();
    let id = job["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("j_") && id.len() == 28);
    for time in ["created_at", "expires_at"] {
        assert_eq!(job[time].take().as_str().unwrap().len(), 20);
    }
    job["id"].take();
    let expected = json!({
        "id": null, "job_type": "verify_emails", "queries": [], "zones": [], "include_reviews": false,
        "status": "pending", "grid_points_count": 4, "processed_points": 0, "results_count": 0, "error_count": 0,
        "ef_cost": 0.0, "created_at": null, "started_at": null, "completed_at": null, "expires_at": null,
        "error_message": null, "output_filename": null, "download_available": false, "source_job_id": null,
        "pipeline_id": null, "email_mode": null, "breakdown": {"ignored": 2}, "dead_queries": [],
        "flagged_tiles_count": 0, "total_attempts_count": 0, "query_stats": {},
    });
    assert_eq!(job.to_string(), expected.to_string(), "members in the contract's order");
    assert_eq!(detail(&world.get(&format!("/api/jobs/{id}/download")).await), "Result file is not ready.");
    let page = world.get(&format!("/api/jobs/{id}/items")).await;
    assert_eq!(page.json(), json!({"items": [], "total": 0, "limit": 100, "offset": 0}));

    world.settle().await;
    let done = world.get(&format!("/api/jobs/{}", id.to_lowercase())).await.json();
    assert_eq!(
        (&done["status"], &done["processed_points"], &done["results_count"]),
        (&json!("done"), &json!(4), &json!(4))
    );
    assert_eq!(done["breakdown"], json!({"ignored": 2, "by_status": {"unknown": 1, "invalid": 2, "risky": 1}}));
    assert_eq!(done["output_filename"], format!("verify_emails_{id}.csv"));
    assert_eq!(done["download_available"], true);
    assert!(done["started_at"].is_string() && done["completed_at"].is_string());
    let rows = world.rows(&id).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["email"].as_str().unwrap(),
                row["status"].as_str().unwrap(),
                row["category"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "dana@roe.test unknown smtp",
            "info@null.test invalid no_mx",
            "x@nx.test invalid no_mx",
            "x@gmial.com risky suspect"
        ]
    );
    let columns: Vec<_> = rows[0].as_object().unwrap().keys().map(String::as_str).collect();
    let own = ["status", "category", "reason", "suggested_fix", "smtp_code", "catch_all"];
    assert_eq!(columns, [&["nom", "email", "rating", "extra"][..], &own[..]].concat());
    assert_eq!(
        (&rows[0]["rating"], &rows[1]["extra"], &rows[0]["extra"]),
        (&json!(4.5), &json!(["a", "b"]), &Value::Null)
    );
    assert_eq!(rows[3]["suggested_fix"], "x@gmail.com");

    let csv = world.get(&format!("/api/jobs/{id}/download?format=csv")).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8"));
    let name = format!("attachment; filename=\"verify_emails_{id}.csv\"");
    assert_eq!(csv.header("content-disposition"), name);
    assert!(csv.body.starts_with("\u{feff}nom;email;rating;extra;status;"), "{}", csv.body);
    assert!(csv.body.contains(";a | b;") && csv.body.ends_with("\r\n") && csv.body.lines().count() == 5);
    let file = world.get(&format!("/api/jobs/{id}/download")).await;
    assert_eq!((file.header("content-type"), file.json()), ("application/json", Value::from(rows)));
    let sheet = world.get(&format!("/api/jobs/{id}/download?format=xlsx")).await;
    assert_eq!((sheet.status, sheet.bytes.get(..2)), (200, Some(&b"PK"[..])));
    let wrong = world.get(&format!("/api/jobs/{id}/download?format=ods")).await;
    let errors = json!([{"field": "format", "message": "Must be one of: csv, json, xlsx."}]);
    assert_eq!((wrong.status, &wrong.json()["errors"]), (422, &errors));
    assert_eq!(world.get("/api/jobs").await.json().as_array().unwrap().len(), 1);
}

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
    for slug in ["emails", "reviews", "dead-check", "dead_check", "delivery-check", "scrap"] {
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
    assert_eq!(create("verify-emails", json!({"items": [1]})).await, invalid("items.0", "Must be a object."));
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
    let unknown = "j_01KSMB92NRM7N8P9Q0R1S2T3V4";
    for source in [unknown, "nonsense"] {
        assert_eq!(create("verify-emails", json!({"source_job_id": source})).await, refused(404, "Job not found."));
    }
    let both = json!({"source_job_id": 1, "items": [{"email": "a@b.test"}]});
    assert_eq!(create("verify-emails", both).await, invalid("source_job_id", "Must be a string."));
    let answer = world.call("POST", "/api/jobs/verify-emails", &[("cookie", &world.session)], "{").await;
    assert_eq!((answer.status, detail(&answer).as_str()), (400, "Request body is not valid JSON."));
    let huge = format!("{{\"items\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    let answer = world.call("POST", "/api/jobs/verify-emails", &[("cookie", &world.session)], &huge).await;
    assert_eq!(answer.status, 413);
    assert_eq!(world.get("/api/jobs").await.body, "[]");
    let settings = world.bench.context.settings();
    let stored = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
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
async fn lists_pages_and_filters() {
    let world = World::with(&[("OUTSCOUT_EF_QUOTA_FREE", "")]).await;
    let mut ids = Vec::new();
    for number in 0..7 {
        world.bench.advance(Duration::seconds(if number % 2 == 0 { 0 } else { 2 }));
        ids.push(world.verification(&[&format!("a{number}@one.test")]).await);
    }
    let list = |query: &'static str| {
        let world = &world;
        async move {
            let answer = world.get(&format!("/api/jobs?{query}")).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let jobs = answer.json();
            jobs.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    let all = list("limit=500").await;
    let mut expected = Vec::new();
    for id in &ids {
        let job = world.job(id).await;
        expected.push((std::cmp::Reverse(job.created_at.unix_timestamp()), std::cmp::Reverse(id.clone())));
    }
    expected.sort();
    assert_eq!(
        all,
        expected.into_iter().map(|(_, id)| id.0).collect::<Vec<_>>(),
        "newest first, then by id descending"
    );
    assert_eq!([list("limit=3").await, list("limit=3&offset=3").await, list("limit=3&offset=6").await].concat(), all);
    assert!(list("offset=100000").await.is_empty());
    world.react().await;
    assert_eq!(list("status=running").await.len(), 5);
    assert_eq!(list("status=pending").await.len(), 2);
    assert_eq!(
        [list("status=pending&limit=1").await, list("status=pending&limit=1&offset=1").await].concat(),
        list("status=pending").await
    );
    assert_eq!(list("status=running,pending&type=verify-emails").await, all);
    assert_eq!(list("type=verify_emails&limit=2&offset=2").await, all[2..4]);
    assert_eq!(list("type=scrap&type=verify-emails").await, all);
    assert!(list("type=scrap").await.is_empty());
    assert!(list("status=done").await.is_empty());
    world.settle().await;
    assert_eq!(list("status=done&limit=4&offset=2").await, all[2..6]);
    world.bench.advance(Duration::days(8));
    assert!(list("status=done").await.is_empty(), "as expired from the very instant, swept or not");
    assert_eq!(list("status=expired").await, all);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("status=finished", "status"),
        ("status=done,", "status"),
        ("type=queue", "type"),
    ] {
        let answer = world.get(&format!("/api/jobs?{query}")).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["field"].as_str()), (422, Some(field)), "{query}");
    }
}

#[tokio::test]
async fn another_one_s_job_is_not_there() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test"]).await;
    world.settle().await;
    let other = world.other("bob@example.com").await;
    for id in [id.as_str(), "j_01KSMB92NRM7N8P9Q0R1S2T3V4", "nonsense"] {
        let paths = [
            ("GET", format!("/api/jobs/{id}")),
            ("GET", format!("/api/jobs/{id}/items")),
            ("GET", format!("/api/jobs/{id}/download")),
            ("GET", format!("/api/jobs/{id}/stream")),
            ("GET", format!("/api/jobs/{id}/report")),
            ("POST", format!("/api/jobs/{id}/cancel")),
            ("DELETE", format!("/api/jobs/{id}")),
        ];
        for (method, path) in paths {
            let answer = other.call(method, &path, &[("cookie", &other.session)], "").await;
            assert_eq!((answer.status, detail(&answer).as_str()), (404, "Job not found."), "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
    let resumed = other.post("/api/jobs/resume", &json!({"job_id": id})).await;
    assert_eq!((resumed.status, detail(&resumed).as_str()), (404, "Job not found."));
    assert_eq!(detail(&world.get(&format!("/api/jobs/{id}/report")).await), "File not found.");
    assert_eq!(other.get("/api/jobs").await.body, "[]");
}

#[tokio::test]
async fn the_registry_is_public_and_takes_votes() {
    let world = World::start().await;
    let answer = world.call("GET", "/api/modules-registry", &[], "").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=60"));
    let modules = answer.json()["modules"].as_array().unwrap().clone();
    assert_eq!(modules.len(), 18);
    let expected = json!({
        "slug": "verify_emails", "category": "tools",
        "label": {"fr": "Vérification d'e-mails", "en": "Email verification"}, "needs": ["email"],
        "produces": ["status", "category", "reason", "suggested_fix", "smtp_code", "catch_all"], "pipelinable": true,
        "is_on_demand": false, "coming_soon": false, "alpha_unavailable": false,
        "api_endpoint": "/api/jobs/verify-emails", "progress_unit": "items", "result_unit": "rows",
    });
    assert_eq!(modules[4], expected);
    assert!(modules.iter().all(|entry| entry["pipelinable"] == (entry["slug"] != "delivery_check")));
    assert!(world.get("/api/modules-registry").await.header("ratelimit-policy").starts_with("\"free\""));

    let vote = |slug: &'static str, body: Value| {
        let world = &world;
        async move { world.post(&format!("/api/modules-registry/{slug}/interest"), &body).await }
    };
    let first = vote("reviews", json!({})).await;
    assert_eq!((first.status, first.header("ratelimit-policy")), (200, "\"feedback\";q=20;w=3600"));
    let thread = first.json()["thread_id"].as_str().unwrap().to_owned();
    assert!(thread.starts_with("fb_") && thread.len() == 29);
    assert_eq!(first.json(), json!({"ok": true, "slug": "reviews", "thread_id": thread}));
    for message in ["please", "soon"] {
        assert_eq!(vote("reviews", json!({"message": message})).await.json()["thread_id"], thread);
    }
    let threads = world.bench.context.store().threads(world.account.user.id).await.unwrap();
    assert_eq!(threads.len(), 1);
    let texts: Vec<_> = threads[0].messages.iter().map(|(_, text, _)| text.as_str()).collect();
    assert_eq!(texts, ["please", "soon"]);
    assert_eq!(detail(&vote("verify_emails", json!({})).await), "Module is already available.");
    assert_eq!(detail(&vote("nonsense", json!({})).await), "Module not found.");
    assert_eq!(vote("reviews", json!({"message": "x".repeat(5_001)})).await.status, 422);
    assert_eq!(world.call("POST", "/api/modules-registry/reviews/interest", &[], "").await.status, 401);
}
