//! Agents' jobs (openscouter 5.3, 12, 20): gates at each step, workers that are lost, what is asked for again.

use harness::{
    Bench,
    openscouter::{ask, data, read, says, send, team::Team, told, work},
};
use serde_json::{Value, json};
use shared::{
    model::{Action, AgentJobId, AgentStatus},
    store::AgentOutcome,
};
use time::Duration;

const NO_APPROVAL: &str = "No current approval for this study";

/// Each refused attempt has one record, by the owner: the agents and gates, the newest first. The last two were about the
/// study and the session.
async fn assert_blocked(team: &Team, expected: &[(&str, &str)], study: &str, session: &str) {
    let expected: Vec<_> = expected.iter().map(|(agent, gate)| json!({"agent": agent, "gate": gate})).collect();
    assert_eq!(team.blocked().await, expected);
    let trail = data(&team.admin("GET", "/api/admin/audit?action=agent.blocked", &Value::Null).await);
    let me = data(&read(&team.bench, &team.owner, "/api/auth/me").await);
    for entry in trail.as_array().unwrap() {
        assert_eq!((&entry["actorId"], &entry["actorRole"]), (&me["userId"], &json!("business")));
    }
    assert_eq!((&trail[0]["objectId"], &trail[1]["objectId"]), (&json!(study), &json!(session)));
}

#[tokio::test]
async fn each_gate_at_the_request() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    let report = json!({"sessionId": session});
    let aggregate = format!("/api/reports/job/{study}");
    // the approval is asked for first, also where notes are missing, too
    for (path, body) in [("/api/reports", &report), (aggregate.as_str(), &Value::Null)] {
        assert_eq!(told(&team.owner("POST", path, body).await), says(403, NO_APPROVAL));
    }
    team.approve(&study).await;
    for (path, body, text) in [
        ("/api/reports", &report, "Session notes are not confirmed"),
        (aggregate.as_str(), &Value::Null, "No confirmed sessions for this study"),
    ] {
        assert_eq!(told(&team.owner("POST", path, body).await), says(422, text));
    }
    for caller in [&team.owner, &team.admin] {
        let unknown = ask(&team.bench, caller, "POST", "/api/reports", &json!({"sessionId": "sess_1"})).await;
        assert_eq!(told(&unknown), says(404, "Session not found"));
        let unknown = ask(&team.bench, caller, "POST", "/api/reports/job/job_1", &Value::Null).await;
        assert_eq!(told(&unknown), says(404, "Study not found"));
    }
    team.confirm(&session, &team.tester).await;
    assert_eq!(
        told(&team.owner("POST", &aggregate, &Value::Null).await),
        says(422, "No complete session reports for this study")
    );
    let expected = [
        ("synthesis", "notes_confirmed"),
        ("report", "notes_confirmed"),
        ("synthesis", "approval"),
        ("report", "approval"),
    ];
    assert_blocked(&team, &expected, &study, &session).await;
}

#[tokio::test]
async fn each_gate_at_the_claim() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let approval = team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let report = json!({"sessionId": session});
    let aggregate = format!("/api/reports/job/{study}");
    let revoke = async |approval: &str| {
        let gone = team.admin("DELETE", &format!("/api/admin/approvals/{approval}"), &Value::Null).await;
        assert_eq!(gone.status, 200, "{}", gone.body);
    };
    // closed between the request and the claim: the job fails, and says nothing of the session
    let asked = data(&team.owner("POST", "/api/reports", &report).await);
    revoke(&approval).await;
    work(&team.bench).await;
    let failed = team.job(&asked).await;
    assert_eq!(
        (&failed["status"], &failed["error"], &failed["kind"]),
        (&json!("failed"), &json!(NO_APPROVAL), &json!("report"))
    );
    let path = format!("/api/reports/{}", asked["reportId"].as_str().unwrap());
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!(
        (&seen["status"], &seen["findings"], &seen["completedAt"]),
        (&json!("failed"), &Value::Null, &Value::Null)
    );
    let approval = team.approve(&study).await;
    let made = team.reported(&session).await;
    assert_eq!((&made["version"], &made["reportId"]), (&json!(2), &asked["reportId"]));
    let asked = data(&team.owner("POST", &aggregate, &Value::Null).await);
    revoke(&approval).await;
    work(&team.bench).await;
    let failed = team.job(&asked).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("failed"), &json!(NO_APPROVAL)));
    assert_eq!(
        (&failed["kind"], &failed["jobId"], &failed["sessionId"]),
        (&json!("synthesis"), &json!(study), &Value::Null)
    );
    assert_blocked(&team, &[("synthesis", "approval"), ("report", "approval")], &study, &session).await;
}

