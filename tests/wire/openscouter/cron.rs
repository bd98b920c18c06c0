//! `POST /api/cron/:job`: a job that a scheduler starts (openscouter 20).

use harness::{
    Bench,
    openscouter::{
        ask, bearer, data, person, post, says,
        team::{Team, tester},
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn the_scheduler_starts_due_erasures() {
    let bench = Bench::with(&[("OUTSCOUT_CRON_SECRET", "of the scheduler")]).await.unwrap();
    let run = async |job: &str, credential: &str, body: Value| {
        let headers = [("authorization", credential)];
        post(&bench, &format!("/api/cron/{job}"), &headers, &body).await
    };
    let right = "Bearer of the scheduler";
    for wrong in ["Bearer x", "Token of the scheduler", "of the scheduler", "Bearer"] {
        assert_eq!(told(&run("retention", wrong, json!({})).await), (401, "Invalid credentials".to_owned()), "{wrong}");
    }
    assert_eq!(
        told(&post(&bench, "/api/cron/retention", &[], &json!({})).await),
        (401, "Missing credentials".to_owned())
    );
    assert_eq!(told(&run("nothing", right, json!({})).await), (404, "Cron job not found".to_owned()));
    for (body, text) in [
        (json!({"cursor": "x"}), "cursor: is invalid"),
        (json!({"limit": 0}), "limit: must be at least 1"),
        (json!({"limit": 501}), "limit: must be at most 500"),
        (json!({"limit": 1.0}), "limit: must be an integer"),
    ] {
        assert_eq!(told(&run("retention", right, body).await), (422, text.to_owned()));
    }
    for number in 0..3 {
        let email = format!("u{number}@example.com");
        person(&bench, Role::Business, &email).await;
        let access = bearer(&bench, &email).await;
        post(&bench, "/api/me/erasure", &[("authorization", &access)], &json!({"confirm": "ERASE"})).await;
    }
    let idle = run("retention", right, json!({})).await;
    assert_eq!(idle.header("ratelimit"), "", "the scheduler is not limited");
    assert_eq!(data(&idle), json!({"processed": 0, "failed": 0, "nextCursor": null}));
    bench.advance(Duration::days(30));
    let first = data(&run("retention", right, json!({"limit": 2})).await);
    let next = first["nextCursor"].clone();
    assert_eq!((&first["processed"], &first["failed"], next.is_string()), (&json!(2), &json!(0), true));
    let second = data(&run("retention", right, json!({"cursor": next, "limit": 2})).await);
    assert_eq!(second, json!({"processed": 1, "failed": 0, "nextCursor": null}));
    let closed = Bench::start().await.unwrap();
    let refused = post(&closed, "/api/cron/retention", &[("authorization", "Bearer ")], &json!({})).await;
    assert_eq!(told(&refused), (401, "Invalid credentials".to_owned()), "no secret, no jobs");
}

#[tokio::test]
async fn the_guard_ends_sessions_for_testers_who_left() {
    let bench = Bench::with(&[("OUTSCOUT_CRON_SECRET", "of-the-scheduler")]).await.unwrap();
    let team = Team::over(bench).await;
    let study = team.study(&json!({"settings": {"maxDurationMinutes": 5}})).await;
    let session = team.session(&study).await;
    let guard = async || {
        let answer = ask(&team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/session-guard", &json!({})).await;
        data(&answer)["processed"].as_u64().unwrap()
    };
    team.bench.advance(Duration::minutes(18));
    assert_eq!(guard().await, 0);
    team.bench.advance(Duration::minutes(3));
    assert_eq!((guard().await, guard().await), (1, 0));
    let seen = data(&team.owner("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    assert_eq!(
        (&seen["status"], &seen["abandoned"], &seen["durationSeconds"]),
        (&json!("completed"), &json!(true), &json!(300))
    );
    let sweep = ask(&team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/agent-sweep", &json!({})).await;
    assert_eq!(data(&sweep), json!({"processed": 0, "failed": 0, "nextCursor": null}));
}

#[tokio::test]
async fn one_session_that_cannot_be_ended_stops_no_other() {
    let bench = Bench::with(&[("OUTSCOUT_CRON_SECRET", "of-the-scheduler")]).await.unwrap();
    let team = Team::over(bench).await;
    let study = team
        .study(&json!({"settings": {"maxDurationMinutes": 5}, "targeting": {"countries": ["US"], "testerCount": 5}}))
        .await;
    let mut sessions = vec![team.session(&study).await];
    for name in ["theo", "thea", "tom"] {
        team.bench.advance(Duration::seconds(2));
        let (user, _) = tester(&team.bench, &format!("{name}@example.com")).await;
        let made = team.admin("POST", "/api/sessions", &json!({"jobId": study, "testerId": user.id.wire()})).await;
        sessions.push(data(&made)["sessionId"].as_str().unwrap().to_owned());
    }
    team.owner("POST", &format!("/api/sessions/{}/pause", sessions[1]), &Value::Null).await;
    let id = shared::model::TestSessionId::from_wire(&sessions[0]).unwrap();
    let settings = team.bench.context.settings();
    let endpoint = settings.store.endpoint.as_deref().unwrap();
    harness::spoil(settings, endpoint, (&format!("SESS#{id}"), "SESS"), "status").await.unwrap();
    team.bench.advance(Duration::minutes(21));
    let guard = async |body: Value| {
        data(&ask(&team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/session-guard", &body).await)
    };
    let first = guard(json!({"limit": 2})).await;
    assert_eq!((&first["processed"], &first["failed"], first["nextCursor"].is_string()), (&json!(1), &json!(1), true));
    let second = guard(json!({"limit": 2, "cursor": first["nextCursor"]})).await;
    assert_eq!(second, json!({"processed": 2, "failed": 0, "nextCursor": null}));
    let status =
        async |session: &str| data(&team.owner("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    for session in &sessions[1..] {
        let seen = status(session).await;
        assert_eq!(
            (&seen["status"], &seen["abandoned"], &seen["durationSeconds"]),
            (&json!("completed"), &json!(true), &json!(300))
        );
    }
    let ahead = guard(json!({"cursor": format!("999999999999999#{id}")})).await;
    assert_eq!(ahead, json!({"processed": 0, "failed": 0, "nextCursor": null}), "nothing stands behind it");
    for cursor in ["x", "1#2", "#"] {
        let wrong =
            ask(&team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/session-guard", &json!({"cursor": cursor}))
                .await;
        assert_eq!(told(&wrong), says(422, "cursor: is invalid"), "{cursor}");
    }
    // the minute's sweep goes on, too: other work that is due is done
    let (user, credential) = tester(&team.bench, "tia@example.com").await;
    let made = team.admin("POST", "/api/sessions", &json!({"jobId": study, "testerId": user.id.wire()})).await;
    let last = data(&made)["sessionId"].as_str().unwrap().to_owned();
    let asked = data(&ask(&team.bench, &credential, "POST", "/api/ai", &json!({"sessionId": last})).await);
    team.bench.advance(Duration::minutes(21));
    work(&team.bench).await;
    assert_eq!(
        (&status(&last).await["status"], &team.job(&asked).await["status"]),
        (&json!("completed"), &json!("complete"))
    );
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::with(&[("OUTSCOUT_CRON_SECRET", "of-the-scheduler")]).await.unwrap();
    let answer = ask(&bench, "Bearer of-the-scheduler", "POST", "/api/cron/retention", &json!({})).await;
    snapshot!("cron", &answer);
}
