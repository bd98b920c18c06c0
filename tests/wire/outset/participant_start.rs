//! `GET /interviews/public-surveys/{id}/start/`: a participant's way in (outset 14.1).

use futures_util::future::join_all;
use harness::{
    http,
    outset::{COMPLETE, RETRIEVE, START, Served, World, error, study},
    snapshot,
};

#[tokio::test]
async fn participants_come_and_go() {
    let world = World::new().await;
    assert_eq!(world.patch(&study(2), r#"{"completion_url":"https://p.com/c?pid={pid}"}"#).await.status, 200);
    let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/start/?pid=a%20b&outset_survey_uid=u1";
    let start = world.open(START, "GET", link, &[]).await;
    let session =
        start.header("location").strip_prefix("https://proto.test/app?v=2&outset_session=").unwrap().to_owned();
    assert_eq!(world.open(START, "GET", link, &[]).await.header("location"), start.header("location"));
    assert_eq!(world.get(RETRIEVE, &study(2)).await.json()["status"], "in_progress");
    for _ in 0..2 {
        let done = world.open(COMPLETE, "GET", &format!("/interviews/{session}/complete/"), &[]).await;
        assert_eq!((done.status, done.header("location")), (302, "https://p.com/c?pid=a%20b"));
    }
    assert_eq!(world.open(START, "GET", link, &[]).await.status, 409);
    for (number, status) in [(1, 403), (23, 410)] {
        let link = study(number).replace("/v1/studies/", "/interviews/public-surveys/") + "start/";
        assert_eq!(world.open(START, "GET", &link, &[]).await.status, status);
    }
}

#[tokio::test]
async fn links_for_browsers_and_for_programs() {
    let world = World::new().await;
    let unknown = "/interviews/public-surveys/00000000-0000-4000-8000-000000000000/start/";
    let html = world.open(START, "GET", unknown, &[]).await;
    assert_eq!(
        (html.status, html.header("content-type"), html.header("location")),
        (404, "text/html; charset=utf-8", "")
    );
    assert_eq!(html.header("cache-control"), "no-store");
    let json = world.open(START, "GET", unknown, &[("accept", "application/json")]).await;
    assert_eq!((json.status, json.body), (404, error("null", "not_found", "Not found.")));
    let post = world.open(START, "POST", unknown, &[]).await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
    let open = study(6).replace("/v1/studies/", "/interviews/public-surveys/") + "start/";
    assert_eq!(world.open(START, "HEAD", &open, &[]).await.status, 200);
    assert_eq!(world.get(RETRIEVE, &study(6)).await.json()["status"], "open", "HEAD changes nothing");
    let start = world.open(START, "GET", &open, &[]).await;
    let session = start.header("location").rsplit('=').next().unwrap().to_owned();
    world.bench.advance(time::Duration::hours(25));
    let late = world
        .open(COMPLETE, "GET", &format!("/interviews/{session}/complete/"), &[("accept", "application/json")])
        .await;
    assert_eq!((late.status, late.json()["errors"][0]["code"].as_str()), (410, Some("session_expired")));
    let slashless = world.open(COMPLETE, "GET", &format!("/interviews/{session}/complete"), &[]).await;
    assert_eq!(slashless.status, 301);
    assert_eq!(world.open(COMPLETE, "GET", "/interviews/nobody/complete/", &[]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_first_visits_of_one_participant_are_one_session() {
    let world = Served::new(&Served::unlimited()).await;
    let link = "/interviews/public-surveys/0b5e7c1a-4d2f-4e8c-9a6b-000000000002/start/?outset_survey_uid=u1";
    let answers = join_all((0..20).map(|_| http::send(&world.server.outset, "GET", link, &[], b""))).await;
    let mut places: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().header("location").to_owned()).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 1, "{places:?}");
    assert!(places[0].starts_with("https://proto.test/app?v=2&outset_session="));
    world.server.shutdown().await;
}

#[tokio::test]
async fn succeeds() {
    let world = World::new().await;
    let link = study(2).replace("/v1/studies/", "/interviews/public-surveys/") + "start/?outset_survey_uid=u1";
    let answer = world.open(START, "GET", &link, &[]).await;
    snapshot!("participant-start", &answer);
}
