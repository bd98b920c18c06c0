//! Agents' jobs and reports (openscouter 5.3, 12, 13, 20): gates at each step, workers that are lost, what a study's
//! report says of several testers, and who may open a report.

use harness::Bench;
use serde_json::{Value, json};
use shared::{
    model::{AgentJobId, AgentStatus, Role, User},
    store::AgentOutcome,
};
use time::Duration;

use super::{
    bearer, data, person,
    research::{Team, ask, get, tester},
    told, work,
};

fn refused(status: u64, text: &str) -> (u64, String) {
    (status, text.to_owned())
}

const NO_APPROVAL: &str = "No current approval for this study";

impl Team {
    /// A tester's session that is over, with four angry clicks on `element`.
    async fn completed(&self, study: &str, (user, credential): (&User, &str), element: &str) -> String {
        let body = json!({"jobId": study, "testerId": user.id.wire()});
        let made = self.admin("POST", "/api/sessions", &body).await;
        let session = data(&made)["sessionId"].as_str().unwrap().to_owned();
        self.bench.advance(Duration::seconds(30));
        let clicks: Vec<_> = (0..4)
            .map(|n| json!({"eventType": "click", "targetSelector": element, "timestamp": self.at(n * 100 - 20_000)}))
            .collect();
        let body = json!({"sessionId": session, "batch": clicks});
        assert_eq!(data(&ask(&self.bench, credential, "POST", "/api/data/events", &body).await)["accepted"], 4);
        let ended =
            ask(&self.bench, credential, "POST", &format!("/api/sessions/{session}/complete"), &json!({})).await;
        assert_eq!(ended.status, 200, "{}", ended.body);
        session
    }

    /// As [`Team::completed`], with notes that the tester confirmed. The study has an approval.
    async fn confirmed(&self, study: &str, tester: (&User, &str), element: &str) -> String {
        let session = self.completed(study, tester, element).await;
        self.confirm(&session, tester.1).await;
        session
    }

    async fn confirm(&self, session: &str, credential: &str) {
        let asked = self.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        work(&self.bench).await;
        let path = format!("/api/sessions/{session}/confirm");
        let confirmed = ask(&self.bench, credential, "POST", &path, &Value::Null).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    }

    /// A session's report, complete.
    async fn reported(&self, session: &str) -> Value {
        let asked = self.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        work(&self.bench).await;
        let path = format!("/api/reports/{}", data(&asked)["reportId"].as_str().unwrap());
        let report = data(&self.owner("GET", &path, &Value::Null).await);
        assert_eq!(report["status"], "complete");
        report
    }

    async fn job(&self, asked: &Value) -> Value {
        let path = format!("/api/ai/{}", asked["analysisJobId"].as_str().unwrap());
        data(&self.owner("GET", &path, &Value::Null).await)
    }

    async fn blocked(&self) -> Vec<Value> {
        work(&self.bench).await;
        let trail = self.admin("GET", "/api/admin/audit?action=agent.blocked&limit=100", &Value::Null).await;
        data(&trail).as_array().unwrap().iter().map(|entry| entry["detail"].clone()).collect()
    }
}

