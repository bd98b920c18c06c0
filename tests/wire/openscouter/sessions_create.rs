//! `POST /api/sessions`: a tester begins (openscouter 10).

use std::collections::HashSet;

use harness::{
    faults::Fault,
    functions::{Api, routed},
    openscouter::{
        ask, bearer, data, missing, person, read, refused, send,
        team::{Team, tester},
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{Role, StudyId, UserId},
    store::{NewTest, TestCreation},
};
use time::Duration;

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
async fn where_nobody_is_in_the_way_it_is_in_its_lists_at_once() {
    let team = Team::start().await;
    let path = "/api/sessions?limit=1";
    // a machine that is busy for long puts it into them later
    for _ in 0..10 {
        let study = team.study(&json!({})).await;
        let session = team.session(&study).await;
        let listed = send(&team.bench, "GET", path, &[("authorization", &team.owner)], "").await;
        if data(&listed)[0]["sessionId"] == json!(session) {
            return;
        }
    }
    panic!("no session was in its list at once");
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
            TestCreation::Withdrawn | TestCreation::Unassigned | TestCreation::Shut => panic!("the study is open"),
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
async fn a_place_that_came_to_nothing_is_not_lost() {
    let team = Team::start().await;
    let ratio = json!({"variants": [{"label": "A"}, {"label": "B"}]});
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 2}, "abTest": ratio})).await;
    let (second, _) = tester(&team.bench, "theo@example.com").await;
    let (third, _) = tester(&team.bench, "thea@example.com").await;
    let headers = [("authorization", team.admin.as_str()), ("content-type", "application/json")];
    let begin = async |tester: &str, variant: Value| {
        let body = json!({"jobId": study, "testerId": tester, "variant": variant}).to_string();
        team.bench
            .send(routed(Api::OpenScouter, "POST", "/api/sessions"), "POST", "/api/sessions", &headers, body.as_bytes())
            .await
    };
    let progress =
        async || data(&read(&team.bench, &team.owner, &format!("/api/jobs/{study}")).await)["progress"].clone();
    let user = team.user.id.wire();
    team.bench.faults.every(1, Fault::Broken);
    assert_eq!(begin(&user, Value::Null).await.unwrap().status, 500);
    assert_eq!(begin(&second.id.wire(), Value::Null).await.unwrap().status, 500);
    assert!(team.bench.faults.stop() > 0);
    assert_eq!(progress().await["sessions"], 0, "a number is no session");
    // who comes back has the place, with what is asked for now
    let made = begin(&user, json!("B")).await.unwrap();
    assert_eq!((made.status, &data(&made)["variant"]), (201, &json!("B")), "{}", made.body);
    assert_eq!(progress().await["sessions"], 1);
    // the other place is kept for a while, and free when nobody comes
    let full = (422, "jobId: study has no free places".to_owned());
    assert_eq!(told(&begin(&third.id.wire(), Value::Null).await.unwrap()), full);
    team.bench.advance(Duration::seconds(61));
    let made = begin(&third.id.wire(), Value::Null).await.unwrap();
    assert_eq!((made.status, &data(&made)["variant"]), (201, &json!("A")), "the split counts who is there");
    assert_eq!(told(&begin(&second.id.wire(), Value::Null).await.unwrap()), full);
    assert_eq!(progress().await["sessions"], 2);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let answer = team.admin("POST", "/api/sessions", &json!({"jobId": study, "testerId": team.user.id.wire()})).await;
    snapshot!("sessions-create", &answer);
}
