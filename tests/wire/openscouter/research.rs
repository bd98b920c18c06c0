//! People and studies for the tests of sessions, agents and reports.

use harness::{Answer, Bench};
use serde_json::{Value, json};
use shared::{
    model::{ConsentKind, Role, StudyId, User},
    secret::sha256_hex,
};

use super::{bearer, data, person, post, send};

/// An owner, an admin and a tester who may run tests, each with a credential.
pub(crate) struct Team {
    pub(crate) bench: Bench,
    pub(crate) owner: String,
    pub(crate) admin: String,
    pub(crate) tester: String,
    pub(crate) user: User,
}

pub(crate) const STUDY: &str = r##"{"title": "Checkout Redesign", "description": "Find barriers in checkout.",
    "prototypeUrl": "https://www.figma.com/proto/abc123/checkout-v2", "prototypeType": "figma",
    "tasks": [{"title": "Pay", "description": "Buy any item."}], "targeting": {"countries": ["US", "GB"], "testerCount": 2},
    "abTest": {"variants": [{"label": "A", "description": "old"}, {"label": "B", "description": "new"}]},
    "compensation": {"amount": 15.00}}"##;

/// A tester who passed the quiz and consented.
pub(crate) async fn tester(bench: &Bench, email: &str) -> (User, String) {
    let user = person(bench, Role::Tester, email).await;
    let credential = bearer(bench, email).await;
    let quiz = data(&get(bench, &credential, "/api/testers/quiz").await);
    let answers = json!([{"questionId": "q_001", "optionId": "a"}]);
    let body = json!({"quizId": quiz["quizId"], "answers": answers});
    assert_eq!(ask(bench, &credential, "POST", "/api/testers/quiz/attempts", &body).await.status, 201);
    let body = json!({"kind": ConsentKind::Testing.as_str(), "version": "v1.1"});
    assert_eq!(ask(bench, &credential, "POST", "/api/me/consents", &body).await.status, 201);
    (user, credential)
}

pub(crate) async fn ask(bench: &Bench, credential: &str, method: &str, path: &str, body: &Value) -> Answer {
    // what is counted is the limits' business
    bench.advance(time::Duration::seconds(1));
    let headers = [("authorization", credential), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(bench, method, path, &headers, &body).await
}

pub(crate) async fn get(bench: &Bench, credential: &str, path: &str) -> Answer {
    ask(bench, credential, "GET", path, &Value::Null).await
}

impl Team {
    pub(crate) async fn start() -> Self {
        Self::over(Bench::start().await.unwrap()).await
    }

    /// The team on a bench of its own.
    pub(crate) async fn over(bench: Bench) -> Self {
        person(&bench, Role::Business, "dana@example.com").await;
        person(&bench, Role::Admin, "ann@example.com").await;
        let (owner, admin) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "ann@example.com").await);
        let quiz = json!({"passingScore": 70, "questions": [{"text": "What is recorded?", "correctOptionId": "a", "points": 1,
            "options": [{"id": "a", "text": "What I consent to"}, {"id": "b", "text": "Everything"}]}]});
        assert_eq!(post(&bench, "/api/admin/quiz", &[("authorization", &admin)], &quiz).await.status, 201);
        let (user, tester) = tester(&bench, "tess@example.com").await;
        Self { bench, owner, admin, tester, user }
    }

    pub(crate) async fn owner(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.bench, &self.owner, method, path, body).await
    }

    pub(crate) async fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.bench, &self.admin, method, path, body).await
    }

    pub(crate) async fn tester(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(&self.bench, &self.tester, method, path, body).await
    }

    /// A launched study; `change` is merged into its body.
    pub(crate) async fn study(&self, change: &Value) -> String {
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
    pub(crate) async fn session(&self, study: &str) -> String {
        let body = json!({"jobId": study, "testerId": self.user.id.wire()});
        let made = self.admin("POST", "/api/sessions", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        data(&made)["sessionId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn approve(&self, study: &str) -> String {
        let made = self.admin("POST", "/api/admin/approvals", &json!({"jobId": study})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        data(&made)["approvalId"].as_str().unwrap().to_owned()
    }

    /// A test token of the tester for a study.
    pub(crate) async fn test_token(&self, study: &str) -> String {
        let plain = &sha256_hex(study.as_bytes())[..48];
        let hash = sha256_hex(plain.as_bytes());
        let study = StudyId::from_wire(study).unwrap();
        let now = self.bench.context.clock().now();
        self.bench.context.store().issue_test_token(&self.user, study, &hash, now).await.unwrap();
        format!("Token {plain}")
    }

    /// The time now, moved on by some milliseconds, as clients send it.
    pub(crate) fn at(&self, millis: i64) -> String {
        let time = self.bench.context.clock().now() + time::Duration::milliseconds(millis);
        time.format(&time::format_description::well_known::Rfc3339).unwrap()
    }
}
