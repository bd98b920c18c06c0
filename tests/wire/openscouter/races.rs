//! Many at once, and what a fault leaves between two writes: nothing is lost, done twice, or wrong for ever.

use std::collections::BTreeSet;

use harness::faults::Fault;
use serde_json::{Value, json};
use shared::{
    model::{StudyId, TestSessionId, UserId},
    store::{NewTest, TestCreation},
};
use time::Duration;

use super::{
    data,
    research::{Team, get},
    told, work,
};

#[tokio::test]
async fn every_change_that_was_answered_was_made() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}/notes");
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let bodies: Vec<_> = (0..8).map(|n| json!({"notes": [{"text": format!("note {n}")}]}).to_string()).collect();
    let calls = bodies.iter().map(|body| super::send(&team.bench, "PUT", &path, &headers, body));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let id = TestSessionId::from_wire(&session).unwrap();
    let notes = team.bench.context.store().notes(id).await.unwrap();
    assert_eq!((notes.version, notes.notes.len()), (8, 1), "each of them was written");
    // pause and resume in turn from many sides: no state is skipped, none is entered twice
    let mut done = [0, 0];
    for _ in 0..6 {
        for (turn, name) in ["pause", "resume"].iter().enumerate() {
            let path = format!("/api/sessions/{session}/{name}");
            let calls = (0..5).map(|_| super::send(&team.bench, "POST", &path, &headers, "{}"));
            let answers = futures_util::future::join_all(calls).await;
            done[turn] += answers.iter().filter(|answer| answer.status == 200).count();
            team.bench.advance(Duration::seconds(30));
        }
    }
    assert_eq!(done, [6, 6]);
    let kept = team.bench.context.store().test_session(id).await.unwrap().unwrap();
    assert_eq!((kept.version, kept.pauses.len()), (21, 6));
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
            let page = get(&team.bench, &team.owner, &format!("/api/sessions?{scope}status={status}&limit=100")).await;
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
        let all = get(&team.bench, &team.owner, &format!("/api/sessions?{scope}limit=1&page={TESTERS}")).await.json();
        assert_eq!((&all["metadata"]["total"], all["data"].as_array().unwrap().len()), (&json!(TESTERS), 1));
    }
}

#[tokio::test]
async fn a_place_that_came_to_nothing_is_not_lost() {
    let team = Team::start().await;
    let ratio = json!({"variants": [{"label": "A"}, {"label": "B"}]});
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 2}, "abTest": ratio})).await;
    let (second, _) = super::research::tester(&team.bench, "theo@example.com").await;
    let (third, _) = super::research::tester(&team.bench, "thea@example.com").await;
    let headers = [("authorization", team.admin.as_str()), ("content-type", "application/json")];
    let begin = async |tester: &str, variant: Value| {
        let body = json!({"jobId": study, "testerId": tester, "variant": variant}).to_string();
        team.bench
            .send(super::routed("POST", "/api/sessions"), "POST", "/api/sessions", &headers, body.as_bytes())
            .await
    };
    let progress =
        async || data(&get(&team.bench, &team.owner, &format!("/api/jobs/{study}")).await)["progress"].clone();
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
async fn long_notes_are_read_whole_while_they_are_replaced() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}/notes");
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    // noise that does not compress takes several items
    let noise = |tag: &str, note: usize| {
        let text: String =
            (0..60).map(|part| shared::secret::sha256_hex(format!("{tag}/{note}/{part}").as_bytes())).collect();
        json!({"text": format!("{tag}{text}")})
    };
    let body = |tag: &str| json!({"notes": (0..200).map(|note| noise(tag, note)).collect::<Vec<_>>()}).to_string();
    let bodies = [body("a"), body("b")];
    assert_eq!(super::send(&team.bench, "PUT", &path, &headers, &bodies[0]).await.status, 200);
    for turn in 1..6 {
        let write = super::send(&team.bench, "PUT", &path, &headers, &bodies[turn % 2]);
        let reads = (0..6).map(|_| super::send(&team.bench, "GET", &path, &headers, ""));
        let (written, read) = futures_util::future::join(write, futures_util::future::join_all(reads)).await;
        assert_eq!(written.status, 200);
        for answer in read {
            let notes = data(&answer)["notes"].as_array().unwrap().clone();
            let tags: BTreeSet<_> = notes.iter().map(|note| note["text"].as_str().unwrap()[..1].to_owned()).collect();
            assert_eq!((notes.len(), tags.len()), (200, 1), "one edition, and all of it");
        }
        team.bench.advance(Duration::seconds(10));
    }
}

#[tokio::test]
async fn an_erasure_that_breaks_off_again_and_again_is_finished() {
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 3}, "abTest": null})).await;
    let mut sessions = vec![team.session(&study).await];
    for name in ["theo", "thea"] {
        let (user, _) = super::research::tester(&team.bench, &format!("{name}@example.com")).await;
        let made = team.admin("POST", "/api/sessions", &json!({"jobId": study, "testerId": user.id.wire()})).await;
        sessions.push(data(&made)["sessionId"].as_str().unwrap().to_owned());
    }
    for session in &sessions {
        team.owner("POST", "/api/ai", &json!({"sessionId": session})).await;
    }
    work(&team.bench).await;
    team.approve(&study).await;
    let me = data(&get(&team.bench, &team.owner, "/api/auth/me").await);
    team.owner("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    team.bench.advance(Duration::days(31));
    // each time it comes a little further, and is broken off somewhere else
    for nth in (1..=9).chain([2, 3, 5]) {
        team.bench.faults.every(nth, Fault::Broken);
        work(&team.bench).await;
        team.bench.faults.stop();
        team.bench.advance(Duration::minutes(2));
    }
    for _ in 0..4 {
        work(&team.bench).await;
        team.bench.advance(Duration::minutes(16));
    }
    let inside = |wire: &str, kind: &str| match kind {
        "study" => StudyId::from_wire(wire).unwrap().to_string(),
        "session" => TestSessionId::from_wire(wire).unwrap().to_string(),
        _ => UserId::from_wire(wire).unwrap().to_string(),
    };
    let mut gone = vec![inside(&study, "study"), inside(me["userId"].as_str().unwrap(), "user")];
    gone.extend(sessions.iter().map(|session| inside(session, "session")));
    let settings = team.bench.context.settings();
    let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let left: Vec<_> = items
        .iter()
        .filter(|item| !item.contains("AUDIT#") && !item.contains("RANK#audit"))
        .filter(|item| gone.iter().any(|id| item.contains(id)))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
    for total in ["/api/jobs", "/api/sessions"] {
        let admin = super::bearer(&team.bench, "ann@example.com").await;
        assert_eq!(get(&team.bench, &admin, total).await.json()["metadata"]["total"], 0, "{total}");
    }
}
