//! Answers that last: one user holds a few of them, whatever credentials they have.

use futures_util::StreamExt as _;
use harness::outsend::{jobs::World, new_key};
use serde_json::json;
use shared::{
    lambda::{Reply, Streamed},
    model::JobId,
};

/// Live streams of a user (outsend 10).
const MAX: usize = 10;

async fn running(world: &World) -> String {
    let id = world.verification(&["a@one.test", "b@one.test", "c@one.test"]).await;
    world.react().await;
    world.bench.context.store().take_job(JobId::parse(&id).unwrap(), false).await.unwrap().unwrap();
    id
}

async fn opened(world: &World, key: &str, path: &str) -> Streamed {
    let function = harness::functions::routed(harness::functions::Api::Outsend, "GET", path);
    let reply = world.bench.reply(function, "GET", path, &[("x-api-key", key)], b"").await.unwrap();
    let Reply::Streamed(streamed) = reply else { unreachable!("not streamed") };
    streamed
}

/// A stream that is read a little, and held.
async fn held(world: &World, key: &str, path: &str) -> Result<Streamed, u16> {
    let mut streamed = opened(world, key, path).await;
    if streamed.status != 200 {
        return Err(streamed.status);
    }
    streamed.body.next().await.unwrap().unwrap();
    Ok(streamed)
}

async fn keys(world: &World) -> Vec<String> {
    let mut keys = vec![world.key.clone()];
    for _ in 0..3 {
        let made = new_key(&world.bench, &world.session, &json!({"name": "another"})).await;
        keys.push(made.json()["key"].as_str().unwrap().to_owned());
    }
    keys
}

#[tokio::test]
async fn one_user_holds_a_few_streams_whatever_the_keys() {
    let world = World::start().await;
    let path = format!("/api/jobs/{}/stream", running(&world).await);
    let keys = keys(&world).await;
    let mut streams = Vec::new();
    let mut refused = 0;
    for key in keys.iter().cycle().take(30) {
        match held(&world, key, &path).await {
            Ok(stream) => streams.push(stream),
            Err(status) => {
                assert_eq!(status, 429);
                refused += 1;
            }
        }
        world.bench.advance(time::Duration::milliseconds(100));
    }
    assert_eq!((streams.len(), refused), (MAX, 20));
    let mut answer = opened(&world, &keys[0], &path).await;
    let after: u64 =
        answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after")).unwrap().1.parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    let body = answer.body.next().await.unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["detail"], "Limit reached: 10 open streams.");
    // another user is no matter
    let other = world.other("bob@example.com").await;
    let theirs = format!("/api/jobs/{}/stream", running(&other).await);
    assert!(held(&other, &other.key, &theirs).await.is_ok());
    // who lets one go may open another
    drop(streams.pop());
    let mut again = Err(0);
    for _ in 0..50 {
        again = held(&world, &keys[1], &path).await;
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        world.bench.advance(time::Duration::seconds(3));
    }
    assert!(again.is_ok());
}

#[tokio::test]
async fn parallel_openings_do_not_pass_the_cap() {
    let world = World::start().await;
    let path = format!("/api/jobs/{}/stream", running(&world).await);
    let openings = (0..30).map(|_| held(&world, &world.key, &path));
    let opened = futures_util::future::join_all(openings).await;
    assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), MAX);
    assert!(opened.iter().all(|opened| opened.as_ref().err().is_none_or(|status| *status == 429)));
}

#[tokio::test]
async fn a_stream_that_ended_and_a_holder_that_died_hold_nothing() {
    let world = World::start().await;
    let id = running(&world).await;
    let path = format!("/api/jobs/{id}/stream");
    // of a function that was cut off nobody hears any more
    let mut dead = Vec::new();
    for _ in 0..MAX {
        dead.push(held(&world, &world.key, &path).await.unwrap());
    }
    assert!(held(&world, &world.key, &path).await.is_err());
    world.bench.advance(time::Duration::seconds(61));
    let mut live = Vec::new();
    for _ in 0..MAX {
        live.push(held(&world, &world.key, &path).await.unwrap());
    }
    assert!(held(&world, &world.key, &path).await.is_err());
    drop(dead);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(held(&world, &world.key, &path).await.is_err(), "who was given up gives nothing back that is another's");
    // streams that end by themselves
    world.bench.advance(time::Duration::seconds(61));
    world.post(&format!("/api/jobs/{id}/cancel"), &json!({})).await;
    for _ in 0..3 * MAX {
        let mut streamed = opened(&world, &world.key, &path).await;
        assert_eq!(streamed.status, 200);
        while streamed.body.next().await.is_some() {}
        world.bench.advance(time::Duration::milliseconds(700));
    }
}

#[tokio::test]
async fn downloads_are_held_in_small_numbers_too() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test", "b@nx.test"]).await;
    world.settle().await;
    let path = format!("/api/jobs/{id}/download");
    let mut files = Vec::new();
    for _ in 0..MAX {
        files.push(opened(&world, &world.key, &path).await);
        world.bench.advance(time::Duration::milliseconds(100));
    }
    assert!(files.iter().all(|file| file.status == 200));
    assert_eq!(opened(&world, &world.key, &path).await.status, 429);
    for mut file in files {
        while let Some(piece) = file.body.next().await {
            piece.unwrap();
        }
    }
    assert_eq!(opened(&world, &world.key, &path).await.status, 200);
}
