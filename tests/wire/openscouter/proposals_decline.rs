//! `POST /api/proposals/:id/decline`: the tester does not take part; nobody minds (openscouter 14.1).

use harness::{
    openscouter::{
        data, get,
        proposals::{fitting, proposals_follow},
        refused, role,
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let proposal = team.offered(&study, &user).await;
    let answer = team.answer(&credential, &proposal, "decline").await;
    snapshot!("proposals-decline", &answer);
    let again = team.answer(&credential, &proposal, "decline").await;
    assert_eq!(told(&again), refused("Proposal is declined, expected sent or accepted"));
    assert_eq!(told(&team.answer(&team.owner, &proposal, "decline").await), role());
}

#[tokio::test]
async fn the_token_ends_and_the_next_best_is_proposed_once() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let proposal = team.offered(&study, &user).await;
    let accepted = data(&team.answer(&credential, &proposal, "accept").await);
    let token = format!("Token {}", accepted["testToken"].as_str().unwrap());
    assert_ne!(get(&team.bench, "/api/sessions/sess_x", &token).await.status, 401);
    let (next, _) = fitting(&team.bench, "next@example.com").await;
    fitting(&team.bench, "after@example.com").await;
    assert_eq!(team.answer(&credential, &proposal, "decline").await.status, 200);
    assert_eq!(get(&team.bench, "/api/sessions/sess_x", &token).await.status, 401, "revoked");
    for _ in 0..3 {
        work(&team.bench).await;
    }
    proposals_follow(&team.bench).await;
    let list = get(&team.bench, &format!("/api/proposals?jobId={study}&status=pending"), &team.owner).await;
    assert_eq!(list.json()["metadata"]["total"], 1, "{}", list.body);
    assert_ne!(data(&list)[0]["testerId"], json!(user.id.wire()), "not the one who declined");
    assert!(next.id.wire().starts_with("user_"));
    let body = json!({"jobId": study, "testerId": user.id.wire()});
    let begun = harness::openscouter::ask(&team.bench, &credential, "POST", "/api/sessions", &body).await;
    assert_eq!(told(&begun), refused("testerId: tester has not accepted this study"));
}
