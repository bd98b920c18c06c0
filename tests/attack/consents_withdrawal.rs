//! A consent that was withdrawn, and items that have expired.

use std::convert::Infallible;

use futures_util::{StreamExt as _, stream};
use harness::{
    Bench,
    faults::Fault,
    openscouter::{
        bearer, data,
        exports::{Finished, asked, create, download},
        get,
        ingestion::{batch, click},
        missing,
        oauth::connected,
        person, refused, send,
        team::Team,
        told, work,
    },
};
use serde_json::{Value, json};
use shared::{
    model::{IngestedStream, Role, StudyId, TestSessionId, TestStatus},
    secret::sha256_hex,
    store::{IngestedBatch, NewTest, TestCreation},
};
use time::Duration;

const WITHDRAWN: &str = "Tester has withdrawn consent";

async fn begun() -> (Team, String, TestSessionId) {
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 9}})).await;
    let session = team.session(&study).await;
    let id = TestSessionId::from_wire(&session).unwrap();
    (team, session, id)
}

async fn status(team: &Team, id: TestSessionId) -> TestStatus {
    team.bench.context.store().test_session(id).await.unwrap().unwrap().status
}

async fn kept(team: &Team, id: TestSessionId, stream: IngestedStream) -> usize {
    team.bench.context.store().ingested(id, stream).await.unwrap().len()
}

#[tokio::test]
async fn running_sessions_are_completed_before_a_withdrawal_answers() {
    for kind in ["testing", "special_category"] {
        let (team, session, id) = begun().await;
        let paused = team.session(&team.study(&json!({})).await).await;
        team.tester("POST", &format!("/api/sessions/{paused}/pause"), &json!({})).await;
        team.tester("POST", "/api/me/consents", &json!({"kind": kind, "version": "v1.1"})).await;
        let withdrawn = team.tester("DELETE", &format!("/api/me/consents/{kind}"), &Value::Null).await;
        assert_eq!(withdrawn.status, 202);
        // no work was done yet
        let paused_id = TestSessionId::from_wire(&paused).unwrap();
        assert_eq!(
            (status(&team, id).await, status(&team, paused_id).await),
            (TestStatus::Completed, TestStatus::Completed),
            "{kind}"
        );
        for (stream, item) in [("events", click(&team, "")), ("facial", click(&team, "")), ("voice", click(&team, ""))]
        {
            let body = serde_json::from_str(&batch(&session, &[item])).unwrap();
            let late = team.tester("POST", &format!("/api/data/{stream}"), &body).await;
            assert_eq!(told(&late), refused("Session is completed, expected active or paused"), "{kind} {stream}");
        }
        for action in ["pause", "resume"] {
            let late = team.tester("POST", &format!("/api/sessions/{paused}/{action}"), &json!({})).await;
            assert_eq!(late.status, 422, "{kind} {action}");
        }
        assert_eq!(status(&team, paused_id).await, TestStatus::Completed);
    }
}

#[tokio::test]
async fn a_withdrawal_that_broke_off_ends_the_sessions_when_it_is_repeated() {
    let (team, _, id) = begun().await;
    let store = team.bench.context.store();
    let now = team.bench.context.clock().now();
    // the consent was withdrawn, and the function died
    let audit = shared::model::AuditEntry::of_operator(shared::model::Action::ConsentRevoked, None, json!({}), now);
    store.revoke_consent(team.user.id, shared::model::ConsentKind::Testing, now, &audit).await.unwrap().unwrap();
    assert_eq!(team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await.status, 202);
    assert_eq!(status(&team, id).await, TestStatus::Completed);
}

#[tokio::test]
async fn a_batch_that_was_let_in_before_a_withdrawal_is_not_kept_after_it() {
    let (team, _, id) = begun().await;
    let store = team.bench.context.store();
    // the request has read the session, which ran then
    let known = store.test_session(id).await.unwrap().unwrap();
    assert_eq!(team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await.status, 202);
    for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
        let mut late = IngestedBatch::default();
        for _ in 0..2 {
            let written = late.add(|text| {
                text.push_str(&json!({"at": 1, "transcript": "after all"}).to_string());
                Ok::<_, Infallible>(None)
            });
            assert!(written.is_ok());
        }
        let _ = store.keep_ingested(&known, stream, &late, None, team.bench.context.clock().now()).await.unwrap();
        assert_eq!(kept(&team, id, stream).await, 0, "{stream:?}");
    }
}

