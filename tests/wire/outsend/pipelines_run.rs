//! `POST /api/pipelines/{id}/run`: another run of a pipeline (outsend 14.5).

use harness::{
    outsend::{detail, jobs::World, pipelines::chain},
    snapshot,
};
use serde_json::json;
use shared::{
    model::{PipelineId, Trigger},
    outsend::pipelines::start_run,
};

#[tokio::test]
async fn one_run_of_its_owner_at_a_time_beside_those_of_monitors() {
    let world = World::start().await;
    let made = world.pipeline(chain(30)).await;
    let path = format!("/api/pipelines/{}/run", made["id"].as_str().unwrap());
    let early = world.post(&path, &json!({})).await;
    assert_eq!((early.status, detail(&early).as_str()), (400, "Pipeline is still running."));
    let id = PipelineId::parse(made["id"].as_str().unwrap()).unwrap();
    let template = world.bench.context.store().definition(id).await.unwrap().unwrap();
    for number in [2, 3] {
        let of = (id, template.as_str());
        let started =
            start_run(&world.bench.context, &engine::Rules, &world.account, of, Trigger::Veille { veille: 7, run: 1 })
                .await;
        assert_eq!(started.unwrap().1.number, number);
    }
    let shown = world.pipeline_now(&made["id"]).await;
    assert_eq!((&shown["trigger"], &shown["veille_id"], &shown["run"]), (&json!("veille"), &json!(7), &json!(3)));
    world.settle().await;
    for number in 1..=3 {
        let run = world.get(&format!("/api/pipelines/{}?run={number}", made["id"].as_str().unwrap())).await.json();
        assert_eq!((&run["status"], &run["progress"]), (&json!("done"), &json!(100)), "{run}");
    }
    // of those that come together one is let in
    let body = json!({});
    let answers = futures_util::future::join_all((0..4).map(|_| world.post(&path, &body))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let other = world.other("bob@example.com").await;
    for path in [path.as_str(), "/api/pipelines/nonsense/run"] {
        let foreign = other.post(path, &json!({})).await;
        assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "Pipeline not found."));
    }
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let made = world.pipeline(chain(9)).await;
    world.settle().await;
    let answer = world.post(&format!("/api/pipelines/{}/run", made["id"].as_str().unwrap()), &json!({})).await;
    snapshot!("pipelines-run", &answer);
}
