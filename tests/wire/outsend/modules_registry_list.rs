//! `GET /api/modules-registry`: what there is to run (outsend 13).

use harness::{outsend::jobs::World, snapshot};
use serde_json::json;

#[tokio::test]
async fn the_registry_is_public() {
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
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let answer = world.call("GET", "/api/modules-registry", &[], "").await;
    snapshot!("modules-registry-list", &answer);
}