#[tokio::test]
async fn what_runs_is_answered_again_and_what_failed_can_be_asked_again() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    let analyze = format!("/api/sessions/{session}/analyze");
    let (first, again) =
        (team.owner("POST", &analyze, &Value::Null).await, team.admin("POST", &analyze, &Value::Null).await);
    assert_eq!((again.status, data(&again)), (202, data(&first)));
    // many at once are one job, too
    let headers = [("authorization", team.owner.as_str()), ("content-type", "application/json")];
    let calls = (0..6).map(|_| send(&team.bench, "POST", &analyze, &headers, ""));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(data(&answer), data(&first));
    }
    team.confirm(&session, &team.tester).await;
    let report = json!({"sessionId": session});
    let first = data(&team.owner("POST", "/api/reports", &report).await);
    assert_eq!(data(&team.owner("POST", "/api/reports", &report).await), first);
    work(&team.bench).await;
    let aggregate = format!("/api/reports/job/{study}");
    let first = data(&team.owner("POST", &aggregate, &Value::Null).await);
    assert_eq!(data(&team.admin("POST", &aggregate, &Value::Null).await), first);
    // a further edition of the session's report is on its way: the last complete one counts
    team.owner("POST", "/api/reports", &report).await;
    work(&team.bench).await;
    let of_study = data(&team.owner("GET", &aggregate, &Value::Null).await);
    assert_eq!((&of_study["status"], &of_study["testerCount"]), (&json!("complete"), &json!(1)));
    let second = data(&team.owner("POST", &aggregate, &Value::Null).await);
    assert_eq!(second["reportId"], first["reportId"]);
    let queued = data(&team.owner("GET", &aggregate, &Value::Null).await);
    assert_eq!(
        (&queued["status"], &queued["version"], &queued["findings"]),
        (&json!("queued"), &json!(2), &Value::Null)
    );
    work(&team.bench).await;
    let made = data(&team.owner("GET", &aggregate, &Value::Null).await);
    assert_eq!((&made["version"], &made["accessibilityScore"]), (&json!(2), &of_study["accessibilityScore"]));
}

