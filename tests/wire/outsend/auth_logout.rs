//! `POST /api/auth/logout`: ends the session (outsend 6.2).

use harness::{
    Bench,
    outsend::{jobs::World, send, signed_up},
    snapshot,
};

#[tokio::test]
async fn a_key_that_is_sent_decides_alone() {
    let world = World::start().await;
    let out = |key: String| {
        let world = &world;
        async move {
            let headers = [("cookie", world.session.as_str()), ("x-api-key", key.as_str())];
            let answer = world.call("POST", "/api/auth/logout", &headers, "").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.header("ratelimit-policy").to_owned()
        }
    };
    assert!(out(world.key.clone()).await.starts_with("\"free\""));
    assert!(out("osk_nonsense".to_owned()).await.starts_with("\"anon\""));
    let cookie = [("cookie", world.session.as_str())];
    assert_eq!(world.call("GET", "/api/auth/me", &cookie, "").await.status, 200, "the session goes on");
    world.call("POST", "/api/auth/logout", &cookie, "").await;
    assert_eq!(world.call("GET", "/api/auth/me", &cookie, "").await.status, 401);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let answer = send(&bench, "POST", "/api/auth/logout", &[("cookie", &session)], "").await;
    snapshot!("auth-logout", &answer);
}
