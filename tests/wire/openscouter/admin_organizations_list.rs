//! `GET /api/admin/organizations`: all organizations (openscouter 17).

use harness::{
    openscouter::{team::Team, work},
    snapshot,
};
use serde_json::Value;

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    work(&team.bench).await;
    let answer = team.admin("GET", "/api/admin/organizations", &Value::Null).await;
    snapshot!("admin-organizations-list", &answer);
}
