//! `DELETE /api/admin/approvals/:id`: an approval is withdrawn (openscouter 17).

use harness::{openscouter::team::Team, snapshot};
use serde_json::{Value, json};

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let approval = team.approve(&study).await;
    let answer = team.admin("DELETE", &format!("/api/admin/approvals/{approval}"), &Value::Null).await;
    snapshot!("admin-approvals-delete", &answer);
}