#[tokio::test]
async fn nothing_is_taken_in_behind_the_answer_whoever_is_under_way() {
    let (team, session, id) = begun().await;
    let body = batch(&session, &[click(&team, "")]);
    team.bench.faults.every(1, Fault::Slow(10));
    let post = async || {
        let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
        send(&team.bench, "POST", "/api/data/events", &headers, &body).await.status
    };
    let posts = stream::iter((0..40).map(|_| post())).buffer_unordered(4).collect::<Vec<_>>();
    let withdrawal = async {
        let headers = [("authorization", team.tester.as_str())];
        let answer = send(&team.bench, "DELETE", "/api/me/consents/testing", &headers, "").await;
        (answer.status, kept(&team, id, IngestedStream::Events).await)
    };
    let (statuses, (withdrawn, before)) = futures_util::future::join(posts, withdrawal).await;
    team.bench.faults.stop();
    assert_eq!(withdrawn, 202);
    assert!(statuses.iter().all(|status| [200, 422].contains(status)), "{statuses:?}");
    assert_eq!(kept(&team, id, IngestedStream::Events).await, before, "kept behind the answer");
}

#[tokio::test]
async fn a_session_that_was_being_begun_does_not_run_behind_a_withdrawal() {
    let (team, _, _) = begun().await;
    let other = StudyId::from_wire(&team.study(&json!({})).await).unwrap();
    let store = team.bench.context.store();
    let study = store.linked_study(other).await.unwrap().unwrap();
    assert_eq!(team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await.status, 202);
    // the request has read the consent before
    let new = NewTest { study: &study, tester: team.user.id, variant: None, assigns: true };
    let made = store.create_test_session(&new, team.bench.context.clock().now()).await.unwrap();
    assert!(!matches!(made, TestCreation::Created(_)), "{made:?}");
    assert_eq!(store.test_session_of(other, team.user.id).await.unwrap(), None);
    // its place is free again for who consents
    team.tester("POST", "/api/me/consents", &json!({"kind": "testing", "version": "v1.1"})).await;
    team.session(&other.wire()).await;
}

#[tokio::test]
async fn notes_and_feedback_of_a_tester_who_withdrew_are_not_taken_in() {
    let (team, session, id) = begun().await;
    let path = format!("/api/sessions/{session}");
    team.tester("POST", &format!("{path}/complete"), &json!({})).await;
    assert_eq!(team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await.status, 202);
    let notes = json!({"notes": [{"text": "after all"}]});
    for _ in 0..2 {
        let late = team.tester("PUT", &format!("{path}/notes"), &notes).await;
        assert_eq!(told(&late), refused(WITHDRAWN));
        let late =
            team.tester("POST", &format!("{path}/feedback"), &json!({"rating": 4, "comment": "after all"})).await;
        assert_eq!(told(&late), refused(WITHDRAWN));
        team.bench.advance(Duration::minutes(5));
        work(&team.bench).await;
    }
    assert!(team.bench.left(&["after all"]).await.unwrap().is_empty());
    // what the business says is its own
    assert_eq!(team.owner("POST", &format!("{path}/feedback"), &json!({"rating": 3})).await.status, 201);
    // and who consents again may go on
    team.tester("POST", "/api/me/consents", &json!({"kind": "testing", "version": "v1.1"})).await;
    assert_eq!(team.tester("PUT", &format!("{path}/notes"), &notes).await.status, 200);
    assert_eq!(team.tester("POST", &format!("{path}/feedback"), &json!({"rating": 4})).await.status, 201);
    assert_eq!(status(&team, id).await, TestStatus::Completed);
}

