//! A job from its creation to its rows (outsend 8, 9, 12.5).

use harness::{
    Answer,
    outsend::{detail, jobs::World},
};
use serde_json::{Value, json};

/// A verification of rows with aliases for columns, two of which are not usable.
async fn verification(world: &World) -> Answer {
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
    answer
}

#[tokio::test]
async fn a_verification_from_its_creation_to_its_rows() {
    let world = World::start().await;
    let answer = verification(&world).await;
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
        "pipeline_id": null, "email_mode": null, "breakdown": {"ignored": 1}, "dead_queries": [],
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
    assert_eq!(done["breakdown"], json!({"ignored": 1, "by_status": {"unknown": 1, "invalid": 2, "risky": 1}}));
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
    assert_eq!(world.get("/api/jobs").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rows_as_files() {
    let world = World::start().await;
    let id = verification(&world).await.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    let rows = world.rows(&id).await;
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
}

#[tokio::test]
async fn odd_cells_come_out_as_they_went_in() {
    let world = World::start().await;
    let items = json!([
        {"email": "a@one.test", "f": "=HYPERLINK(\"http://x\")", "n": "-1.5", "t": "a;b\"c\r\nd", "z": "nul\u{0}l", "=cmd": true},
        {"email": "b@one.test", "f": "+33612345678", "n": 12_345_678_901_234_567_890_u64, "t": " x ", "z": "é\u{1F600}", "=cmd": null},
    ]);
    let answer = world.post("/api/jobs/verify-emails", &json!({"items": items})).await;
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    world.settle().await;
    let rows = world.rows(&id).await;
    for (row, item) in rows.iter().zip(items.as_array().unwrap()) {
        for (key, cell) in item.as_object().unwrap() {
            assert_eq!(&row[key], cell, "{key}");
        }
    }
    let csv = world.get(&format!("/api/jobs/{id}/download?format=csv")).await;
    let lines: Vec<_> = csv.body.split("\r\n").collect();
    assert!(lines[0].contains(";'=cmd;"), "{}", lines[0]);
    assert!(csv.body.contains(";\"'=HYPERLINK(\"\"http://x\"\")\";-1.5;\"a;b\"\"c\r\nd\";"), "{}", csv.body);
    assert!(csv.body.contains(";+33612345678;12345678901234567890;\" x \";"), "{}", csv.body);
    assert_eq!(world.get(&format!("/api/jobs/{id}/download")).await.json(), serde_json::Value::from(rows));
}
