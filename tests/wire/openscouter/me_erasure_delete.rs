//! `DELETE /api/me/erasure`: withdraws the request to be forgotten (openscouter 18).

use futures_util::future::join_all;
use harness::{
    Bench,
    openscouter::{ask, bearer, data, get, person, team::Team, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn whoever_withdraws_stays() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Tester, "tess@example.com").await;
    let tess = bearer(&bench, "tess@example.com").await;
    let erase =
        async |credential: &str| ask(&bench, credential, "POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    let withdraw = async |credential: &str| ask(&bench, credential, "DELETE", "/api/me/erasure", &Value::Null).await;
    let missing = (404, "Erasure request not found".to_owned());
    assert_eq!(told(&withdraw(&tess).await), missing);
    let asked = data(&erase(&tess).await);
    // many times at once, it is withdrawn once
    let answers = join_all((0..6).map(|_| withdraw(&tess))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(refused.iter().all(|answer| told(answer) == missing));
    let mut withdrawn = data(done[0]);
    assert_eq!(withdrawn["status"].take(), "withdrawn");
    for member in ["erasureId", "acknowledgedAt", "dueAt"] {
        assert_eq!(withdrawn[member], asked[member], "{member}");
    }
    assert_eq!(told(&get(&bench, "/api/me/erasure", &tess).await), missing);
    bench.advance(Duration::days(31));
    for _ in 0..3 {
        work(&bench).await;
    }
    let later = bearer(&bench, "tess@example.com").await;
    assert_eq!(get(&bench, "/api/auth/me", &later).await.status, 200, "nothing was erased");
    person(&bench, Role::Admin, "ann@example.com").await;
    let ann = bearer(&bench, "ann@example.com").await;
    let path = "/api/admin/audit?action=erasure.withdrawn";
    assert_eq!(get(&bench, path, &ann).await.json()["metadata"]["total"], 1);

    // asked again it is another request, and from its day on it cannot be taken back
    let again = data(&erase(&later).await);
    assert_ne!(again["erasureId"], asked["erasureId"]);
    bench.advance(Duration::days(30));
    let late = bearer(&bench, "tess@example.com").await;
    assert_eq!(told(&withdraw(&late).await), (422, "Erasure is processing, expected acknowledged".to_owned()));
    for _ in 0..3 {
        work(&bench).await;
    }
    assert_eq!(withdraw(&late).await.status, 401, "erased");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    let answer = team.tester("DELETE", "/api/me/erasure", &Value::Null).await;
    snapshot!("me-erasure-delete", &answer);
}
