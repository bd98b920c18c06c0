//! `GET /api/outreach/queue`: drafts, oldest first (openscouter 14.2).

use harness::{
    openscouter::{
        bearer, cost, data,
        outreach::{queue, queue_follows},
        person,
        proposals::fitting,
        role,
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Role, StudyId};
use time::Duration;

async fn propose(team: &Team, study: &str, testers: &[String]) {
    let made = team.owner("POST", "/api/proposals", &json!({"jobId": study, "testerIds": testers})).await;
    assert_eq!(data(&made)["proposals"].as_array().unwrap().len(), testers.len(), "{}", made.body);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.open_study(&json!({})).await;
    let (user, _) = fitting(&team.bench, "fay@example.com").await;
    propose(&team, &study, &[user.id.wire()]).await;
    let answer = queue(&team.bench, &team.owner, "").await;
    assert!(!answer.body.contains("fay@"), "{}", answer.body);
    snapshot!("outreach-queue", &answer);
}

#[tokio::test]
async fn everybody_sees_their_own_and_the_staff_the_addresses() {
    let team = Team::start().await;
    let (first, second) = (team.open_study(&json!({})).await, team.open_study(&json!({})).await);
    let (user, fay) = fitting(&team.bench, "fay@example.com").await;
    propose(&team, &first, &[user.id.wire()]).await;
    team.bench.advance(Duration::SECOND);
    propose(&team, &second, &[user.id.wire()]).await;
    person(&team.bench, Role::Business, "eve@example.com").await;
    let eve = bearer(&team.bench, "eve@example.com").await;
    for (credential, query, studies) in [
        (&team.owner, "", vec![&first, &second]),
        (&team.owner, "?limit=1", vec![&first]),
        (&team.owner, "?limit=1&page=2", vec![&second]),
        (&team.owner, &*format!("?jobId={second}"), vec![&second]),
        (&team.owner, &*format!("?jobId={}", StudyId::generate().wire()), vec![]),
        (&team.owner, "?jobId=x", vec![]),
        (&team.admin, "", vec![&first, &second]),
        (&team.admin, &*format!("?jobId={first}"), vec![&first]),
        (&eve, "", vec![]),
        (&eve, &*format!("?jobId={first}"), vec![]),
    ] {
        let answer = queue(&team.bench, credential, query).await;
        let rows = data(&answer);
        let shown: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["jobId"].as_str().unwrap()).collect();
        assert_eq!(shown, studies, "{query}");
        let address = if *credential == team.admin { json!("fay@example.com") } else { Value::Null };
        assert!(rows.as_array().unwrap().iter().all(|row| row["testerEmail"] == address), "{}", answer.body);
    }
    assert_eq!(told(&queue(&team.bench, &fay, "").await), role());
}

#[tokio::test]
async fn what_is_no_draft_any_more_leaves_it() {
    harness::binaries::linked(async {
        let team = Team::start().await;
        let study = team.open_study(&json!({})).await;
        let mut testers = Vec::new();
        for number in 0..14 {
            testers.push(fitting(&team.bench, &format!("t{number}@example.com")).await.0.id.wire());
        }
        propose(&team, &study, &testers).await;
        let all = queue(&team.bench, &team.owner, "").await;
        assert_eq!(all.json()["metadata"]["total"], 14);
        let message = data(&all)[3]["outreachId"].as_str().unwrap().to_owned();
        let approved = team.owner("POST", &format!("/api/outreach/{message}/approve"), &Value::Null).await;
        assert_eq!(approved.status, 200, "{}", approved.body);
        // at once, and its number once the queue follows
        let at_once = team.owner("GET", "/api/outreach/queue", &Value::Null).await;
        assert!(!at_once.body.contains(&message), "{}", at_once.body);
        assert_eq!(queue(&team.bench, &team.owner, "").await.json()["metadata"]["total"], 13);
        queue_follows(&team.bench).await;
        let near = cost(&team.bench, &team.owner, "/api/outreach/queue?limit=2").await;
        let far = cost(&team.bench, &team.owner, "/api/outreach/queue?limit=2&page=6").await;
        assert_eq!((near.calls, near.items_read), (far.calls, far.items_read), "every page costs the same");
        // with the study ends what was not sent
        assert_eq!(team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await.status, 200);
        work(&team.bench).await;
        assert_eq!(queue(&team.bench, &team.admin, "").await.json()["metadata"]["total"], 0);
        let refused = team.owner("POST", &format!("/api/outreach/{message}/approve"), &Value::Null).await;
        assert_eq!(told(&refused).1, "Outreach message is cancelled, expected pending");
    })
    .await;
}
