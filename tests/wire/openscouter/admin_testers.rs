//! `GET /api/admin/testers`: all testers, newest first (openscouter 17).

use harness::{
    openscouter::{ask, bearer, cost, data, erase_due, error, patch, person, role, team::Team, testers_follow, told},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

const PATH: &str = "/api/admin/testers";

async fn rows(team: &Team, query: &str) -> (u64, Vec<String>) {
    testers_follow(&team.bench).await;
    let answer = team.admin("GET", &format!("{PATH}{query}"), &Value::Null).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let body = answer.json();
    let emails =
        data(&answer).as_array().unwrap().iter().map(|row| row["email"].as_str().unwrap().to_owned()).collect();
    (body["metadata"]["total"].as_u64().unwrap(), emails)
}

fn some(total: u64, emails: &[&str]) -> (u64, Vec<String>) {
    (total, emails.iter().map(|name| format!("{name}@example.com")).collect())
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    testers_follow(&team.bench).await;
    let answer = team.admin("GET", PATH, &Value::Null).await;
    snapshot!("admin-testers", &answer);
}

#[tokio::test]
async fn only_admins_see_them() {
    let team = Team::start().await;
    for credential in [&team.owner, &team.tester] {
        let answer = ask(&team.bench, credential, "GET", PATH, &Value::Null).await;
        assert_eq!(told(&answer), role());
    }
}

#[tokio::test]
async fn filters_are_checked() {
    let team = Team::start().await;
    for (query, status, text) in [
        ("?status=gone", 422, "status: must be one of: active, suspended, pending"),
        ("?country=de", 422, "country: must be an ISO 3166-1 alpha-2 code"),
        ("?minSessions=x", 400, "minSessions: must be an integer of at least 0"),
        ("?minSessions=-1", 400, "minSessions: must be an integer of at least 0"),
        ("?page=0", 400, "page: must be an integer of at least 1"),
    ] {
        let answer = team.admin("GET", &format!("{PATH}{query}"), &Value::Null).await;
        assert_eq!((answer.status, error(&answer)), (status, text.to_owned()), "{query}");
    }
    assert_eq!(rows(&team, "?minSessions=999999999999999999").await, some(0, &[]));
}

#[tokio::test]
async fn lists_follow_what_is_known_of_testers() {
    let team = Team::start().await;
    let late = person(&team.bench, Role::Tester, "late@example.com").await;
    assert_eq!(rows(&team, "").await, some(2, &["late", "tess"]), "newest first");
    assert_eq!(rows(&team, "?status=pending").await, some(1, &["late"]));
    assert_eq!(rows(&team, "?status=active").await, some(1, &["tess"]));
    assert_eq!(rows(&team, "?country=GB").await, some(0, &[]));
    let profile = json!({"country": "GB"});
    assert_eq!(patch(&team.bench, &team.tester, "/api/me/profile", &profile).await.status, 200);
    assert_eq!(rows(&team, "?country=GB").await, some(1, &["tess"]));
    assert_eq!(rows(&team, "?country=GB&minSessions=1").await, some(0, &[]));
    let study = team.study(&json!({})).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    for query in ["?country=GB&minSessions=1", "?minSessions=1", "?minSessions=1&status=active&country=GB"] {
        assert_eq!(rows(&team, query).await, some(1, &["tess"]), "{query}");
    }
    assert_eq!(rows(&team, "?minSessions=2").await, some(0, &[]));
    let feedback = json!({"rating": 4});
    assert_eq!(team.owner("POST", &format!("/api/sessions/{session}/feedback"), &feedback).await.status, 201);
    let row = &data(&team.admin("GET", &format!("{PATH}?minSessions=1"), &Value::Null).await)[0];
    assert_eq!((&row["avgRating"], &row["completedSessions"], &row["country"]), (&json!(4.0), &json!(1), &json!("GB")));
    assert_eq!(patch(&team.bench, &team.tester, "/api/me/profile", &json!({"country": "FR"})).await.status, 200);
    assert_eq!(rows(&team, "?country=GB&minSessions=1").await, some(0, &[]));
    assert_eq!(rows(&team, "?country=FR&minSessions=1").await, some(1, &["tess"]));
    let path = format!("/api/admin/users/{}", team.user.id.wire());
    assert_eq!(team.admin("PATCH", &path, &json!({"status": "suspended"})).await.status, 200);
    assert_eq!(rows(&team, "?status=suspended&minSessions=1").await, some(1, &["tess"]));
    assert_eq!(rows(&team, "?status=active").await, some(0, &[]));
    let credential = bearer(&team.bench, "late@example.com").await;
    let body = json!({"confirm": "ERASE"});
    assert_eq!(ask(&team.bench, &credential, "POST", "/api/me/erasure", &body).await.status, 202);
    erase_due(&team.bench).await;
    let admin = bearer(&team.bench, "ann@example.com").await;
    let team = Team { admin, ..team };
    assert_eq!(rows(&team, "").await, some(1, &["tess"]), "{} is gone", late.id);
    assert_eq!(rows(&team, "?status=pending").await, some(0, &[]));
}

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    let team = Team::start().await;
    for number in 0..60 {
        person(&team.bench, Role::Tester, &format!("t{number}@example.com")).await;
    }
    testers_follow(&team.bench).await;
    let mut costs = Vec::new();
    for page in [1, 2, 30] {
        costs.push(cost(&team.bench, &team.admin, &format!("{PATH}?status=pending&limit=2&page={page}")).await);
    }
    assert!(costs[2].calls <= costs[1].calls && costs[2].items_read <= costs[1].items_read, "{costs:?}");
}
