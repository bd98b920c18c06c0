//! `POST /api/sessions/:id/feedback`: what somebody says of a session (openscouter 10).

use harness::{openscouter::team::Team, snapshot};
use serde_json::json;
use shared::{
    model::{FeedbackId, Role, TestSessionId},
    store::{Feedback, FeedbackGiven},
};

#[tokio::test]
async fn of_a_session_that_is_gone_nothing_is_kept() {
    let team = Team::start().await;
    let (store, now) = (team.bench.context.store(), team.bench.context.clock().now());
    let session = TestSessionId::at(now);
    for role in [Role::Business, Role::Tester] {
        let author = Some(team.user.id);
        let feedback =
            Feedback { id: FeedbackId::at(now), session, role, author, rating: 3, comment: None, created_at: now };
        assert_eq!(store.give_feedback(&feedback, team.user.id).await.unwrap(), FeedbackGiven::Gone);
    }
    assert_eq!(store.ratings(team.user.id).await.unwrap(), (0, 0));
    assert!(store.feedback_given(team.user.id).await.unwrap().is_empty());
    let left = team.bench.left(&[session.to_string()]).await.unwrap();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    let answer = team
        .tester("POST", &format!("/api/sessions/{session}/feedback"), &json!({"rating": 4, "comment": "fine"}))
        .await;
    snapshot!("sessions-feedback", &answer);
}
