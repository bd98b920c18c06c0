//! `GET /api/veille`: the caller's veilles, newest first (outsend 15.2).

use harness::{
    outsend::{
        detail,
        veille::{at, one_run, table, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use shared::store::ChangeWith;

#[tokio::test]
async fn active_and_paused_ones_of_the_caller_newest_first() {
    let world = world().await;
    assert_eq!(world.get("/api/veille").await.body, r#"{"items":[]}"#);
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[(1, "", "", "", "")]));
    let pipeline = world.importing(&source).await;
    let mut ids = Vec::new();
    for days in 1..=4 {
        ids.insert(0, world.veille(&pipeline, days).await["id"].clone());
    }
    let (paused, deleted) = (ids[1].clone(), ids.remove(2));
    assert_eq!(world.patch(&format!("/api/veille/{paused}"), &json!({"status": "paused"})).await.status, 200);
    assert_eq!(world.delete(&format!("/api/veille/{deleted}")).await.status, 200);
    let listed = world.veilles().await;
    assert_eq!(listed.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), ids);
    let states: Vec<_> = listed.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["active", "paused", "active"]);
    assert_eq!(world.get("/api/veille?limit=1&status=deleted").await.json()["items"], json!(listed), "no parameters");
    let other = world.other("bob@example.com").await;
    assert_eq!(other.get("/api/veille").await.body, r#"{"items":[]}"#);
}

#[tokio::test]
async fn a_run_that_succeeded_is_told() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    let (now, run) = (world.veille_now(&veille).await, world.runs(&veille).await.remove(0));
    assert_eq!(now["run_count"], 1);
    assert_eq!((&now["last_run_at"], &now["last_run_job_id"]), (&run["completed_at"], &run["job_id"]));
    assert_eq!(at(&now["next_run_at"]) - at(&veille["next_run_at"]), time::Duration::days(7));
    for name in ["id", "name", "source_job_id", "source_pipeline_id", "frequency_days", "status", "created_at"] {
        assert_eq!(now[name], veille[name], "{name}");
    }
    // one that fails is not
    source.answers(500, "");
    assert_eq!(world.next_run(&veille).await["status"], "failed");
    let later = world.veille_now(&veille).await;
    for name in ["run_count", "last_run_at", "last_run_job_id"] {
        assert_eq!(later[name], now[name], "{name}");
    }
}

#[tokio::test]
async fn an_account_that_is_not_active_sees_none() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let store = world.bench.context.store();
    let mut user = store.account(world.account.user.id).await.unwrap().unwrap().user;
    user.active = false;
    assert!(store.change_user(&user, ChangeWith::default()).await.unwrap());
    let id = &veille["id"];
    for path in ["", &format!("/{id}/runs"), &format!("/{id}/runs/1"), &format!("/{id}/runs/1/signals")] {
        let answer = world.get(&format!("/api/veille{path}")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (403, "Account is deactivated."), "{path}");
    }
    // nor does anything run
    let before = world.pipeline_now(&veille["source_pipeline_id"]).await["run_count"].clone();
    world.bench.advance(time::Duration::days(8));
    world.tick().await;
    world.settle().await;
    let mut user = store.account(world.account.user.id).await.unwrap().unwrap().user;
    user.active = true;
    assert!(store.change_user(&user, ChangeWith::default()).await.unwrap());
    assert_eq!(world.pipeline_now(&veille["source_pipeline_id"]).await["run_count"], before);
    // it is looked at again each hour
    world.tick().await;
    assert_eq!(world.runs(&veille).await.len(), 1);
    world.bench.advance(time::Duration::hours(1));
    world.tick().await;
    world.settle().await;
    let runs = world.runs(&veille).await;
    assert_eq!(runs.iter().map(|run| run["id"].clone()).collect::<Vec<Value>>(), [json!(2), json!(1)], "made up for");
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    one_run(&world).await;
    let answer = world.get("/api/veille").await;
    snapshot!("veille-list", &answer);
}