#[tokio::test]
async fn each_gate_at_the_request_and_at_the_claim() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.completed(&study, (&team.user, &team.tester), "#pay").await;
    let report = json!({"sessionId": session});
    let aggregate = format!("/api/reports/job/{study}");
    // the approval is asked for first, also where notes are missing, too
    for (path, body) in [("/api/reports", &report), (aggregate.as_str(), &Value::Null)] {
        assert_eq!(told(&team.owner("POST", path, body).await), refused(403, NO_APPROVAL));
    }
    let approval = team.approve(&study).await;
    for (path, body, text) in [
        ("/api/reports", &report, "Session notes are not confirmed"),
        (aggregate.as_str(), &Value::Null, "No confirmed sessions for this study"),
    ] {
        assert_eq!(told(&team.owner("POST", path, body).await), refused(422, text));
    }
    for caller in [&team.owner, &team.admin] {
        let unknown = ask(&team.bench, caller, "POST", "/api/reports", &json!({"sessionId": "sess_1"})).await;
        assert_eq!(told(&unknown), refused(404, "Session not found"));
        let unknown = ask(&team.bench, caller, "POST", "/api/reports/job/job_1", &Value::Null).await;
        assert_eq!(told(&unknown), refused(404, "Study not found"));
    }
    team.confirm(&session, &team.tester).await;
    assert_eq!(
        told(&team.owner("POST", &aggregate, &Value::Null).await),
        refused(422, "No complete session reports for this study")
    );
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
    let expected: Vec<_> = [
        ("synthesis", "approval"),
        ("report", "approval"),
        ("synthesis", "notes_confirmed"),
        ("report", "notes_confirmed"),
        ("synthesis", "approval"),
        ("report", "approval"),
    ]
    .iter()
    .map(|(agent, gate)| json!({"agent": agent, "gate": gate}))
    .collect();
    assert_eq!(team.blocked().await, expected, "one record for each attempt, the newest first");
    let trail = data(&team.admin("GET", "/api/admin/audit?action=agent.blocked", &Value::Null).await);
    let me = data(&get(&team.bench, &team.owner, "/api/auth/me").await);
    for entry in trail.as_array().unwrap() {
        assert_eq!((&entry["actorId"], &entry["actorRole"]), (&me["userId"], &json!("business")));
    }
    assert_eq!((&trail[0]["objectId"], &trail[1]["objectId"]), (&json!(study), &json!(session)));
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
    let calls = (0..6).map(|_| super::send(&team.bench, "POST", &analyze, &headers, ""));
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
    assert_eq!(told(&wrong), refused(422, "cursor: is invalid"));
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
        assert_eq!(told(&wrong), refused(422, "cursor: is invalid"), "{cursor}");
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
async fn a_study_s_report_tells_of_several_testers_and_of_none() {
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 10}, "abTest": null})).await;
    team.approve(&study).await;
    let mut sessions = Vec::new();
    for (number, (categories, element)) in
        [(&["adhd", "autism"][..], "#pay"), (&["adhd", "autism"], "#pay"), (&["adhd"], "#pay"), (&[], "#menu")]
            .iter()
            .enumerate()
    {
        let (user, credential) = tester(&team.bench, &format!("tester{number}@example.com")).await;
        if !categories.is_empty() {
            let give = json!({"kind": "special_category", "version": "v1.1"});
            assert_eq!(ask(&team.bench, &credential, "POST", "/api/me/consents", &give).await.status, 201);
            let profile = json!({"ndCategories": categories});
            assert_eq!(ask(&team.bench, &credential, "PATCH", "/api/me/profile", &profile).await.status, 200);
        }
        let session = team.confirmed(&study, (&user, &credential), element).await;
        sessions.push((session, user, credential));
    }
    // one who is not done yet, and one without a report
    team.session(&study).await;
    for (session, ..) in &sessions[..3] {
        team.reported(session).await;
    }
    let aggregate = format!("/api/reports/job/{study}");
    let ask_again = async || {
        let asked = team.owner("POST", &aggregate, &Value::Null).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        work(&team.bench).await;
        data(&team.owner("GET", &aggregate, &Value::Null).await)
    };
    let report = ask_again().await;
    assert_eq!((&report["testerCount"], &report["excludedSessions"]), (&json!(3), &json!(2)));
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["severity"], &finding["affectedTesters"], &finding["share"]),
        (&json!("critical"), &json!(3), &json!(1.0))
    );
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    let strata = report["ndStratification"].as_array().unwrap();
    assert_eq!((strata.len(), &report["suppressedStrata"]), (1, &json!(1)), "two testers are too few");
    assert_eq!((&strata[0]["category"], &strata[0]["testers"]), (&json!("adhd"), &json!(3)));
    assert_eq!(strata[0]["topFindingIds"], json!([finding["findingId"]]));
    team.reported(&sessions[3].0).await;
    let report = ask_again().await;
    assert_eq!(
        (&report["testerCount"], &report["excludedSessions"], &report["version"]),
        (&json!(4), &json!(1), &json!(2))
    );
    let shares: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["share"]).collect();
    assert_eq!(shares, [&json!(0.75), &json!(0.25)]);
    // a business reads of nobody: not here, and not in any session
    for path in [aggregate.as_str(), "/api/sessions?limit=100", &format!("/api/sessions/{}/notes", sessions[0].0)] {
        let answer = team.owner("GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for secret in ["tester0", "example.com", "Dana", "dyslexia"] {
            assert!(!answer.body.contains(secret), "{secret} in {path}");
        }
    }
    // withdrawn by all: nothing is left to tell
    for (.., credential) in &sessions {
        let gone = ask(&team.bench, credential, "DELETE", "/api/me/consents/testing", &Value::Null).await;
        assert_eq!(gone.status, 202, "{}", gone.body);
    }
    work(&team.bench).await;
    assert_eq!(
        told(&team.owner("POST", &aggregate, &Value::Null).await),
        refused(422, "No complete session reports for this study")
    );
    let kept = data(&team.owner("GET", &aggregate, &Value::Null).await);
    assert_eq!(kept["testerCount"], 4, "aggregates stay");
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
            assert_eq!(told(&get(&team.bench, caller, &path).await), refused(404, "Analysis job not found"));
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
    store.keep_ingested(&known, stream, &late, None, team.bench.context.clock().now()).await.unwrap();
    assert_eq!(store.ingested(id, stream).await.unwrap().len(), 1);
    team.bench.advance(Duration::minutes(3));
    work(&team.bench).await;
    assert_eq!(store.ingested(id, stream).await.unwrap().len(), 0);
    assert_eq!(status(&later).await, json!("active"));
}

