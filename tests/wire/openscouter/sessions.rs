//! Test sessions (openscouter 5.2, 10): creation, every state and every call, concurrency.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::{
    model::{Role, StudyId, TestSessionId, TestStatus, UserId},
    store::{NewTest, TestCreation},
};
use time::Duration;

use super::{
    bearer, data, person,
    research::{Team, ask, get, tester},
    told, work,
};

fn refused(text: &str) -> (u64, String) {
    (422, text.to_owned())
}

fn missing(what: &str) -> (u64, String) {
    (404, format!("{what} not found"))
}

/// Puts a session into a state, as the store does it.
async fn put_into(team: &Team, id: &str, status: TestStatus) {
    let store = team.bench.context.store();
    let id = TestSessionId::from_wire(id).unwrap();
    let now = team.bench.context.clock().now();
    let current = store.test_session(id).await.unwrap().unwrap();
    let next = current.with(|next| {
        next.status = status;
        next.completed_at = (!status.is_running()).then_some(current.created_at);
    });
    assert!(store.change_test_session(&current, &next, None, now).await.unwrap());
}

#[tokio::test]
async fn creation_in_the_contract_s_order() {
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 1}, "abTest": null})).await;
    let tester_id = team.user.id.wire();
    let create = async |caller: &str, body: Value| ask(&team.bench, caller, "POST", "/api/sessions", &body).await;
    let (study_id, user) = (StudyId::from_wire(&study).unwrap(), team.user.id);
    for (body, text) in [
        (json!({}), "jobId: is required"),
        (json!({"jobId": study}), "testerId: is required"),
        (json!({"jobId": study, "testerId": tester_id, "variant": "C"}), "variant: must be one of: A, B"),
        (json!({"jobId": study, "testerId": tester_id}), "testerId: tester has not accepted this study"),
    ] {
        assert_eq!(told(&create(&team.owner, body).await), refused(text));
    }
    let unknown = json!({"jobId": "job_1", "testerId": tester_id});
    assert_eq!(told(&create(&team.owner, unknown).await), missing("Study"));
    for nobody in ["user_1", "user_01k8ybdf00e8nrtzq2qw3d80n2"] {
        assert_eq!(told(&create(&team.owner, json!({"jobId": study, "testerId": nobody})).await), missing("Tester"));
    }
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    let body = json!({"jobId": study, "testerId": tester_id});
    assert_eq!(told(&create(&other, body.clone()).await), missing("Study"));
    assert_eq!(told(&create(&team.tester, body.clone()).await), missing("Study"), "without a proposal");
    let (second, second_credential) = tester(&team.bench, "theo@example.com").await;
    assert_eq!(create(&second_credential, body.clone()).await.status, 403, "somebody else's session");
    team.owner("PATCH", &format!("/api/jobs/{study}"), &json!({"status": "paused"})).await;
    assert_eq!(
        told(&create(&team.owner, body.clone()).await),
        refused("Study is paused, expected open or in_progress")
    );
    team.owner("PATCH", &format!("/api/jobs/{study}"), &json!({"status": "open"})).await;
    let new = person(&team.bench, Role::Tester, "new@example.com").await;
    let pending = json!({"jobId": study, "testerId": new.id.wire()});
    assert_eq!(told(&create(&team.admin, pending).await), refused("testerId: tester is not active"));
    team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await;
    assert_eq!(told(&create(&team.admin, body.clone()).await), refused("testerId: tester has not given consent"));
    team.tester("POST", "/api/me/consents", &json!({"kind": "testing", "version": "v1.1"})).await;
    let with_variant = json!({"jobId": study, "testerId": tester_id, "variant": "A"});
    assert_eq!(told(&create(&team.admin, with_variant).await), refused("variant: study has no A/B test"));
    // who accepted may begin
    team.bench.context.store().assign(study_id, user, team.bench.context.clock().now()).await.unwrap();
    let made = create(&team.tester, body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let names: Vec<_> = data(&made).as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["sessionId", "jobId", "testerId", "variant", "status", "createdAt"]);
    assert_eq!(data(&made)["variant"], Value::Null);
    assert_eq!(
        told(&create(&team.owner, body).await),
        refused("testerId: tester already has a session for this study")
    );
    let full = json!({"jobId": study, "testerId": second.id.wire()});
    assert_eq!(told(&create(&team.admin, full).await), refused("jobId: study has no free places"));
}

