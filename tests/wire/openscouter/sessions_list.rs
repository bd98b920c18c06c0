//! `GET /api/sessions`: sessions, newest first (openscouter 10).

use std::collections::BTreeSet;

use harness::{
    openscouter::{
        bearer, data, missing, person, read, refused,
        team::{Team, tester},
        told, work,
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
async fn who_sees_which_sessions() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}");
    let other_study = team.study(&json!({})).await;
    let token = team.test_token(&study).await;
    let foreign_token = team.test_token(&other_study).await;
    assert_eq!(data(&read(&team.bench, &token, &path).await)["sessionId"], json!(session));
    assert_eq!(told(&read(&team.bench, &foreign_token, &path).await), missing("Session"));
    let kind = (403, "This credential cannot be used here".to_owned());
    assert_eq!(told(&read(&team.bench, &token, "/api/sessions").await), kind);
    let (_, stranger) = tester(&team.bench, "theo@example.com").await;
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    for nobody in [&stranger, &other] {
        assert_eq!(told(&read(&team.bench, nobody, &path).await), missing("Session"));
        assert_eq!(read(&team.bench, nobody, "/api/sessions").await.json()["metadata"]["total"], 0);
    }
    assert_eq!(told(&read(&team.bench, &team.owner, "/api/sessions/sess_001").await), missing("Session"));
    work(&team.bench).await;
    let total = async |caller: &str, query: &str| {
        read(&team.bench, caller, &format!("/api/sessions{query}")).await.json()["metadata"]["total"].clone()
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
    let wrong = read(&team.bench, &team.owner, "/api/sessions?status=lost").await;
    assert_eq!(told(&wrong), refused("status: must be one of: active, paused, completed, analyzed, confirmed"));
}

#[tokio::test]
async fn lists_agree_with_sessions_whoever_ranked_them_last() {
    const TESTERS: usize = 24;
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 100}, "abTest": null})).await;
    let id = StudyId::from_wire(&study).unwrap();
    let processes = [team.bench.another_process(), team.bench.another_process(), team.bench.another_process()];
    let known = team.bench.context.store().linked_study(id).await.unwrap().unwrap();
    let now = team.bench.context.clock().now();
    let new: Vec<_> = (0..TESTERS)
        .map(|_| NewTest { study: &known, tester: UserId::generate(), variant: None, assigns: true })
        .collect();
    let lives = new.iter().enumerate().map(|(number, new)| {
        let processes = &processes;
        async move {
            let store = |turn: usize| processes[(number + turn) % 3].context.store();
            let made = store(0).create_test_session(new, now).await.unwrap();
            let TestCreation::Created(mut session) = made else { panic!("{made:?}") };
            for turn in 1..=number % 5 {
                let next = match turn % 2 {
                    1 => session.paused(now),
                    _ => session.resumed(now),
                };
                assert!(store(turn).change_test_session(&session, &next, None, now).await.unwrap());
                *session = next;
            }
            if number % 3 == 0 {
                let next = session.completed(now, false);
                assert!(store(1).change_test_session(&session, &next, None, now).await.unwrap());
                *session = next;
            }
            *session
        }
    });
    let sessions = futures_util::future::join_all(lives).await;
    // the work that is left, by several at a time
    futures_util::future::join_all(processes.iter().map(work)).await;
    team.bench.advance(Duration::minutes(2));
    work(&team.bench).await;
    for scope in [String::new(), format!("jobId={study}&")] {
        let mut seen = 0;
        for status in ["active", "paused", "completed", "analyzed", "confirmed"] {
            let page = read(&team.bench, &team.owner, &format!("/api/sessions?{scope}status={status}&limit=100")).await;
            let page = page.json();
            let found: BTreeSet<_> = page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["sessionId"].as_str().unwrap().to_owned())
                .collect();
            let own = sessions.iter().filter(|session| session.status.as_str() == status);
            let own: BTreeSet<_> = own.map(|session| session.id.wire()).collect();
            assert_eq!((page["metadata"]["total"].as_u64(), &found), (Some(own.len() as u64), &own), "{status}");
            seen += own.len();
        }
        assert_eq!(seen, TESTERS);
        let all = read(&team.bench, &team.owner, &format!("/api/sessions?{scope}limit=1&page={TESTERS}")).await.json();
        assert_eq!((&all["metadata"]["total"], all["data"].as_array().unwrap().len()), (&json!(TESTERS), 1));
    }
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    work(&team.bench).await;
    let answer = team.owner("GET", "/api/sessions?status=active", &Value::Null).await;
    snapshot!("sessions-list", &answer);
    assert_eq!(data(&answer)[0]["sessionId"], json!(session));
}
