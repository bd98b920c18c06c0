//! `DELETE /api/veille/{veille}`: takes a veille off; its runs stay (outsend 15.2).

use harness::{
    outsend::{
        detail,
        veille::{at, one_run, world},
    },
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn off_the_list_with_no_more_runs_and_the_old_ones_to_be_read() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let path = format!("/api/veille/{}", veille["id"]);
    let other = world.other("bob@example.com").await;
    for (caller, path) in [(&other, path.as_str()), (&world, "/api/veille/x"), (&world, "/api/veille/2")] {
        let answer = caller.delete(path).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Monitor not found."), "{path}");
    }
    let readable = ["/runs", "/runs/1", "/runs/1/signals?bucket=all"].map(|part| format!("{path}{part}"));
    let mut before = Vec::new();
    for path in &readable {
        before.push(world.get(path).await.json());
    }
    assert_eq!(world.delete(&path).await.body, r#"{"ok":true}"#);
    let again = world.delete(&path).await;
    assert_eq!((again.status, detail(&again).as_str()), (404, "Monitor not found."));
    assert_eq!(world.veilles().await, Vec::<Value>::new());
    world.until(at(&veille["next_run_at"]) + Duration::days(40));
    world.tick().await;
    world.settle().await;
    for (path, before) in readable.iter().zip(&before) {
        assert_eq!(world.get(path).await.json(), *before, "{path}");
        assert_eq!(other.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.pipeline_now(&veille["source_pipeline_id"]).await["run_count"], 2);
}

#[tokio::test]
async fn a_run_that_runs_comes_to_its_end() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    world.until(at(&world.veille_now(&veille).await["next_run_at"]) + Duration::seconds(1));
    world.tick().await;
    assert_eq!(world.delete(&format!("/api/veille/{}", veille["id"])).await.status, 200);
    world.settle().await;
    let runs = world.runs(&veille).await;
    assert_eq!((runs.len(), &runs[0]["status"], &runs[0]["counts"]["unchanged"]), (2, &json!("done"), &json!(5)));
}

#[tokio::test]
async fn one_that_fails_is_not_tried_again() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    source.answers(500, "");
    assert_eq!(world.next_run(&veille).await["status"], "failed");
    assert_eq!(world.delete(&format!("/api/veille/{}", veille["id"])).await.status, 200);
    for _ in 0..3 {
        world.bench.advance(Duration::minutes(5));
        world.tick().await;
        world.settle().await;
    }
    assert_eq!(world.runs(&veille).await.len(), 2);
}

#[tokio::test]
async fn its_pipeline_is_free_then() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let id = &veille["id"];
    let pipeline = format!("/api/pipelines/{}", veille["source_pipeline_id"].as_str().unwrap());
    for state in ["active", "paused"] {
        assert_eq!(world.patch(&format!("/api/veille/{id}"), &json!({"status": state})).await.status, 200);
        let answer = world.delete(&pipeline).await;
        let text = format!("Pipeline is used by monitor {id}.");
        assert_eq!((answer.status, detail(&answer)), (400, text), "{state}");
    }
    let headers = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let french = world.call("DELETE", &pipeline, &headers, "").await;
    assert_eq!(detail(&french), format!("Le pipeline est utilisé par la veille {id}."));
    assert_eq!(world.delete(&format!("/api/veille/{id}")).await.status, 200);
    assert_eq!(world.delete(&pipeline).await.body, r#"{"ok":true}"#);
    world.settle().await;
    let runs = world.runs(&veille).await;
    assert_eq!((runs.len(), &runs[0]["pipeline_id"]), (1, &veille["source_pipeline_id"]), "a dangling id");
    let diff = world.get(&format!("/api/veille/{id}/runs/1")).await.json();
    assert_eq!(diff["diff"]["modified"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let answer = world.delete(&format!("/api/veille/{}", veille["id"])).await;
    snapshot!("veille-delete", &answer);
}

#[tokio::test]
async fn its_snapshot_goes_with_it_and_its_findings_stay() {
    let world = world().await;
    let (_source, veille) = one_run(&world).await;
    world.settle().await;
    let has = async |series: &str| world.parts_of(&veille).await.iter().any(|item| item.contains(series));
    assert!(has("#SNAPSHOT#").await && has("#MODIFIED#").await);
    assert_eq!(world.delete(&format!("/api/veille/{}", veille["id"])).await.status, 200);
    world.settle().await;
    assert!(!has("#SNAPSHOT#").await && has("#MODIFIED#").await);
}
