//! `POST /api/proposals/:id/accept`: the tester takes part, and gets a test token (openscouter 3.6, 14.1).

use harness::{
    openscouter::{ask, data, get, missing, post, proposals::fitting, refused, role, team::Team, told},
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let proposal = team.offered(&study, &user).await;
    let answer = team.answer(&credential, &proposal, "accept").await;
    snapshot!("proposals-accept", &answer);
}

#[tokio::test]
async fn who_accepts_may_begin_a_session_with_the_token() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let body = json!({"jobId": study, "testerId": user.id.wire()});
    let begin = async || ask(&team.bench, &credential, "POST", "/api/sessions", &body).await;
    assert_eq!(told(&begin().await), missing("Study"), "without any proposal");
    let proposal = team.offered(&study, &user).await;
    assert_eq!(told(&begin().await), refused("testerId: tester has not accepted this study"));
    let accepted = data(&team.answer(&credential, &proposal, "accept").await);
    assert_eq!((&accepted["status"], &accepted["jobId"]), (&json!("accepted"), &json!(study)));
    let token = accepted["testToken"].as_str().unwrap();
    assert!(token.len() == 48 && accepted["testUrl"].as_str().unwrap().ends_with(&format!("/test#token={token}")));
    let begun = begin().await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let session = data(&begun)["sessionId"].as_str().unwrap().to_owned();
    let seen = get(&team.bench, &format!("/api/sessions/{session}"), &format!("Token {token}")).await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let again = team.answer(&credential, &proposal, "accept").await;
    assert_eq!(told(&again), refused("Proposal is accepted, expected sent"));
    let late = team.answer(&credential, &proposal, "decline").await;
    assert_eq!(told(&late), refused("Session has already started"));
}

#[tokio::test]
async fn only_the_tester_answers_and_only_what_was_sent() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let body = json!({"jobId": study, "testerIds": [user.id.wire()]});
    let pending = data(&team.owner("POST", "/api/proposals", &body).await)["proposals"][0]["proposalId"].clone();
    let pending = pending.as_str().unwrap();
    assert_eq!(told(&team.answer(&credential, pending, "accept").await), missing("Proposal"), "not told of it");
    let (eve, eve_credential) = fitting(&team.bench, "eve@example.com").await;
    let proposal = team.offered(&study, &eve).await;
    for other in [&team.owner, &team.admin] {
        assert_eq!(told(&team.answer(other, &proposal, "accept").await), role());
    }
    assert_eq!(told(&team.answer(&credential, &proposal, "accept").await), missing("Proposal"));
    assert_eq!(team.answer(&eve_credential, &proposal, "decline").await.status, 200);
    let answer = team.answer(&eve_credential, &proposal, "accept").await;
    assert_eq!(told(&answer), refused("Proposal is declined, expected sent"));
}

#[tokio::test]
async fn no_more_accept_than_there_are_places() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let mut offers = Vec::new();
    for number in 0..5 {
        let (user, credential) = fitting(&team.bench, &format!("t{number}@example.com")).await;
        offers.push((team.offered(&study, &user).await, credential));
    }
    let answers = offers.iter().map(|(proposal, credential)| {
        let path = format!("/api/proposals/{proposal}/accept");
        let bench = &team.bench;
        async move { post(bench, &path, &[("authorization", credential)], &json!({})).await }
    });
    let mut told_all: Vec<_> = futures_util::future::join_all(answers).await.iter().map(|one| one.status).collect();
    told_all.sort_unstable();
    assert_eq!(told_all, [200, 200, 422, 422, 422], "two places");
    // who declines gives the place back
    let mut freed = false;
    for (proposal, credential) in &offers {
        let status =
            data(&ask(&team.bench, credential, "GET", &format!("/api/proposals/{proposal}"), &Value::Null).await);
        if status["status"] == "accepted" && !freed {
            assert_eq!(team.answer(credential, proposal, "decline").await.status, 200);
            freed = true;
        }
    }
    let mut accepted = 0;
    for (proposal, credential) in &offers {
        let answer = team.answer(credential, proposal, "accept").await;
        match answer.status {
            200 => accepted += 1,
            _ => assert_eq!(answer.status, 422),
        }
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn the_token_is_told_once() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let path = format!("/api/proposals/{}/accept", team.offered(&study, &user).await);
    let headers = [("authorization", &*credential), ("idempotency-key", "once")];
    let first = data(&post(&team.bench, &path, &headers, &json!({})).await);
    let again = post(&team.bench, &path, &headers, &json!({})).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    let token = first["testToken"].as_str().unwrap();
    assert_eq!((&data(&again)["testToken"], &data(&again)["testUrl"]), (&Value::Null, &Value::Null));
    for table in ["main", "hot"] {
        for item in team.bench.items(table).await.unwrap() {
            assert!(!item.contains(token), "{item}");
        }
    }
}