#[tokio::test]
async fn every_state_and_every_call() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.approve(&study).await;
    let path = format!("/api/sessions/{session}");
    for status in TestStatus::ALL {
        let of = |expected: &str| Some(format!("Session is {}, expected {expected}", status.as_str()));
        let running = status.is_running();
        let calls = [
            ("POST", "pause", (status != TestStatus::Active).then(|| of("active")).flatten()),
            ("POST", "resume", (status != TestStatus::Paused).then(|| of("paused")).flatten()),
            (
                "POST",
                "complete",
                (!running && status != TestStatus::Completed).then(|| of("active or paused")).flatten(),
            ),
            (
                "POST",
                "confirm",
                (!matches!(status, TestStatus::Analyzed | TestStatus::Confirmed)).then(|| of("analyzed")).flatten(),
            ),
            (
                "PUT",
                "notes",
                (status == TestStatus::Confirmed).then(|| of("active, paused, completed or analyzed")).flatten(),
            ),
        ];
        for (method, call, refusal) in calls {
            put_into(&team, &session, status).await;
            let body = if call == "notes" { json!({"notes": []}) } else { json!({}) };
            let answer = team.tester(method, &format!("{path}/{call}"), &body).await;
            match refusal {
                Some(text) => assert_eq!(told(&answer), refused(&text), "{call}"),
                None => assert_eq!(answer.status, 200, "{call} {}: {}", status.as_str(), answer.body),
            }
        }
        put_into(&team, &session, status).await;
        let analyze = team.owner("POST", &format!("{path}/analyze"), &Value::Null).await;
        match status {
            TestStatus::Completed => assert_eq!(analyze.status, 202),
            _ => assert_eq!(told(&analyze), refused(&of("completed").unwrap())),
        }
        let snapshot = team.owner("POST", "/api/ai", &json!({"sessionId": session})).await;
        match status {
            TestStatus::Active => assert_eq!(snapshot.status, 202),
            _ => assert_eq!(told(&snapshot), refused(&of("active").unwrap())),
        }
        for stream in ["events", "facial", "voice"] {
            let sent =
                team.tester("POST", &format!("/api/data/{stream}"), &json!({"sessionId": session, "batch": []})).await;
            match running {
                true => assert_eq!(sent.status, 200),
                false => assert_eq!(told(&sent), refused(&of("active or paused").unwrap())),
            }
        }
        let report = team.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
        match status {
            TestStatus::Confirmed => assert_eq!(report.status, 202),
            _ => assert_eq!(told(&report), refused("Session notes are not confirmed")),
        }
        let feedback = team.owner("POST", &format!("{path}/feedback"), &json!({"rating": 4})).await;
        match status {
            TestStatus::Active | TestStatus::Paused => {
                assert_eq!(told(&feedback), refused(&of("completed, analyzed or confirmed").unwrap()));
            }
            TestStatus::Completed => assert_eq!(feedback.status, 201),
            _ => assert_eq!(told(&feedback), refused("Feedback was already given")),
        }
    }
    let feedback = team.tester("POST", &format!("{path}/feedback"), &json!({"rating": 5, "comment": " fine "})).await;
    assert_eq!((&data(&feedback)["authorRole"], &data(&feedback)["comment"]), (&json!("tester"), &json!("fine")));
    for (body, text) in [
        (json!({}), "rating: is required"),
        (json!({"rating": 6}), "rating: must be at most 5"),
        (json!({"rating": "5"}), "rating: must be an integer"),
    ] {
        assert_eq!(told(&team.owner("POST", &format!("{path}/feedback"), &body).await), refused(text));
    }
}

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
async fn no_transition_is_lost_or_done_twice() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}/pause");
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let calls = (0..12).map(|_| super::send(&team.bench, "POST", &path, &headers, "{}"));
    let answers = futures_util::future::join_all(calls).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(done, 1);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status != 200)
            .all(|a| told(a) == refused("Session is paused, expected active"))
    );
}

