//! `POST /api/sessions/:id/complete`: a session ends (openscouter 10).

use harness::{
    openscouter::{data, refused, team::Team, told},
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn a_second_end_changes_nothing() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}");
    team.bench.advance(Duration::seconds(100));
    for (at, text) in [
        (team.at(-3_600_000), "completedAt: must not be before startedAt"),
        (team.at(300_000), "completedAt: must not be in the future"),
        ("yesterday".to_owned(), "completedAt: must be an ISO 8601 timestamp"),
    ] {
        let answer = team.tester("POST", &format!("{path}/complete"), &json!({"completedAt": at})).await;
        assert_eq!(told(&answer), refused(text));
    }
    team.tester("POST", &format!("{path}/pause"), &Value::Null).await;
    let first = team.tester("POST", &format!("{path}/complete"), &json!({"completedAt": team.at(-10_000)})).await;
    let again = team.owner("POST", &format!("{path}/complete"), &json!({"completedAt": "nonsense"})).await;
    assert_eq!(data(&again), data(&first), "the body is ignored");
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    let time = |name: &str| {
        let text = seen[name].as_str().unwrap();
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    assert_eq!(seen["durationSeconds"], (time("completedAt") - time("startedAt")).whole_seconds());
    let progress = &data(&team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await)["progress"];
    assert_eq!(progress, &json!({"sessions": 1, "completed": 1, "confirmed": 0}));
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let answer = team.tester("POST", &format!("/api/sessions/{session}/complete"), &json!({})).await;
    snapshot!("sessions-complete", &answer);
}
