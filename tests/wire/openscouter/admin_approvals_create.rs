//! `POST /api/admin/approvals`: a study's agents may work (openscouter 17).

use harness::{
    openscouter::{data, read, refused, team::Team, told},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn approvals_begin_and_end() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let create = async |body: Value| team.admin("POST", "/api/admin/approvals", &body).await;
    for (body, text) in [
        (json!({}), "jobId: is required"),
        (json!({"jobId": study, "expiresAt": team.at(-1_000)}), "expiresAt: must be in the future"),
        (json!({"jobId": study, "expiresAt": team.at(31 * 86_400_000)}), "expiresAt: must be at most 30 days ahead"),
        (json!({"jobId": study, "reason": "x".repeat(501)}), "reason: must be at most 500 characters"),
    ] {
        assert_eq!(told(&create(body).await), refused(text));
    }
    assert_eq!(told(&create(json!({"jobId": "job_1"})).await), (404, "Study not found".to_owned()));
    let short = data(&create(json!({"jobId": study, "expiresAt": team.at(60_000), "reason": "fine"})).await);
    let week = team.approve(&study).await;
    let list = async |query: &str| {
        let answer = read(&team.bench, &team.admin, &format!("/api/admin/approvals{query}")).await.json();
        let ids = answer["data"].as_array().unwrap().iter().map(|row| row["approvalId"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), answer["metadata"]["total"].as_u64().unwrap())
    };
    let first = short["approvalId"].as_str().unwrap().to_owned();
    assert_eq!(list("?active=true").await, (vec![week.clone(), first.clone()], 2));
    team.bench.advance(Duration::seconds(61));
    assert_eq!(list("?active=true").await, (vec![week.clone()], 1));
    assert_eq!(list(&format!("?active=false&jobId={study}")).await, (vec![first.clone()], 1));
    assert_eq!(list("").await, (vec![week.clone(), first], 2));
    assert_eq!(list("?jobId=job_1").await, (Vec::new(), 0));
    let wrong = read(&team.bench, &team.admin, "/api/admin/approvals?active=1").await;
    assert_eq!(told(&wrong), (400, "active: must be a boolean".to_owned()));
    let path = format!("/api/admin/approvals/{week}");
    let revoked = data(&team.admin("DELETE", &path, &Value::Null).await);
    assert!(revoked["revokedAt"].is_string());
    assert_eq!(data(&team.admin("DELETE", &path, &Value::Null).await), revoked);
    assert_eq!(list("?active=true").await, (Vec::new(), 0));
    let missing = team.admin("DELETE", "/api/admin/approvals/appr_1", &Value::Null).await;
    assert_eq!(told(&missing), (404, "Approval not found".to_owned()));
    assert_eq!(team.owner("POST", "/api/admin/approvals", &json!({"jobId": study})).await.status, 403);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let answer = team.admin("POST", "/api/admin/approvals", &json!({"jobId": study, "reason": "fine"})).await;
    snapshot!("admin-approvals-create", &answer);
}
