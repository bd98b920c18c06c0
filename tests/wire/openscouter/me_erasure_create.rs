//! `POST /api/me/erasure`: asks to be forgotten (openscouter 18).

use harness::{
    Bench,
    openscouter::{PASSWORD, bearer, data, get, person, post, team::Team, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn whoever_asks_is_forgotten_after_thirty_days() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Tester, "tess@example.com").await;
    let tess = bearer(&bench, "tess@example.com").await;
    let erase = async |body: Value| post(&bench, "/api/me/erasure", &[("authorization", &tess)], &body).await;
    assert_eq!(told(&get(&bench, "/api/me/erasure", &tess).await), (404, "Erasure request not found".to_owned()));
    assert_eq!(told(&erase(json!({})).await), (422, "confirm: is required".to_owned()));
    assert_eq!(told(&erase(json!({"confirm": "erase"})).await), (422, "confirm: must be ERASE".to_owned()));
    let first = erase(json!({"confirm": "ERASE"})).await;
    assert_eq!((first.status, &data(&first)["status"]), (202, &json!("acknowledged")));
    bench.advance(Duration::seconds(5));
    assert_eq!(data(&erase(json!({"confirm": "ERASE"})).await), data(&first), "asked again, the same");
    let mut shown = data(&get(&bench, "/api/me/erasure", &tess).await);
    assert_eq!(shown["completedAt"].take(), Value::Null);
    assert_eq!(shown["dueAt"], data(&first)["dueAt"]);
    bench.advance(Duration::days(29));
    work(&bench).await;
    let late = bearer(&bench, "tess@example.com").await;
    assert_eq!(get(&bench, "/api/auth/me", &late).await.status, 200);
    bench.advance(Duration::days(1));
    for _ in 0..3 {
        work(&bench).await;
    }
    assert_eq!(get(&bench, "/api/auth/me", &late).await.status, 401, "erased: as if there were no such account");
    let credentials = json!({"email": "tess@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &credentials).await.status, 401);
    let left = bench.left(&[user.id.to_string()]).await.unwrap();
    assert!(left.is_empty(), "{left:#?}");
    person(&bench, Role::Admin, "ann@example.com").await;
    let ann = bearer(&bench, "ann@example.com").await;
    let path = format!("/api/admin/audit?action=erasure.completed&objectId={}", user.id.wire());
    assert_eq!(get(&bench, &path, &ann).await.json()["metadata"]["total"], 1, "the trail keeps the id");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    snapshot!("me-erasure-create", &answer);
}