#[tokio::test]
async fn who_may_open_a_report() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let report = team.reported(&session).await;
    let path = format!("/api/reports/{}", report["reportId"].as_str().unwrap());
    team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await;
    work(&team.bench).await;
    let of_study = data(&team.owner("GET", &format!("/api/reports/job/{study}"), &Value::Null).await);
    let study_path = format!("/api/reports/{}", of_study["reportId"].as_str().unwrap());
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    let (_, stranger) = tester(&team.bench, "theo@example.com").await;
    for (caller, path) in [(&other, &path), (&stranger, &path), (&team.tester, &study_path), (&other, &study_path)] {
        assert_eq!(told(&get(&team.bench, caller, path).await), refused(404, "Report not found"));
    }
    for path in [format!("/api/reports/job/{study}"), "/api/reports/job/job_1".to_owned()] {
        assert_eq!(told(&get(&team.bench, &other, &path).await), refused(404, "Study not found"));
    }
    for caller in [&team.owner, &team.admin, &team.tester] {
        assert_eq!(get(&team.bench, caller, &path).await.status, 200);
    }
    assert_eq!(data(&team.admin("GET", &study_path, &Value::Null).await)["kind"], "study");
    // the pages, each with its own address for a quarter of an hour
    let page = async |report: &Value| {
        let path = report["pageUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
        super::send(&team.bench, "GET", &format!("/api/{path}"), &[], "").await
    };
    for (report, part) in [(&report, "What the tester says"), (&of_study, "Neurodivergent categories")] {
        let page = page(report).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(page.body.contains(part) && page.body.contains("<svg"), "{}", page.body);
        assert!(!page.body.contains("example.com") && !page.body.contains(&team.user.id.wire()));
    }
    let token = report["pageUrl"].as_str().unwrap().split_once("token=").unwrap().1;
    for wrong in [
        format!("{study_path}/page?token={token}"),
        format!("{path}/page?token={token}x"),
        format!("{path}/page"),
        format!("/api/reports/rep_1/page?token={token}"),
    ] {
        let answer = super::send(&team.bench, "GET", &wrong, &[], "").await;
        assert_eq!(told(&answer), refused(404, "Report not found"));
    }
    team.bench.advance(Duration::minutes(16));
    assert_eq!(told(&page(&report).await), refused(404, "Report not found"), "its time is over");
}
