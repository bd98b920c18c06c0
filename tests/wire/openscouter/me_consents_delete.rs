//! `DELETE /api/me/consents/:kind`: a consent is withdrawn (openscouter 18).

use harness::{
    openscouter::{data, exports::Finished, read, refused, team::Team, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{ConsentKind, IngestedStream, StudyId, TestSessionId, TestStatus},
    store::{NewTest, TestCreation},
};
use time::Duration;

#[tokio::test]
async fn a_withdrawn_consent_takes_what_was_captured() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": [event]})).await;
    team.tester("PUT", &format!("/api/sessions/{session}/notes"), &json!({"notes": [{"text": "mine"}]})).await;
    let special = json!({"ndCategories": ["adhd"]});
    let early = team.tester("PATCH", "/api/me/profile", &special).await;
    assert_eq!(told(&early), refused("ndCategories: requires special_category consent"));
    let wrong = team.tester("POST", "/api/me/consents", &json!({"kind": "special_category", "version": "v0"})).await;
    assert_eq!(told(&wrong), refused("version: must be v1.1"));
    let give = json!({"kind": "special_category", "version": "v1.1"});
    let given = team.tester("POST", "/api/me/consents", &give).await;
    let again = team.tester("POST", "/api/me/consents", &give).await;
    assert_eq!((given.status, again.status, data(&given)), (201, 200, data(&again)));
    assert_eq!(data(&team.tester("PATCH", "/api/me/profile", &special).await)["ndCategories"], json!(["adhd"]));
    let listed = data(&team.tester("GET", "/api/me/consents", &Value::Null).await);
    assert_eq!((&listed["currentVersion"], listed["consents"].as_array().unwrap().len()), (&json!("v1.1"), 2));
    let unknown = team.tester("DELETE", "/api/me/consents/other", &Value::Null).await;
    assert_eq!(told(&unknown), (404, "Consent not found".to_owned()));
    let withdrawn = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!((withdrawn.status, data(&withdrawn)["cascade"].as_array().unwrap().len()), (202, 9));
    let repeated = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!(data(&repeated), data(&withdrawn));
    work(&team.bench).await;
    assert_eq!(data(&team.tester("GET", "/api/me/profile", &Value::Null).await)["ndCategories"], json!([]));
    let seen = data(&team.tester("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    assert_eq!(seen["status"], "completed", "a running session is ended first");
    let id = TestSessionId::from_wire(&session).unwrap();
    let kept = team.bench.context.store().ingested(id, IngestedStream::Events).await.unwrap();
    assert!(kept.is_empty(), "what was ingested is gone");
    let notes = data(&team.tester("GET", &format!("/api/sessions/{session}/notes"), &Value::Null).await);
    assert_eq!(notes["notes"], json!([]));
}

#[tokio::test]
async fn with_the_consent_to_testing_the_one_to_special_categories_ends() {
    let team = Team::start().await;
    let give = |kind: &str| json!({"kind": kind, "version": "v1.1"});
    team.tester("POST", "/api/me/consents", &give("special_category")).await;
    let named = json!({"ndCategories": ["adhd"]});
    assert_eq!(team.tester("PATCH", "/api/me/profile", &named).await.status, 200);
    let withdrawn = data(&team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await);
    let listed = data(&team.tester("GET", "/api/me/consents", &Value::Null).await);
    let ends: Vec<_> = listed["consents"].as_array().unwrap().iter().map(|consent| &consent["revokedAt"]).collect();
    assert_eq!(ends, [&withdrawn["revokedAt"]; 2]);
    assert_eq!(data(&team.tester("GET", "/api/me/profile", &Value::Null).await)["ndCategories"], json!([]));
    assert_eq!(
        told(&team.tester("PATCH", "/api/me/profile", &named).await),
        refused("ndCategories: requires special_category consent")
    );
    team.bench.advance(Duration::seconds(1));
    let alone = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!(data(&alone)["revokedAt"], withdrawn["revokedAt"], "it had ended then");
    team.bench.advance(Duration::seconds(1));
    assert_eq!(team.tester("POST", "/api/me/consents", &give("testing")).await.status, 201);
    let special = &data(&team.tester("GET", "/api/me/consents", &Value::Null).await)["consents"][1];
    assert_eq!((&special["kind"], &special["revokedAt"]), (&json!("special_category"), &withdrawn["revokedAt"]));
    assert_eq!(team.tester("POST", "/api/me/consents", &give("special_category")).await.status, 201);
    assert_eq!(team.tester("PATCH", "/api/me/profile", &named).await.status, 200);
}

#[tokio::test]
async fn a_withdrawn_consent_takes_all_nine_data_sets() {
    let done = Finished::new().await;
    let (team, store, session) = (&done.team, done.team.bench.context.store(), done.session);
    let aggregate = format!("/api/reports/job/{}", done.study);
    let shown = async || {
        let mut report = data(&team.owner("GET", &aggregate, &Value::Null).await);
        // its address is made anew for each reader
        report.as_object_mut().unwrap().remove("pageUrl");
        report
    };
    let before = shown().await;
    assert_eq!(before["status"], "complete");
    for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
        assert_eq!(store.ingested(session, stream).await.unwrap().len(), 1, "{stream:?}");
    }
    assert!(store.report(done.report).await.unwrap().unwrap().contents.contains("findings"));
    assert!(store.agent_job(done.snapshot).await.unwrap().unwrap().insights.is_some());
    let withdrawn = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!(withdrawn.status, 202);
    assert_eq!(
        data(&withdrawn)["cascade"],
        json!([
            "special_category_profile",
            "events",
            "facial_snapshots",
            "voice_segments",
            "session_notes",
            "insights",
            "session_reports",
            "findings",
            "strata"
        ])
    );
    work(&team.bench).await;
    // special_category_profile
    assert!(store.special_categories(team.user.id).await.unwrap().is_empty());
    assert_eq!(data(&team.tester("GET", "/api/me/profile", &Value::Null).await)["ndCategories"], json!([]));
    // events, facial_snapshots, voice_segments
    for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
        assert!(store.ingested(session, stream).await.unwrap().is_empty(), "{stream:?}");
    }
    // session_notes, and the moments that they are about
    let path = format!("/api/sessions/{}", session.wire());
    assert_eq!(data(&team.tester("GET", &format!("{path}/notes"), &Value::Null).await)["notes"], json!([]));
    // insights
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["analysis"], &seen["analyst"]), (&Value::Null, &Value::Null));
    for job in [done.snapshot, done.analyst] {
        assert_eq!(store.agent_job(job).await.unwrap(), None);
        let asked = read(&team.bench, &team.owner, &format!("/api/ai/{}", job.wire())).await;
        assert_eq!(told(&asked), (404, "Analysis job not found".to_owned()));
    }
    // session_reports with their findings
    let report = read(&team.bench, &team.owner, &format!("/api/reports/{}", done.report.wire())).await;
    assert_eq!(told(&report), (404, "Report not found".to_owned()));
    // strata: nothing of them is kept but in aggregates, which stay
    assert_eq!(shown().await, before);
    // that the session took place stays, too
    assert_eq!(seen["status"], "confirmed");
}

