//! People and studies for the tests of sessions, agents and reports.

use serde_json::{Value, json};
use shared::{
    model::{ConsentKind, Role, StudyId, User},
    secret::sha256_hex,
};
use time::Duration;

use super::{ask, bearer, data, person, post, read, work};
use crate::{Answer, Bench};

/// An owner, an admin and a tester who may run tests, each with a credential.
#[derive(Debug)]
pub struct Team {
    /// The bench.
    pub bench: Bench,
    /// The owner's credential.
    pub owner: String,
    /// The admin's credential.
    pub admin: String,
    /// The tester's credential.
    pub tester: String,
    /// The tester.
    pub user: User,
}

/// The body of a study.
pub const STUDY: &str = r##"{"title": "Checkout Redesign", "description": "Find barriers in checkout.",
    "prototypeUrl": "https://www.figma.com/proto/abc123/checkout-v2", "prototypeType": "figma",
    "tasks": [{"title": "Pay", "description": "Buy any item."}], "targeting": {"countries": ["US", "GB"], "testerCount": 2},
    "abTest": {"variants": [{"label": "A", "description": "old"}, {"label": "B", "description": "new"}]},
    "compensation": {"amount": 15.00}}"##;

/// A quiz of one question, as it is published.
#[must_use]
pub fn quiz() -> Value {
    json!({"passingScore": 70, "questions": [{"text": "What is recorded?", "correctOptionId": "a", "points": 1,
        "options": [{"id": "a", "text": "What I consent to"}, {"id": "b", "text": "Everything"}]}]})
}

/// A tester who passed the quiz and consented.
pub async fn tester(bench: &Bench, email: &str) -> (User, String) {
    let user = person(bench, Role::Tester, email).await;
    let credential = bearer(bench, email).await;
    let quiz = data(&read(bench, &credential, "/api/testers/quiz").await);
    let answers = json!([{"questionId": "q_001", "optionId": "a"}]);
    let body = json!({"quizId": quiz["quizId"], "answers": answers});
    assert_eq!(ask(bench, &credential, "POST", "/api/testers/quiz/attempts", &body).await.status, 201);
    let body = json!({"kind": ConsentKind::Testing.as_str(), "version": "v1.1"});
    assert_eq!(ask(bench, &credential, "POST", "/api/me/consents", &body).await.status, 201);
    (user, credential)
}

impl Team {
    /// The team on a new bench.
    pub async fn start() -> Self {
        Self::over(Bench::start().await.unwrap()).await
    }

    /// The team on a bench of its own.
    pub async fn over(bench: Bench) -> Self {
        person(&bench, Role::Business, "dana@example.com").await;
        person(&bench, Role::Admin, "ann@example.com").await;
        let (owner, admin) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "ann@example.com").await);
        assert_eq!(post(&bench, "/api/admin/quiz", &[("authorization", &admin)], &quiz()).await.status, 201);
        let (user, tester) = tester(&bench, "tess@example.com").await;
        Self { bench, owner, admin, tester, user }
    }

    /// A request of the owner's.
    pub async fn owner(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.bench, &self.owner, method, path, body).await
    }

    /// A request of the admin's.
    pub async fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.bench, &self.admin, method, path, body).await
    }

    /// A request of the tester's.
    pub async fn tester(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.bench, &self.tester, method, path, body).await
    }

    /// A launched study; `change` is merged into its body.
    pub async fn study(&self, change: &Value) -> String {
        let mut body: Value = serde_json::from_str(STUDY).unwrap();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.owner("POST", "/api/jobs", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = data(&made)["jobId"].as_str().unwrap().to_owned();
        let launched = self.owner("POST", &format!("/api/jobs/{id}/launch"), &Value::Null).await;
        assert_eq!(launched.status, 200, "{}", launched.body);
        id
    }

    /// A session of the tester, begun by the admin.
    pub async fn session(&self, study: &str) -> String {
        let body = json!({"jobId": study, "testerId": self.user.id.wire()});
        let made = self.admin("POST", "/api/sessions", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        data(&made)["sessionId"].as_str().unwrap().to_owned()
    }

    /// The admin's approval of a study; its id.
    pub async fn approve(&self, study: &str) -> String {
        let made = self.admin("POST", "/api/admin/approvals", &json!({"jobId": study})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        data(&made)["approvalId"].as_str().unwrap().to_owned()
    }

    /// A test token of the tester for a study.
    pub async fn test_token(&self, study: &str) -> String {
        let plain = &sha256_hex(study.as_bytes())[..48];
        let hash = sha256_hex(plain.as_bytes());
        let study = StudyId::from_wire(study).unwrap();
        let now = self.bench.context.clock().now();
        self.bench.context.store().issue_test_token(&self.user, study, &hash, now).await.unwrap();
        format!("Token {plain}")
    }

    /// The time now, moved on by some milliseconds, as clients send it.
    pub fn at(&self, millis: i64) -> String {
        let time = self.bench.context.clock().now() + time::Duration::milliseconds(millis);
        time.format(&time::format_description::well_known::Rfc3339).unwrap()
    }

    /// A tester's session that is over, with four angry clicks on `element`.
    pub async fn completed(&self, study: &str, (user, credential): (&User, &str), element: &str) -> String {
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
    pub async fn confirmed(&self, study: &str, tester: (&User, &str), element: &str) -> String {
        let session = self.completed(study, tester, element).await;
        self.confirm(&session, tester.1).await;
        session
    }

    /// The analysis of a session, which the tester then confirms.
    pub async fn confirm(&self, session: &str, credential: &str) {
        let asked = self.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        work(&self.bench).await;
        let path = format!("/api/sessions/{session}/confirm");
        let confirmed = ask(&self.bench, credential, "POST", &path, &Value::Null).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    }

    /// A session's report, complete.
    pub async fn reported(&self, session: &str) -> Value {
        let asked = self.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        work(&self.bench).await;
        let path = format!("/api/reports/{}", data(&asked)["reportId"].as_str().unwrap());
        let report = data(&self.owner("GET", &path, &Value::Null).await);
        assert_eq!(report["status"], "complete");
        report
    }

    /// The job that an answer names.
    pub async fn job(&self, asked: &Value) -> Value {
        let path = format!("/api/ai/{}", asked["analysisJobId"].as_str().unwrap());
        data(&self.owner("GET", &path, &Value::Null).await)
    }

    /// What the trail says of refused agents, the newest first.
    pub async fn blocked(&self) -> Vec<Value> {
        work(&self.bench).await;
        let trail = self.admin("GET", "/api/admin/audit?action=agent.blocked&limit=100", &Value::Null).await;
        data(&trail).as_array().unwrap().iter().map(|entry| entry["detail"].clone()).collect()
    }
}