#[tokio::test]
async fn a_thousand_testers_begin_at_once() {
    const TESTERS: usize = 1_000;
    const PLACES: u32 = 990;
    let team = Team::start().await;
    let ratio = json!({"variants": [{"label": "A"}, {"label": "B"}], "splitRatio": {"A": 0.3, "B": 0.7}});
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": PLACES}, "abTest": ratio})).await;
    let store = team.bench.context.store();
    let now = team.bench.context.clock().now();
    let id = StudyId::from_wire(&study).unwrap();
    let known = store.linked_study(id).await.unwrap().unwrap();
    let testers: Vec<_> = (0..TESTERS).map(|_| UserId::generate()).collect();
    // who asks three times at once gets one session
    let eager: Vec<_> = testers.iter().take(20).cycle().take(60).collect();
    let new = |tester: &UserId| NewTest { study: &known, tester: *tester, variant: None, assigns: true };
    let eager: Vec<_> = eager.into_iter().map(new).collect();
    let calls = eager.iter().map(|new| store.create_test_session(new, now));
    let mut made = futures_util::future::try_join_all(calls).await.unwrap();
    assert_eq!(made.iter().filter(|made| matches!(made, TestCreation::Created(_))).count(), 20);
    let others: Vec<_> = testers.iter().skip(20).map(new).collect();
    let calls = others.iter().map(|new| store.create_test_session(new, now));
    made.extend(futures_util::future::try_join_all(calls).await.unwrap());
    let sessions: Vec<_> = made
        .into_iter()
        .filter_map(|made| match made {
            TestCreation::Created(session) => Some(*session),
            TestCreation::Exists | TestCreation::Full => None,
            TestCreation::Shut => panic!("the study is open"),
        })
        .collect();
    let distinct: HashSet<_> = sessions.iter().map(|session| session.tester).collect();
    assert_eq!(distinct.len(), sessions.len(), "no tester has two sessions");
    let numbers: HashSet<_> = sessions.iter().map(|session| session.number).collect();
    assert_eq!(numbers.len(), sessions.len(), "no two sessions share a number");
    assert_eq!(sessions.len(), PLACES as usize);
    let a = sessions.iter().filter(|session| session.variant.is_some_and(|label| label.as_str() == "A")).count();
    let expected = 0.3 * f64::from(u32::try_from(sessions.len()).unwrap());
    assert!((f64::from(u32::try_from(a).unwrap()) - expected).abs() <= 1.0 + 1e-9, "{a} of {}", sessions.len());
    let shown = data(&team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await);
    assert_eq!((&shown["status"], &shown["progress"]["sessions"]), (&json!("in_progress"), &json!(sessions.len())));
}

#[tokio::test]
async fn who_sees_which_sessions() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}");
    let other_study = team.study(&json!({})).await;
    let token = team.test_token(&study).await;
    let foreign_token = team.test_token(&other_study).await;
    assert_eq!(data(&get(&team.bench, &token, &path).await)["sessionId"], json!(session));
    assert_eq!(told(&get(&team.bench, &foreign_token, &path).await), missing("Session"));
    let kind = (403, "This credential cannot be used here".to_owned());
    assert_eq!(told(&get(&team.bench, &token, "/api/sessions").await), kind);
    let (_, stranger) = tester(&team.bench, "theo@example.com").await;
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    for nobody in [&stranger, &other] {
        assert_eq!(told(&get(&team.bench, nobody, &path).await), missing("Session"));
        assert_eq!(get(&team.bench, nobody, "/api/sessions").await.json()["metadata"]["total"], 0);
    }
    assert_eq!(told(&get(&team.bench, &team.owner, "/api/sessions/sess_001").await), missing("Session"));
    work(&team.bench).await;
    let total = async |caller: &str, query: &str| {
        get(&team.bench, caller, &format!("/api/sessions{query}")).await.json()["metadata"]["total"].clone()
    };
    let user = team.user.id.wire();
    for caller in [&team.owner, &team.admin, &team.tester] {
        for (query, expected) in [
            (String::new(), 1),
            (format!("?jobId={study}"), 1),
            (format!("?jobId={other_study}"), 0),
            (format!("?testerId={user}"), 1),
            (format!("?testerId={user}&jobId={study}&status=active"), 1),
            ("?status=active".to_owned(), 1),
            ("?status=paused".to_owned(), 0),
            ("?jobId=job_1".to_owned(), 0),
            ("?testerId=user_1".to_owned(), 0),
        ] {
            assert_eq!(total(caller, &query).await, expected, "{query}");
        }
    }
    let wrong = get(&team.bench, &team.owner, "/api/sessions?status=lost").await;
    assert_eq!(told(&wrong), refused("status: must be one of: active, paused, completed, analyzed, confirmed"));
}