#[tokio::test]
async fn a_withdrawn_consent_takes_earlier_snapshots_too() {
    let done = Finished::new().await;
    done.team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await;
    work(&done.team.bench).await;
    let left: Vec<_> = done.left().await.into_iter().filter(|item| item.contains("AJOB#")).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_session_of_the_second_of_the_withdrawal_goes_by_its_millisecond() {
    let team = Team::start().await;
    let study = StudyId::from_wire(&team.study(&json!({})).await).unwrap();
    let store = team.bench.context.store();
    let study = store.linked_study(study).await.unwrap().unwrap();
    let second = team.bench.context.clock().now().replace_nanosecond(0).unwrap() + Duration::seconds(1);
    let at = |millis: i64| second + Duration::milliseconds(millis);
    let new = NewTest { study: &study, tester: team.user.id, variant: None, assigns: true };
    let TestCreation::Created(session) = store.create_test_session(&new, at(500)).await.unwrap() else { panic!() };
    for (withdrawn, expected) in [(499, TestStatus::Active), (500, TestStatus::Completed)] {
        let withdrawal = (ConsentKind::SpecialCategory, at(withdrawn));
        store.end_running_tests(team.user.id, withdrawal, at(800)).await.unwrap();
        assert!(store.withdraw_consent(team.user.id, withdrawal, at(800), &|| false).await.unwrap());
        let seen = store.test_session(session.id).await.unwrap().unwrap();
        assert_eq!(seen.status, expected, "{withdrawn}");
    }
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await;
    snapshot!("me-consents-delete", &answer);
}
