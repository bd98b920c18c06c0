//! `GET /api/proposals`: a page of the proposals that the caller may see (openscouter 14.1).

use harness::{
    openscouter::{
        ask, bearer, cost, data, erase_due, person,
        proposals::{fitting, proposals_follow},
        refused,
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Role, StudyId};

async fn total(team: &Team, credential: &str, query: &str) -> u64 {
    proposals_follow(&team.bench).await;
    let answer = ask(&team.bench, credential, "GET", &format!("/api/proposals{query}"), &Value::Null).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let (total, rows) = (answer.json()["metadata"]["total"].as_u64().unwrap(), data(&answer));
    assert!(rows.as_array().unwrap().len() as u64 <= total);
    total
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, _) = fitting(&team.bench, "fay@example.com").await;
    team.offered(&study, &user).await;
    proposals_follow(&team.bench).await;
    let answer = team.owner("GET", "/api/proposals", &Value::Null).await;
    snapshot!("proposals-list", &answer);
}

#[tokio::test]
async fn everybody_sees_their_own_by_study_and_state() {
    let team = Team::start().await;
    let (first, second) = (team.open_study(&json!({})).await, team.open_study(&json!({})).await);
    let (fay, fay_credential) = fitting(&team.bench, "fay@example.com").await;
    let (eve, eve_credential) = fitting(&team.bench, "eve@example.com").await;
    let proposal = team.offered(&first, &fay).await;
    team.offered(&first, &eve).await;
    team.owner("POST", "/api/proposals", &json!({"jobId": second, "testerIds": [fay.id.wire()]})).await;
    assert_eq!(team.answer(&fay_credential, &proposal, "decline").await.status, 200);
    person(&team.bench, Role::Business, "rival@example.com").await;
    let rival = bearer(&team.bench, "rival@example.com").await;
    let foreign = StudyId::generate().wire();
    for (credential, query, expected) in [
        (&team.owner, String::new(), 3),
        (&team.admin, String::new(), 3),
        (&rival, String::new(), 0),
        (&rival, format!("?jobId={first}"), 0),
        (&team.owner, format!("?jobId={first}"), 2),
        (&team.owner, format!("?jobId={first}&status=declined"), 1),
        (&team.owner, format!("?jobId={first}&status=sent"), 1),
        (&team.owner, "?status=pending".to_owned(), 1),
        (&team.admin, "?status=sent".to_owned(), 1),
        (&team.owner, format!("?jobId={foreign}"), 0),
        (&team.owner, "?jobId=x".to_owned(), 0),
        (&fay_credential, String::new(), 1),
        (&fay_credential, "?status=declined".to_owned(), 1),
        (&fay_credential, format!("?jobId={first}"), 1),
        (&fay_credential, format!("?jobId={first}&status=sent"), 0),
        (&fay_credential, format!("?jobId={second}"), 0),
        (&eve_credential, "?status=sent".to_owned(), 1),
        (&team.owner, "?page=7".to_owned(), 3),
    ] {
        assert_eq!(total(&team, credential, &query).await, expected, "{query}");
    }
    let answer = team.owner("GET", "/api/proposals?status=gone", &Value::Null).await;
    assert_eq!(told(&answer), refused("status: must be one of: pending, sent, accepted, declined, expired"));
}

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    for number in 0..12 {
        fitting(&team.bench, &format!("t{number}@example.com")).await;
    }
    team.owner("POST", "/api/proposals", &json!({"jobId": study, "count": 12})).await;
    assert_eq!(total(&team, &team.owner, "").await, 12);
    let first = cost(&team.bench, &team.owner, "/api/proposals?limit=1").await;
    let last = cost(&team.bench, &team.owner, "/api/proposals?limit=1&page=12").await;
    assert!(last.calls <= first.calls && last.items_read <= first.items_read, "{first:?} {last:?}");
}

#[tokio::test]
async fn they_go_with_their_tester() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (fay, credential) = fitting(&team.bench, "fay@example.com").await;
    team.offered(&study, &fay).await;
    assert_eq!(total(&team, &team.owner, "").await, 1);
    let asked = ask(&team.bench, &credential, "POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    assert_eq!(asked.status, 202);
    erase_due(&team.bench).await;
    work(&team.bench).await;
    let owner = bearer(&team.bench, "dana@example.com").await;
    assert_eq!(total(&team, &owner, "").await, 0);
    assert_eq!(team.bench.left(&[fay.id.to_string()]).await.unwrap(), Vec::<String>::new());
}