#[tokio::test]
async fn what_was_captured_is_not_shown_after_its_time_though_the_store_still_has_it() {
    let done = Finished::new().await;
    let team = &done.team;
    assert_eq!(kept(team, done.session, IngestedStream::Voice).await, 1);
    team.bench.advance(Duration::days(182));
    let raw = team.bench.items("main").await.unwrap();
    assert!(raw.iter().any(|item| item.contains("DATA#voice#")), "the store has not removed it yet");
    for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
        assert_eq!(kept(team, done.session, stream).await, 0, "{stream:?}");
    }
    let tester = bearer(&team.bench, "tess@example.com").await;
    let (path, _) = asked(&create(&team.bench, &tester).await);
    work(&team.bench).await;
    let bundle = download(&team.bench, &tester, &path).await;
    for stream in ["events", "facial", "voice"] {
        assert_eq!(bundle.json()["testSessions"][0][stream], json!([]), "{stream}");
    }
    assert!(!bundle.body.contains("I am stuck here"));
}

#[tokio::test]
async fn a_connection_that_ran_out_is_not_shown_and_cannot_be_ended_again() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    connected(&bench, &user).await;
    let dana = bearer(&bench, "dana@example.com").await;
    let known = data(&get(&bench, "/api/connections", &dana).await);
    let id = known[0]["connectionId"].as_str().unwrap().to_owned();
    bench.advance(Duration::days(20));
    connected(&bench, &user).await;
    bench.advance(Duration::days(11));
    let dana = bearer(&bench, "dana@example.com").await;
    let (path, _) = asked(&create(&bench, &dana).await);
    work(&bench).await;
    let exported = download(&bench, &dana, &path).await.json();
    assert_eq!(exported["connections"].as_array().unwrap().len(), 1);
    let headers = [("authorization", dana.as_str())];
    let ended = send(&bench, "DELETE", &format!("/api/connections/{id}"), &headers, "").await;
    assert_eq!(told(&ended), missing("Connection"));
    let page = get(&bench, "/api/connections", &dana).await.json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["metadata"]["total"]), (1, &json!(1)));
    assert_ne!(page["data"][0]["connectionId"], json!(id));
}

#[tokio::test]
async fn audit_records_are_not_shown_after_two_years_though_the_store_still_has_them() {
    let team = Team::start().await;
    work(&team.bench).await;
    let before = team.admin("GET", "/api/admin/audit?limit=100", &Value::Null).await.json();
    assert!(before["metadata"]["total"].as_u64().unwrap() > 3);
    team.bench.advance(Duration::days(731));
    let admin = bearer(&team.bench, "ann@example.com").await;
    for query in ["limit=100", "limit=100&from=2020-01-01T00:00:00Z", "limit=100&to=2099-01-01T00:00:00Z"] {
        let late = get(&team.bench, &format!("/api/admin/audit?{query}"), &admin).await.json();
        assert!(late["data"].as_array().unwrap().len() <= 1, "{query}: {late}");
        assert!(late["metadata"]["total"].as_u64().unwrap() <= 1, "{query}: {late}");
    }
    let ancient = get(&team.bench, "/api/admin/audit?to=2020-01-01T00:00:00Z", &admin).await.json();
    assert_eq!(ancient["metadata"]["total"], 0);
}

#[tokio::test]
async fn an_export_is_told_as_expired_for_a_while_and_then_is_not_there() {
    let team = Team::start().await;
    let (path, _) = asked(&create(&team.bench, &team.tester).await);
    work(&team.bench).await;
    team.bench.advance(Duration::days(8));
    let tester = bearer(&team.bench, "tess@example.com").await;
    assert_eq!(data(&get(&team.bench, &path, &tester).await)["status"], "expired");
    team.bench.advance(Duration::days(7));
    let tester = bearer(&team.bench, "tess@example.com").await;
    assert_eq!(told(&get(&team.bench, &path, &tester).await), missing("Export"));
}

#[tokio::test]
async fn a_new_test_token_takes_the_place_of_one_that_ran_out() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let first = team.test_token(&study).await;
    team.bench.advance(Duration::days(3));
    assert_eq!(get(&team.bench, "/api/auth/me", &first).await.status, 401);
    let (store, now) = (team.bench.context.store(), team.bench.context.clock().now());
    let hash = sha256_hex(b"another");
    store.issue_test_token(&team.user, StudyId::from_wire(&study).unwrap(), &hash, now).await.unwrap();
    let older = sha256_hex(&first.as_bytes()["Token ".len()..]);
    let items = team.bench.items("main").await.unwrap();
    assert!(!items.iter().any(|item| item.contains(&format!("TEST#{older}"))), "the older one is gone");
}
