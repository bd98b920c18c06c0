//! Exports of the own data (openscouter 18), and a session that fills them.

use serde_json::{Value, json};
use shared::{
    model::{AgentJobId, ExportId, ReportId, TestSessionId, UserId},
    store::Export,
};

use super::{ask, data, get, send, team::Team, work};
use crate::{Answer, Bench};

/// Asks for an export.
pub async fn create(bench: &Bench, caller: &str) -> Answer {
    ask(bench, caller, "POST", "/api/me/exports", &json!({})).await
}

/// The path of an export that was asked for, and its id.
pub fn asked(answer: &Answer) -> (String, ExportId) {
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = data(answer)["exportId"].as_str().unwrap().to_owned();
    (format!("/api/me/exports/{id}"), ExportId::from_wire(&id).unwrap())
}

/// The file of an export that is complete.
pub async fn download(bench: &Bench, caller: &str, path: &str) -> Answer {
    let ready = data(&get(bench, path, caller).await);
    assert_eq!(ready["status"], "complete");
    let url = ready["downloadUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
    send(bench, "GET", &format!("/api/{url}"), &[], "").await
}

/// A session of the tester from its begin to the report; its id.
pub async fn finished(team: &Team, study: &str) -> String {
    let session = team.session(study).await;
    let path = format!("/api/sessions/{session}");
    let event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": [event]})).await;
    let face = json!({"timestamp": team.at(0), "emotion": "neutral", "confidence": 0.9});
    team.tester("POST", "/api/data/facial", &json!({"sessionId": session, "batch": [face]})).await;
    let said = json!({"timestamp": team.at(0), "transcript": "I am stuck here"});
    team.tester("POST", "/api/data/voice", &json!({"sessionId": session, "batch": [said]})).await;
    for _ in 0..2 {
        team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
        work(&team.bench).await;
    }
    for action in ["pause", "resume", "complete"] {
        let done = team.tester("POST", &format!("{path}/{action}"), &json!({})).await;
        assert_eq!(done.status, 200, "{}", done.body);
    }
    team.tester("PUT", &format!("{path}/notes"), &json!({"notes": [{"text": "mine", "timestamp": team.at(0)}]})).await;
    assert_eq!(team.owner("POST", &format!("{path}/analyze"), &Value::Null).await.status, 202);
    work(&team.bench).await;
    assert_eq!(team.tester("POST", &format!("{path}/confirm"), &Value::Null).await.status, 200);
    assert_eq!(
        team.tester("POST", &format!("{path}/feedback"), &json!({"rating": 4, "comment": "fine"})).await.status,
        201
    );
    assert_eq!(team.owner("POST", &format!("{path}/feedback"), &json!({"rating": 3})).await.status, 201);
    assert_eq!(team.owner("POST", "/api/reports", &json!({"sessionId": session})).await.status, 202);
    work(&team.bench).await;
    session
}

/// An export as it is in the store.
pub async fn stored(team: &Team, user: UserId, id: ExportId) -> Export {
    team.bench.context.store().export(user, id).await.unwrap().unwrap()
}

/// A team with a finished session of the tester: the study, the session, its report, and the latest snapshot's job.
#[derive(Debug)]
pub struct Finished {
    /// The team.
    pub team: Team,
    /// The study.
    pub study: String,
    /// The session.
    pub session: TestSessionId,
    /// Its report.
    pub report: ReportId,
    /// The latest snapshot's job.
    pub snapshot: AgentJobId,
    /// The analyst's job.
    pub analyst: AgentJobId,
}

impl Finished {
    /// A team whose tester went all the way.
    pub async fn new() -> Self {
        let team = Team::start().await;
        let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 3}})).await;
        team.approve(&study).await;
        let give = json!({"kind": "special_category", "version": "v1.1"});
        team.tester("POST", "/api/me/consents", &give).await;
        team.tester("PATCH", "/api/me/profile", &json!({"ndCategories": ["adhd"]})).await;
        let session = TestSessionId::from_wire(&finished(&team, &study).await).unwrap();
        assert_eq!(team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await.status, 202);
        work(&team.bench).await;
        let kept = team.bench.context.store().test_session(session).await.unwrap().unwrap();
        let (report, snapshot, analyst) = (kept.report.unwrap(), kept.snapshot.unwrap(), kept.analyst.unwrap());
        Self { team, study, session, report, snapshot, analyst }
    }

    /// Items that name the tester or the session, but for the trail.
    pub async fn left(&self) -> Vec<String> {
        let (user, session) = (self.team.user.id.to_string(), self.session.to_string());
        self.team.bench.left(&[&user, &session]).await.unwrap()
    }
}
