//! From a study to a report (openscouter 9 to 13): the published flow, with the same study seen through Outset.

use harness::openscouter::{ask, data, get, read, refused, send, team::Team, told, work};
use serde_json::{Value, json};
use shared::model::{OrganizationId, StudyId};

/// What Outset keeps of a study.
async fn through_outset(team: &Team, study: &str) -> (String, String) {
    let me = data(&get(&team.bench, "/api/auth/me", &team.owner).await);
    let organization = OrganizationId::from_wire(me["organization"]["organizationId"].as_str().unwrap()).unwrap();
    let id = StudyId::from_wire(study).unwrap();
    let study = team.bench.context.store().study(organization, id).await.unwrap().unwrap();
    (study.name, study.status.as_str().to_owned())
}

/// The vector of the contract's example 15, begun at `at`.
async fn send_vector(team: &Team, session: &str, credential: &str) {
    let start = team.bench.context.clock().now() - time::Duration::seconds(50);
    let start = start.replace_nanosecond(0).unwrap();
    let at = |seconds: f64| {
        let time = start + time::Duration::milliseconds((seconds * 1000.0) as i64);
        time.format(&time::format_description::well_known::Rfc3339).unwrap()
    };
    let event = |kind: &str, selector: &str, seconds: f64| json!({"eventType": kind, "targetSelector": selector, "timestamp": at(seconds)});
    let events = json!([
        event("navigation", "body", 0.0),
        event("focus", "#card-number", 10.0),
        event("input", "#card-number", 19.5),
        event("click", "#pay", 30.0),
        event("click", "#pay", 30.2),
        event("click", "#pay", 30.4),
        event("blur", "body", 31.0),
        event("focus", "body", 45.0),
    ]);
    let sent =
        ask(&team.bench, credential, "POST", "/api/data/events", &json!({"sessionId": session, "batch": events})).await;
    assert_eq!(data(&sent)["accepted"], 8, "{}", sent.body);
    let voice =
        json!([{"timestamp": at(32.0), "endedAt": at(34.0), "transcript": "I am stuck here", "sentiment": -0.2}]);
    let sent =
        ask(&team.bench, credential, "POST", "/api/data/voice", &json!({"sessionId": session, "batch": voice})).await;
    assert_eq!(data(&sent)["accepted"], 1, "{}", sent.body);
}

/// A study with one place, and a session of the tester that runs on it.
struct Flow {
    team: Team,
    study: String,
    session: String,
    /// A test token of the tester.
    token: String,
    /// Of the session.
    path: String,
    /// Of the study's report.
    aggregate: String,
}