#[tokio::test]
async fn a_lost_worker_s_job_is_taken_up_again_three_times() {
    let bench = Bench::with(&[("OUTSCOUT_CRON_SECRET", "of-the-scheduler")]).await.unwrap();
    let team = Team::over(bench).await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let store = team.bench.context.store();
    let sweep = async || {
        let answer = ask(&team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/agent-sweep", &json!({})).await;
        data(&answer)["processed"].as_u64().unwrap()
    };
    // a worker that takes a job up and is never heard of again
    let lose = async |asked: &Value, attempts: u32| {
        let id = AgentJobId::from_wire(asked["analysisJobId"].as_str().unwrap()).unwrap();
        let mut taken = store.agent_job(id).await.unwrap().unwrap();
        let now = team.bench.context.clock().now();
        (taken.status, taken.attempts, taken.started_at) = (AgentStatus::Processing, attempts, Some(now));
        taken.version += 1;
        assert!(store.change_agent_job(&taken, AgentOutcome::Alone, None, now).await.unwrap());
    };
    let asked = data(&team.owner("POST", "/api/ai", &json!({"sessionId": session})).await);
    lose(&asked, 1).await;
    work(&team.bench).await;
    assert_eq!(team.job(&asked).await["status"], "processing", "it may still be at it");
    assert_eq!(sweep().await, 0);
    team.bench.advance(Duration::minutes(5));
    assert_eq!(sweep().await, 1);
    assert_eq!(team.job(&asked).await["status"], "processing", "no endpoint runs an agent");
    work(&team.bench).await;
    let done = team.job(&asked).await;
    assert_eq!((&done["status"], &done["error"]), (&json!("complete"), &Value::Null));
    let asked = data(&team.owner("POST", "/api/ai", &json!({"sessionId": session})).await);
    lose(&asked, 3).await;
    team.bench.advance(Duration::minutes(6));
    work(&team.bench).await;
    let failed = team.job(&asked).await;
    assert_eq!((&failed["status"], &failed["error"]), (&json!("failed"), &json!("Analysis failed")));
    assert!(failed["finishedAt"].is_string());
    let other = data(&team.owner("POST", "/api/ai", &json!({"sessionId": session})).await);
    assert_ne!(other["analysisJobId"], asked["analysisJobId"], "it can be asked again");
    let wrong =
        ask(&team.bench, "Bearer of-the-scheduler", "POST", "/api/cron/agent-sweep", &json!({"cursor": "x"})).await;
    assert_eq!(told(&wrong), says(422, "cursor: is invalid"));
}

#[tokio::test]
async fn a_withdrawal_reaches_what_was_under_way_and_no_later_session() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::seconds(30));
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(data(&team.tester("POST", "/api/ai", &json!({"sessionId": session})).await));
        work(&team.bench).await;
    }
    assert_eq!(team.job(&jobs[0]).await["status"], "complete");
    team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await;
    // given again at once, and another session begun: that one is not touched
    team.tester("POST", "/api/me/consents", &json!({"kind": "testing", "version": "v1.1"})).await;
    team.bench.advance(Duration::seconds(2));
    let later = team.study(&json!({})).await;
    let later = team.session(&later).await;
    work(&team.bench).await;
    let status = async |session: &str| {
        data(&team.owner("GET", &format!("/api/sessions/{session}"), &Value::Null).await)["status"].clone()
    };
    assert_eq!((status(&session).await, status(&later).await), (json!("completed"), json!("active")));
    for job in &jobs {
        let path = format!("/api/ai/{}", job["analysisJobId"].as_str().unwrap());
        for caller in [&team.owner, &team.admin, &team.tester] {
            assert_eq!(told(&read(&team.bench, caller, &path).await), says(404, "Analysis job not found"));
        }
    }
    // a batch that was let in before arrives only now
    let store = team.bench.context.store();
    let id = shared::model::TestSessionId::from_wire(&session).unwrap();
    let known = store.test_session(id).await.unwrap().unwrap();
    let mut late = shared::store::IngestedBatch::default();
    let written = late.add(|text| {
        text.push_str("{\"at\":1}");
        Ok::<_, std::convert::Infallible>(None)
    });
    assert!(written.is_ok());
    let stream = shared::model::IngestedStream::Events;
    let kept = store.keep_ingested(&known, stream, &late, None, team.bench.context.clock().now()).await.unwrap();
    assert_eq!((kept, store.ingested(id, stream).await.unwrap().len()), (None, 0), "the session is over");
    team.bench.advance(Duration::minutes(3));
    work(&team.bench).await;
    assert_eq!(store.ingested(id, stream).await.unwrap().len(), 0);
    assert_eq!(status(&later).await, json!("active"));
}

#[tokio::test]
async fn a_gate_that_closes_meanwhile_fails_the_job() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let approval = team.approve(&study).await;
    let path = format!("/api/sessions/{session}");
    team.tester("POST", &format!("{path}/complete"), &json!({})).await;
    let asked = team.owner("POST", &format!("{path}/analyze"), &Value::Null).await;
    assert_eq!(asked.status, 202);
    team.admin("DELETE", &format!("/api/admin/approvals/{approval}"), &Value::Null).await;
    work(&team.bench).await;
    let job = format!("/api/ai/{}", data(&asked)["analysisJobId"].as_str().unwrap());
    let failed = data(&team.owner("GET", &job, &Value::Null).await);
    assert_eq!((&failed["status"], &failed["error"]), (&json!("failed"), &json!("No current approval for this study")));
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!(seen["status"], "completed", "it may be asked again");
    team.approve(&study).await;
    assert_eq!(team.owner("POST", &format!("{path}/analyze"), &Value::Null).await.status, 202);
    work(&team.bench).await;
    work(&team.bench).await;
    assert_eq!(data(&team.owner("GET", &path, &Value::Null).await)["status"], "analyzed");
    let trail =
        team.admin("GET", &format!("/api/admin/audit?action={}", Action::AgentBlocked.as_str()), &Value::Null).await;
    assert_eq!(data(&trail)[0]["detail"], json!({"agent": "analyst", "gate": "approval"}));
    let tester_view = read(&team.bench, &team.tester, &job).await;
    assert_eq!(told(&tester_view), (404, "Analysis job not found".to_owned()), "only snapshots are theirs");
}
