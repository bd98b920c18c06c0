//! `GET /interviews/{session}/complete/`: a participant's way out (outset 14.2).

use harness::{
    outset::{COMPLETE, RETRIEVE, START, World, study},
    snapshot,
};

#[tokio::test]
async fn succeeds() {
    let world = World::new().await;
    assert_eq!(world.patch(&study(2), r#"{"completion_url":"https://p.com/c?pid={pid}"}"#).await.status, 200);
    let link = study(2).replace("/v1/studies/", "/interviews/public-surveys/") + "start/?pid=a%20b";
    let start = world.open(START, "GET", &link, &[]).await;
    let session = start.header("location").rsplit('=').next().unwrap().to_owned();
    let answer = world.open(COMPLETE, "GET", &format!("/interviews/{session}/complete/"), &[]).await;
    snapshot!("participant-complete", &answer);
}

#[tokio::test]
async fn what_is_fetched_ahead_changes_nothing() {
    let world = World::new().await;
    let entry = study(2).replace("/v1/studies/", "/interviews/public-surveys/") + "start/?outset_survey_uid=p1";
    let ahead = [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-purpose", "preview"),
        ("x-moz", "Prefetch"),
    ];
    for header in ahead {
        let refused = world.open(START, "GET", &entry, &[header]).await;
        assert_eq!((refused.status, refused.header("cache-control")), (403, "no-store"), "{header:?}");
        assert!(refused.body.contains("This link does its work when somebody opens it."));
    }
    let json = world.open(START, "GET", &entry, &[ahead[0], ("accept", "application/json")]).await;
    assert_eq!((json.status, json.json()["errors"][0]["code"].as_str()), (403, Some("prefetch_refused")));
    assert_eq!(world.get(RETRIEVE, &study(2)).await.json()["status"], "open", "no session was made");
    let start = world.open(START, "GET", &entry, &[("sec-purpose", "navigate")]).await;
    let session = start.header("location").rsplit('=').next().unwrap().to_owned();
    let end = format!("/interviews/{session}/complete/");
    assert_eq!(world.open(COMPLETE, "GET", &end, &[ahead[1]]).await.status, 403);
    assert_eq!(world.open(START, "GET", &entry, &[]).await.status, 302, "the session still runs");
    assert_eq!(world.open(COMPLETE, "GET", &end, &[]).await.status, 200);
    assert_eq!(world.open(START, "GET", &entry, &[]).await.status, 409);
}