impl Flow {
    async fn begin() -> Self {
        let team = Team::start().await;
        let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 1}})).await;
        assert_eq!(through_outset(&team, &study).await, ("Checkout Redesign".to_owned(), "open".to_owned()));
        let session = team.session(&study).await;
        assert_eq!(through_outset(&team, &study).await.1, "in_progress");
        let path = format!("/api/sessions/{session}");
        team.bench.advance(time::Duration::seconds(60));
        let token = team.test_token(&study).await;
        send_vector(&team, &session, &token).await;
        let aggregate = format!("/api/reports/job/{study}");
        Self { team, study, session, token, path, aggregate }
    }

    /// Agent 1 looks at the running session.
    async fn agent_1(&self) {
        let Self { team, session, token, path, .. } = self;
        let body = json!({"sessionId": session, "includeSignals": ["events", "voice"]});
        let asked = ask(&team.bench, token, "POST", "/api/ai", &body).await;
        assert_eq!((asked.status, &data(&asked)["estimatedCompletionSeconds"]), (202, &json!(20)));
        let again = team.owner("POST", "/api/ai", &body).await;
        assert_eq!(data(&again)["analysisJobId"], data(&asked)["analysisJobId"], "an unfinished job is answered again");
        work(&team.bench).await;
        let seen = data(&read(&team.bench, token, path).await);
        let insights = &seen["analysis"]["insights"];
        assert_eq!(seen["analysis"]["status"], "complete");
        assert_eq!(insights["overallFrustrationScore"], 0.38);
        assert_eq!(insights["summary"], "4 moments found; frustration 0.38; most affected: Checkout Redesign - #pay.");
        let moments: Vec<_> = insights["criticalMoments"].as_array().unwrap().iter().map(|m| &m["type"]).collect();
        assert_eq!(moments, ["hesitation_cluster", "rage_click", "confusion"]);
        let hidden = data(&team.owner("GET", path, &Value::Null).await);
        assert_eq!(hidden["analysis"]["insights"], Value::Null, "not before the tester confirmed");
        assert_eq!(hidden["analysis"]["insightsAvailable"], true);
        let job = format!("/api/ai/{}", data(&asked)["analysisJobId"].as_str().unwrap());
        assert_eq!(data(&team.owner("GET", &job, &Value::Null).await)["insights"], Value::Null);
        assert_eq!(data(&read(&team.bench, token, &job).await)["insights"]["overallFrustrationScore"], 0.38);
    }

    /// The session ends; its analysis is asked for too early.
    async fn end(&self) {
        let Self { team, study, path, .. } = self;
        let analyze = format!("{path}/analyze");
        let early = team.owner("POST", &analyze, &Value::Null).await;
        assert_eq!(told(&early), (403, "No current approval for this study".to_owned()));
        team.approve(study).await;
        assert_eq!(
            told(&team.owner("POST", &analyze, &Value::Null).await),
            refused("Session is active, expected completed")
        );
        let ended = team.tester("POST", &format!("{path}/complete"), &json!({})).await;
        assert_eq!((ended.status, &data(&ended)["status"]), (200, &json!("completed")));
        let notes = format!("{path}/notes");
        let own = team.tester("PUT", &notes, &json!({"notes": [{"text": "I was lost on the card form."}]})).await;
        assert_eq!(own.status, 200, "{}", own.body);
    }

    /// Agent 2 writes the notes, which the owner may not read yet.
    async fn agent_2(&self) -> Vec<Value> {
        let Self { team, session, path, aggregate, .. } = self;
        let (analyze, notes) = (format!("{path}/analyze"), format!("{path}/notes"));
        let asked = team.owner("POST", &analyze, &Value::Null).await;
        assert_eq!((asked.status, &data(&asked)["estimatedCompletionSeconds"]), (202, &json!(60)));
        work(&team.bench).await;
        let unseen = team.owner("GET", &notes, &Value::Null).await;
        assert_eq!(told(&unseen), refused("Session notes are not confirmed"));
        let seen = data(&team.owner("GET", path, &Value::Null).await);
        assert_eq!((&seen["status"], &seen["analyst"]["momentCount"]), (&json!("analyzed"), &Value::Null));
        let found = data(&team.tester("GET", &notes, &Value::Null).await);
        let found = found["notes"].as_array().unwrap().clone();
        assert_eq!(found.len(), 5);
        let text = found[0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("hesitation cluster at 00:00:1") && text.ends_with(": Checkout Redesign - #card-number.")
        );
        assert_eq!((&found[4]["source"], &found[4]["timestamp"]), (&json!("tester"), &Value::Null));
        let report = json!({"sessionId": session});
        let early = team.owner("POST", "/api/reports", &report).await;
        assert_eq!(told(&early), refused("Session notes are not confirmed"));
        assert_eq!(
            told(&team.owner("POST", aggregate, &Value::Null).await),
            refused("No confirmed sessions for this study")
        );
        assert_eq!(told(&team.owner("GET", aggregate, &Value::Null).await), (404, "Report not found".to_owned()));
        found
    }

    /// The tester leaves one note out, and confirms.
    async fn confirm(&self, found: &[Value]) {
        let Self { team, study, path, .. } = self;
        let notes = format!("{path}/notes");
        let kept: Vec<_> = found.iter().filter(|note| note["type"] != "attention_drop").collect();
        let kept: Vec<_> = kept.iter().map(|note| json!({"noteId": note["noteId"], "text": note["text"]})).collect();
        let put = team.tester("PUT", &notes, &json!({"notes": kept})).await;
        let left_out: Vec<_> =
            data(&put)["notes"].as_array().unwrap().iter().filter(|n| n["included"] == false).cloned().collect();
        assert_eq!((left_out.len(), &left_out[0]["type"]), (1, &json!("attention_drop")));
        for other in [&team.owner, &team.admin] {
            let answer = ask(&team.bench, other, "POST", &format!("{path}/confirm"), &Value::Null).await;
            assert_eq!(answer.status, 403, "only the tester confirms");
        }
        let confirmed = team.tester("POST", &format!("{path}/confirm"), &Value::Null).await;
        assert_eq!(
            (&data(&confirmed)["status"], &data(&confirmed)["notesConfirmed"]),
            (&json!("confirmed"), &json!(true))
        );
        let again = team.tester("POST", &format!("{path}/confirm"), &Value::Null).await;
        assert_eq!(data(&again), data(&confirmed));
        assert_eq!(through_outset(team, study).await.1, "completed", "the last place was confirmed");
        let seen = data(&team.owner("GET", path, &Value::Null).await);
        assert_eq!((&seen["analyst"]["momentCount"], &seen["notesConfirmed"]), (&json!(4), &json!(true)));
        assert_eq!(seen["analysis"]["insights"]["overallFrustrationScore"], 0.38);
    }

    /// Agent 3 writes the session's report, twice; then its page.
    async fn agent_3(&self) {
        let Self { team, session, aggregate, .. } = self;
        let report = json!({"sessionId": session});
        assert_eq!(
            told(&team.owner("POST", aggregate, &Value::Null).await),
            refused("No complete session reports for this study")
        );
        let asked = data(&team.owner("POST", "/api/reports", &report).await);
        assert_eq!((&asked["status"], &asked["estimatedCompletionSeconds"]), (&json!("queued"), &json!(30)));
        let at = format!("/api/reports/{}", asked["reportId"].as_str().unwrap());
        let queued = data(&team.owner("GET", &at, &Value::Null).await);
        assert_eq!(
            (&queued["status"], &queued["findings"], &queued["version"]),
            (&json!("queued"), &Value::Null, &json!(1))
        );
        work(&team.bench).await;
        let made = data(&team.tester("GET", &at, &Value::Null).await);
        assert_eq!((&made["status"], &made["testerLabel"]), (&json!("complete"), &json!("Tester 1")));
        let findings: Vec<_> = made["findings"].as_array().unwrap().iter().map(|f| &f["type"]).collect();
        assert_eq!(findings, ["rage_click", "hesitation_cluster", "confusion"], "by severity, then time");
        assert_eq!(made["testerComments"], json!(["I was lost on the card form."]));
        assert_eq!(made["accessibilityScore"], 82);
        assert!(made["findings"][0].get("element").is_none() && made.get("testerId").is_none());
        let asked_again = data(&team.owner("POST", "/api/reports", &report).await);
        assert_eq!(asked_again["reportId"], asked["reportId"]);
        work(&team.bench).await;
        let second = data(&team.owner("GET", &at, &Value::Null).await);
        assert_eq!(
            (&second["version"], &second["overallFrustrationScore"]),
            (&json!(2), &made["overallFrustrationScore"])
        );
        let page = second["pageUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
        let page = send(&team.bench, "GET", &format!("/api/{page}"), &[], "").await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.body.contains("<h1 dir=\"auto\">Checkout Redesign</h1>") && page.body.contains("<svg"));
        let bare = send(&team.bench, "GET", &format!("{at}/page"), &[], "").await;
        assert_eq!(told(&bare), (404, "Report not found".to_owned()));
    }

    /// Agent 4 writes the study's report.
    async fn agent_4(&self) {
        let Self { team, study, aggregate, .. } = self;
        let asked = data(&team.owner("POST", aggregate, &Value::Null).await);
        assert_eq!((&asked["jobId"], &asked["estimatedCompletionSeconds"]), (&json!(study), &json!(90)));
        work(&team.bench).await;
        let of_study = data(&team.owner("GET", aggregate, &Value::Null).await);
        assert_eq!(
            (&of_study["status"], &of_study["testerCount"], &of_study["excludedSessions"]),
            (&json!("complete"), &json!(1), &json!(0))
        );
        assert_eq!(of_study["findings"].as_array().unwrap().len(), 3);
        assert_eq!((&of_study["ndStratification"], &of_study["suppressedStrata"]), (&json!([]), &json!(0)));
        let shown = data(&team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await);
        assert_eq!(shown["accessibilityScore"], of_study["accessibilityScore"]);
        assert_eq!(shown["progress"], json!({"sessions": 1, "completed": 1, "confirmed": 1}));
    }

    /// What the trail says of it all.
    async fn trail(&self) {
        let team = &self.team;
        work(&team.bench).await;
        let count = |action: &'static str| async move {
            data(&team.admin("GET", &format!("/api/admin/audit?action={action}&limit=100"), &Value::Null).await)
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(count("agent.blocked").await, 3);
        assert_eq!((count("report.generated").await, count("report.read").await), (3, 5), "the page, too");
    }
}

#[tokio::test]
async fn from_a_study_to_a_report() {
    let flow = Flow::begin().await;
    flow.agent_1().await;
    flow.end().await;
    let found = flow.agent_2().await;
    flow.confirm(&found).await;
    flow.agent_3().await;
    flow.agent_4().await;
    flow.trail().await;
}
