//! `GET /api/jobs/{id}/report`: the report of a placement check (outsend 12.16).

use harness::{
    outsend::{detail, jobs::World},
    seeds::Seeds,
    snapshot,
};
use serde_json::json;
use time::Duration;

async fn checking(seeds: &Seeds) -> (World, String) {
    let world = World::with(&[("OUTSCOUT_SEED_MAILBOXES", &seeds.variable(&["gmail", "orange", "free"]))]).await;
    let made = world.post("/api/jobs/delivery-check", &json!({"domain": "Acme.test"})).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    (world, id)
}

#[tokio::test]
async fn tells_what_was_seen_so_far() {
    let seeds = Seeds::start().await;
    let (world, id) = checking(&seeds).await;
    let early = world.get(&format!("/api/jobs/{id}/report")).await.json();
    assert_eq!((&early["domain"], &early["total"], &early["seeds"]), (&json!("acme.test"), &json!(0), &json!([])));
    world.turn().await;
    let first = world.get(&format!("/api/jobs/{id}/report")).await.json();
    assert_eq!((&first["total"], &first["pending"], &first["received"]), (&json!(3), &json!(3), &json!(0)));
    let started = world.job(&id).await.started_at.unwrap();
    seeds.deliver("gmail", "promotions", "n@acme.test", "Bonjour", started + Duration::seconds(125));
    seeds.reject("orange", "n@mail.acme.test", "Bonjour", started + Duration::seconds(3));
    world.bench.advance(Duration::seconds(130));
    world.turn().await;
    let answer = world.get(&format!("/api/jobs/{id}/report")).await;
    snapshot!("jobs-report", &answer);
}

#[tokio::test]
async fn no_other_job_has_one() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test"]).await;
    world.settle().await;
    let answer = world.get(&format!("/api/jobs/{id}/report")).await;
    assert_eq!((answer.status, detail(&answer).as_str()), (404, "File not found."));
}

#[tokio::test]
async fn nobody_else_sees_it() {
    let (world, id) = checking(&Seeds::start().await).await;
    let other = world.other("bob@example.com").await;
    for (world, id) in [(&other, id.as_str()), (&world, "j_01KSMB92NRM7N8P9Q0R1S2T3V4"), (&world, "nonsense")] {
        let answer = world.get(&format!("/api/jobs/{id}/report")).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (404, "Job not found."));
    }
}

#[tokio::test]
async fn it_goes_with_the_rows() {
    let (world, id) = checking(&Seeds::start().await).await;
    world.turn().await;
    assert_eq!(world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await.status, 200);
    let answer = world.get(&format!("/api/jobs/{id}/report")).await;
    assert_eq!((answer.status, &answer.json()["pending"]), (200, &json!(3)), "what there was stays");
    world.bench.advance(Duration::days(7) + Duration::seconds(1));
    let answer = world.get(&format!("/api/jobs/{id}/report")).await;
    assert_eq!((answer.status, detail(&answer).as_str()), (410, "Result file has been purged."));
    // swept, too
    world.settle().await;
    let answer = world.get(&format!("/api/jobs/{id}/report")).await;
    assert_eq!(answer.status, 410);
    assert!(world.job(&id).await.seen.is_empty());
}
