//! `GET /interviews/{session}/complete/`: a participant's way out (outset 14.2).

use harness::{
    outset::{COMPLETE, START, World, study},
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
