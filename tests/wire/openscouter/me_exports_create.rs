//! `POST /api/me/exports`: asks for all own data (openscouter 18).

use harness::{
    openscouter::{
        data,
        exports::{asked, create},
        read,
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::{model::ExportId, store::ExportState};
use time::Duration;

#[tokio::test]
async fn an_export_that_cannot_be_made_fails_and_the_next_may_be_asked_for() {
    let team = Team::start().await;
    let bench = &team.bench;
    let (path, id) = asked(&create(bench, &team.tester).await);
    let busy = (422, "Export is queued, expected complete or failed".to_owned());
    assert_eq!(told(&create(bench, &team.tester).await), busy);
    // workers that die, one after another
    for _ in 0..8 {
        let leased =
            bench.context.store().lease_work(&format!("export-{id}"), bench.context.clock().now()).await.unwrap();
        assert!(leased.is_some());
        bench.advance(Duration::seconds(61));
    }
    work(bench).await;
    let failed = data(&read(bench, &team.tester, &path).await);
    assert_eq!(
        (&failed["status"], &failed["downloadUrl"], &failed["expiresAt"]),
        (&json!("failed"), &Value::Null, &Value::Null)
    );
    let (next, _) = asked(&create(bench, &team.tester).await);
    work(bench).await;
    assert_eq!(data(&read(bench, &team.tester, &next).await)["status"], "complete");
    // one that ended is not given up any more
    let store = bench.context.store();
    let next = ExportId::from_wire(next.rsplit('/').next().unwrap()).unwrap();
    store.fail_export(team.user.id, next, bench.context.clock().now()).await.unwrap();
    assert_eq!(store.export(team.user.id, next).await.unwrap().unwrap().state, ExportState::Complete);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("POST", "/api/me/exports", &json!({})).await;
    snapshot!("me-exports-create", &answer);
}
