//! `GET /api/proposals/:id`: a proposal (openscouter 14.1).

use harness::{
    openscouter::{ask, bearer, data, missing, person, proposals::fitting, team::Team, told},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{ProposalId, Role};
use time::Duration;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, _) = fitting(&team.bench, "fay@example.com").await;
    let proposal = team.offered(&study, &user).await;
    let answer = team.owner("GET", &format!("/api/proposals/{proposal}"), &Value::Null).await;
    snapshot!("proposals-get", &answer);
}

#[tokio::test]
async fn only_those_see_it_whom_it_concerns() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let body = json!({"jobId": study, "testerIds": [user.id.wire()]});
    let pending = data(&team.owner("POST", "/api/proposals", &body).await)["proposals"][0]["proposalId"].clone();
    let path = format!("/api/proposals/{}", pending.as_str().unwrap());
    let seen = async |credential: &str, path: &str| ask(&team.bench, credential, "GET", path, &Value::Null).await;
    assert_eq!(told(&seen(&credential, &path).await), missing("Proposal"), "not told yet");
    let (other, other_credential) = fitting(&team.bench, "eve@example.com").await;
    let path = format!("/api/proposals/{}", team.offered(&study, &other).await);
    assert_eq!(data(&seen(&other_credential, &path).await)["status"], "sent");
    assert_eq!(data(&seen(&team.admin, &path).await)["testerId"], json!(other.id.wire()));
    assert_eq!(told(&seen(&credential, &path).await), missing("Proposal"), "another tester's");
    person(&team.bench, Role::Business, "rival@example.com").await;
    let rival = bearer(&team.bench, "rival@example.com").await;
    assert_eq!(told(&seen(&rival, &path).await), missing("Proposal"), "another organization's");
    for id in [ProposalId::generate().wire(), "prop_x".to_owned()] {
        assert_eq!(told(&seen(&team.owner, &format!("/api/proposals/{id}")).await), missing("Proposal"));
    }
    // the study is the tester's, as testers see one (openscouter 9.3)
    let view = data(&seen(&other_credential, &format!("/api/jobs/{study}")).await);
    assert!(view["title"] == "Checkout Redesign" && view.get("description").is_none());
    assert_eq!(told(&seen(&credential, &format!("/api/jobs/{study}")).await), missing("Study"));
}

#[tokio::test]
async fn it_can_be_answered_for_72_hours() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, _) = fitting(&team.bench, "fay@example.com").await;
    let proposal = team.offered(&study, &user).await;
    team.bench.advance(Duration::hours(72) - Duration::seconds(5));
    let tester = bearer(&team.bench, "fay@example.com").await;
    let path = format!("/api/proposals/{proposal}");
    assert_eq!(data(&harness::openscouter::get(&team.bench, &path, &tester).await)["status"], "sent");
    team.bench.advance(Duration::seconds(5));
    assert_eq!(data(&harness::openscouter::get(&team.bench, &path, &tester).await)["status"], "expired");
    let late = team.answer(&tester, &proposal, "accept").await;
    assert_eq!(told(&late), (422, "Proposal is expired, expected sent".to_owned()));
}
