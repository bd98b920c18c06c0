//! Jobs while the store misbehaves.

use harness::{faults::Fault, outsend::jobs::World};
use serde_json::json;
use time::Duration;

#[tokio::test]
async fn jobs_survive_a_store_that_misbehaves() {
    let world = World::start().await;
    let addresses: Vec<_> = (0..120).map(|number| format!("a{number}@site{}.test", number % 90)).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let calm = world.verification(&addresses).await;
    world.settle().await;
    let expected = world.rows(&calm).await;
    for (nth, fault) in [(3, Fault::Conflict), (5, Fault::Throttled), (4, Fault::LostAnswer), (2, Fault::Slow(20))] {
        world.bench.faults.every(nth, fault);
        let id = world.verification(&addresses).await;
        for _ in 0..60 {
            let event = json!({});
            // a failed invocation is brought again
            let _ = world.bench.invoke(&background_work::FUNCTION, event.to_string().into()).await;
            world.bench.advance(Duration::seconds(61));
            if let Ok(Some(job)) = world.bench.context.store().any_job(shared::model::JobId::parse(&id).unwrap()).await
                && !job.status.is_active()
            {
                break;
            }
        }
        assert!(world.bench.faults.stop() > 0, "{fault:?} never happened");
        world.settle().await;
        let job = world.get(&format!("/api/jobs/{id}")).await.json();
        assert_eq!((&job["status"], &job["results_count"]), (&json!("done"), &json!(120)), "{fault:?}: {job}");
        assert_eq!(world.rows(&id).await, expected, "{fault:?}");
    }
    let page = world.get("/api/jobs").await.json();
    assert_eq!(page.as_array().unwrap().len(), 5, "no creation was doubled");
}
