//! `POST /api/proposals`: testers are proposed for a study (openscouter 14.1).

use harness::{
    openscouter::{
        data, get, missing, post, proposals::fitting, proposals::proposals_follow, refused, role, team::Team, told,
        work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{StudyId, UserId};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, _) = fitting(&team.bench, "fay@example.com").await;
    let body = json!({"jobId": study, "testerIds": [user.id.wire(), "user_x"], "send": true});
    let answer = team.owner("POST", "/api/proposals", &body).await;
    snapshot!("proposals-create", &answer);
}

#[tokio::test]
async fn fields_and_states_are_checked() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let tester = team.user.id.wire();
    let many: Vec<_> = (0..101).map(|_| UserId::generate().wire()).collect();
    for (body, told_text) in [
        (json!({}), refused("jobId: is required")),
        (json!({"jobId": 1}), refused("jobId: must be a string")),
        (json!({"jobId": study, "testerIds": []}), refused("testerIds: must contain at least 1 items")),
        (json!({"jobId": study, "testerIds": many}), refused("testerIds: must contain at most 100 items")),
        (json!({"jobId": study, "testerIds": [1]}), refused("testerIds[0]: must be a string")),
        (json!({"jobId": study, "testerIds": [tester, tester]}), refused("testerIds: must not contain duplicates")),
        (json!({"jobId": study, "count": 0}), refused("count: must be at least 1")),
        (json!({"jobId": study, "count": 101}), refused("count: must be at most 100")),
        (json!({"jobId": study, "send": "yes"}), refused("send: must be a boolean")),
        (json!({"jobId": StudyId::generate().wire()}), missing("Study")),
        (json!({"jobId": "job_x"}), missing("Study")),
    ] {
        assert_eq!(told(&team.owner("POST", "/api/proposals", &body).await), told_text, "{body}");
    }
    let headers = [("authorization", &*team.tester)];
    assert_eq!(told(&post(&team.bench, "/api/proposals", &headers, &json!({})).await), role());
    let closed = team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await;
    assert_eq!(closed.status, 200);
    let answer = team.owner("POST", "/api/proposals", &json!({"jobId": study})).await;
    assert_eq!(told(&answer), refused("Study is closed, expected open or in_progress"));
}

#[tokio::test]
async fn the_next_best_are_proposed_and_nobody_twice() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let mut testers = Vec::new();
    for number in 0..4 {
        testers.push(fitting(&team.bench, &format!("t{number}@example.com")).await.0.id);
    }
    testers.sort();
    let wire = |testers: &[UserId]| testers.iter().map(UserId::wire).collect::<Vec<_>>();
    let proposed = |answer: &harness::Answer| -> Vec<String> {
        let proposals = data(answer)["proposals"].clone();
        proposals.as_array().unwrap().iter().map(|one| one["testerId"].as_str().unwrap().to_owned()).collect()
    };
    let first = team.owner("POST", "/api/proposals", &json!({"jobId": study, "count": 3})).await;
    assert_eq!(proposed(&first), wire(&testers[..3]), "equal scores go by id");
    assert_eq!(data(&first)["proposals"][0]["matchScore"], json!(0.72), "0.4 + 0.2 + 0.2 x 0 + 0.2 x 3/5");
    assert_eq!(data(&first)["proposals"][0]["status"], "pending");
    let second = team.owner("POST", "/api/proposals", &json!({"jobId": study})).await;
    assert_eq!(proposed(&second), wire(&testers[3..]));
    let all = json!({"jobId": study, "testerIds": wire(&testers)});
    let again = data(&team.owner("POST", "/api/proposals", &all).await);
    assert_eq!((again["proposals"].clone(), again["skipped"].as_array().unwrap().len()), (json!([]), 4));
    assert_eq!(again["skipped"][0], json!({"testerId": testers[0].wire(), "reason": "not eligible"}));
}

#[tokio::test]
async fn who_is_not_eligible_is_skipped() {
    let team = Team::start().await;
    let study = team.open_study(&json!({"targeting": {"countries": ["US"], "ndCategories": ["adhd"]}})).await;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let body = json!({"jobId": study, "testerIds": [user.id.wire()]});
    let skipped = data(&team.owner("POST", "/api/proposals", &body).await);
    assert_eq!(skipped["skipped"][0]["testerId"], json!(user.id.wire()));
    let consent = json!({"kind": "special_category", "version": "v1.1"});
    let given = harness::openscouter::ask(&team.bench, &credential, "POST", "/api/me/consents", &consent).await;
    assert_eq!(given.status, 201);
    let named = json!({"ndCategories": ["adhd", "autism"]});
    assert_eq!(harness::openscouter::patch(&team.bench, &credential, "/api/me/profile", &named).await.status, 200);
    let made = team.owner("POST", "/api/proposals", &body).await;
    assert_eq!(data(&made)["proposals"][0]["testerId"], json!(user.id.wire()));
    assert!(!made.body.contains("adhd") && !made.body.contains("fay"), "{}", made.body);
}

#[tokio::test]
async fn a_launch_proposes_twice_as_many_as_there_are_places() {
    let team = Team::start().await;
    for number in 0..6 {
        fitting(&team.bench, &format!("t{number}@example.com")).await;
    }
    let study = team.study(&json!({})).await;
    for _ in 0..2 {
        work(&team.bench).await;
    }
    proposals_follow(&team.bench).await;
    let list = get(&team.bench, &format!("/api/proposals?jobId={study}"), &team.owner).await;
    assert_eq!(list.json()["metadata"]["total"], 4, "{}", list.body);
    assert!(data(&list).as_array().unwrap().iter().all(|proposal| proposal["status"] == "pending"));
    // what is open ends with the study
    team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await;
    work(&team.bench).await;
    proposals_follow(&team.bench).await;
    let list = get(&team.bench, &format!("/api/proposals?jobId={study}&status=expired"), &team.owner).await;
    assert_eq!(list.json()["metadata"]["total"], 4, "{}", list.body);
}
