//! What the demo's people did before the server started: a study from its beginning to its report, and a job.

use std::time::Duration as Pause;

use http::Method;
use serde_json::{Value, json};
use shared::{
    model::{AgentStatus, JobId, ReportId, TestSessionId, TestStatus},
    store::Store,
};
use time::{Duration, format_description::well_known::Rfc3339};

use super::credentials::{DemoAccount, DemoPerson, Story};
use crate::{
    embedded_store::EngineError,
    past::{Api, Past},
};

/// How long ago the story begins.
pub(super) const AGO: Duration = Duration::minutes(50);
/// How often something is looked at that the background works on, and how many times.
const LOOKS: (Pause, usize) = (Pause::from_millis(20), 1_000);

/// Who tells it: the APIs of the past, and the store where the background's work shows.
struct Teller<'a> {
    past: Past,
    store: &'a Store,
}

/// Tells the story through the APIs.
///
/// # Errors
/// When an API refuses a part of it, or the background does not come to an end.
pub(super) async fn tell(
    past: Past,
    store: &Store,
    account: &DemoAccount,
    tester: &DemoPerson,
    admin: &DemoPerson,
) -> Result<Story, EngineError> {
    let mut teller = Teller { past, store };
    let owner = DemoPerson { email: account.email.clone(), password: account.password.clone() };
    let (owner, _) = teller.sign_in(&owner).await?;
    let (admin, _) = teller.sign_in(admin).await?;
    let tester_id = teller.qualify(tester, &admin).await?;
    let (tester, _) = teller.sign_in(tester).await?;
    let study = teller.study(&owner, &admin).await?;
    let proposal = teller.proposal(&study, &owner, (&tester, &tester_id)).await?;
    let session = teller.session(&study, (&tester, &tester_id)).await?;
    let report = teller.report(&session, &owner, &tester).await?;
    let of_study = teller.post(&owner, &format!("/api/reports/job/{study}"), &Value::Null).await?;
    let study_report = text(&of_study, "reportId")?;
    teller.wait_for_report(&study_report).await?;
    let job = teller.job(&account.outsend_key).await?;
    Ok(Story { study, proposal, session, report, study_report, job })
}

fn text(value: &Value, name: &str) -> Result<String, EngineError> {
    let text = value.get(name).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("an answer without {name}: {value}"))?.to_owned())
}

impl Teller<'_> {
    async fn ask(&self, method: Method, credential: &str, path: &str, body: &Value) -> Result<Value, EngineError> {
        let credential = ("authorization", credential);
        let (status, mut answer) = self.past.ask(Api::OpenScouter, (method, path), credential, body).await?;
        if status >= 300 {
            return Err(format!("{path}: {status} {}", answer["error"]).into());
        }
        Ok(answer["data"].take())
    }

    async fn post(&self, credential: &str, path: &str, body: &Value) -> Result<Value, EngineError> {
        self.ask(Method::POST, credential, path, body).await
    }

    /// A person's credential, and what they are.
    async fn sign_in(&self, person: &DemoPerson) -> Result<(String, Value), EngineError> {
        let body = json!({"email": person.email, "password": person.password});
        let mut data = self.post("", "/api/auth/sign-in", &body).await?;
        Ok((format!("Bearer {}", text(&data, "accessToken")?), data["user"].take()))
    }

    /// A quiz, if there is none yet, which the tester passes, and the consents that tests need; the tester's id.
    async fn qualify(&self, tester: &DemoPerson, admin: &str) -> Result<String, EngineError> {
        if self.ask(Method::GET, admin, "/api/admin/quiz", &Value::Null).await.is_err() {
            self.post(admin, "/api/admin/quiz", &quiz()).await?;
        }
        let (credential, user) = self.sign_in(tester).await?;
        if user["status"] == "pending" {
            let quiz = self.ask(Method::GET, admin, "/api/admin/quiz", &Value::Null).await?;
            let answers: Vec<_> = quiz["questions"].as_array().into_iter().flatten().map(right_answer).collect();
            let body = json!({"quizId": quiz["quizId"], "answers": answers});
            self.post(&credential, "/api/testers/quiz/attempts", &body).await?;
        }
        // who told the story before is not proposed by the launch: the study is offered by its owner
        self.ask(Method::PATCH, &credential, "/api/me/profile", &json!({"available": false})).await?;
        let consents = self.ask(Method::GET, &credential, "/api/me/consents", &Value::Null).await?;
        for kind in ["testing", "special_category"] {
            let body = json!({"kind": kind, "version": consents["currentVersion"]});
            self.post(&credential, "/api/me/consents", &body).await?;
        }
        text(&user, "userId")
    }

    /// A launched study that agents may work on.
    async fn study(&mut self, owner: &str, admin: &str) -> Result<String, EngineError> {
        let made = self.post(owner, "/api/jobs", &study()).await?;
        let study = text(&made, "jobId")?;
        self.post(owner, &format!("/api/jobs/{study}/launch"), &Value::Null).await?;
        self.post(admin, "/api/admin/approvals", &json!({"jobId": study})).await?;
        self.past.advance(Duration::minutes(5));
        Ok(study)
    }

    /// The study is offered to the tester, who accepts.
    async fn proposal(&mut self, study: &str, owner: &str, (tester, id): (&str, &str)) -> Result<String, EngineError> {
        // the launch, which finds nobody, comes first
        let mut looks = LOOKS.1;
        let far = self.past.now() + Duration::days(1);
        while self.store.due_work(far).await?.iter().any(|work| work.starts_with("propose-")) {
            look_again(&mut looks, "the launch").await?;
        }
        let who = json!({"available": true, "country": "FR", "birthYear": 1991, "devices": ["mobile"], "languages": ["fr", "en"],
            "timezone": "Europe/Paris"});
        self.ask(Method::PATCH, tester, "/api/me/profile", &who).await?;
        let body = json!({"jobId": study, "testerIds": [id], "send": true});
        let made = self.post(owner, "/api/proposals", &body).await?;
        let proposal = text(&made["proposals"][0], "proposalId")?;
        self.past.advance(Duration::minutes(2));
        self.post(tester, &format!("/api/proposals/{proposal}/accept"), &Value::Null).await?;
        Ok(proposal)
    }

    /// A session of the tester, from its beginning to its end.
    async fn session(&mut self, study: &str, (tester, id): (&str, &str)) -> Result<String, EngineError> {
        let made = self.post(tester, "/api/sessions", &json!({"jobId": study, "testerId": id})).await?;
        let session = text(&made, "sessionId")?;
        let start = self.past.now();
        self.past.advance(Duration::seconds(100));
        let at = |second: f64| (start + Duration::seconds_f64(second)).format(&Rfc3339).unwrap_or_default();
        let events: Vec<_> = EVENTS
            .iter()
            .map(|(second, kind, selector)| {
                json!({"eventType": kind, "targetSelector": selector, "timestamp": at(*second)})
            })
            .collect();
        self.keep(tester, "events", &session, &events).await?;
        let said = json!({"timestamp": at(61.0), "endedAt": at(65.0), "sentiment": -0.6, "language": "en",
            "transcript": "I can't find where the code goes, and it tells me nothing."});
        self.keep(tester, "voice", &session, &[said]).await?;
        self.post(tester, &format!("/api/sessions/{session}/complete"), &json!({})).await?;
        let note = json!({"notes": [{"text": "I could not tell whether my order had gone through."}]});
        self.ask(Method::PUT, tester, &format!("/api/sessions/{session}/notes"), &note).await?;
        let said = json!({"rating": 4, "comment": "Clear tasks, and I was paid."});
        self.post(tester, &format!("/api/sessions/{session}/feedback"), &said).await?;
        Ok(session)
    }

    async fn keep(&self, tester: &str, stream: &str, session: &str, batch: &[Value]) -> Result<(), EngineError> {
        let body = json!({"sessionId": session, "batch": batch});
        let kept = self.post(tester, &format!("/api/data/{stream}"), &body).await?;
        if kept["rejected"] == 0 { Ok(()) } else { Err(format!("{stream}: {kept}").into()) }
    }

    /// The analysis of a session, which the tester confirms, and its report.
    async fn report(&mut self, session: &str, owner: &str, tester: &str) -> Result<String, EngineError> {
        self.past.advance(Duration::minutes(1));
        self.post(owner, &format!("/api/sessions/{session}/analyze"), &Value::Null).await?;
        let id = TestSessionId::from_wire(session).ok_or("no id of a session")?;
        let mut looks = LOOKS.1;
        while self.store.test_session(id).await?.is_none_or(|session| session.status != TestStatus::Analyzed) {
            look_again(&mut looks, "the analysis").await?;
        }
        self.past.advance(Duration::minutes(1));
        self.post(tester, &format!("/api/sessions/{session}/confirm"), &Value::Null).await?;
        let asked = self.post(owner, "/api/reports", &json!({"sessionId": session})).await?;
        let report = text(&asked, "reportId")?;
        self.wait_for_report(&report).await?;
        Ok(report)
    }

    async fn wait_for_report(&self, report: &str) -> Result<(), EngineError> {
        let id = ReportId::from_wire(report).ok_or("no id of a report")?;
        let mut looks = LOOKS.1;
        while self.store.report(id).await?.is_none_or(|report| report.status != AgentStatus::Complete) {
            look_again(&mut looks, "a report").await?;
        }
        Ok(())
    }

    /// A job over addresses of which each can be judged without the network.
    async fn job(&self, key: &str) -> Result<String, EngineError> {
        let body = json!({"items": [
            {"name": "Ada", "email": "ada@mailinator.com"},
            {"name": "Grace", "email": "grace@gmial.com"},
            {"name": "Linus", "email": "linus@@example.com"},
        ]});
        let path = (Method::POST, "/api/jobs/verify-emails");
        let (status, answer) = self.past.ask(Api::Outsend, path, ("x-api-key", key), &body).await?;
        if status != 200 {
            return Err(format!("a job: {status} {}", answer["detail"]).into());
        }
        let job = text(&answer, "id")?;
        let id = JobId::parse(&job).ok_or("no id of a job")?;
        let mut looks = LOOKS.1;
        while self.store.any_job(id).await?.is_none_or(|job| job.status.is_active()) {
            look_again(&mut looks, "a job").await?;
        }
        Ok(job)
    }
}

/// Waits before the next look at what the background does.
async fn look_again(looks: &mut usize, what: &str) -> Result<(), EngineError> {
    *looks = looks.checked_sub(1).ok_or_else(|| format!("{what} has not come to its end"))?;
    tokio::time::sleep(LOOKS.0).await;
    Ok(())
}

fn right_answer(question: &Value) -> Value {
    json!({"questionId": question["questionId"], "optionId": question["correctOptionId"]})
}

fn quiz() -> Value {
    let question = |text: &str, right: &str, wrong: &str| {
        json!({"text": text, "points": 1, "correctOptionId": "a",
            "options": [{"id": "a", "text": right}, {"id": "b", "text": wrong}]})
    };
    json!({"passingScore": 70, "questions": [
        question("What is recorded of a session?", "What I consented to", "Everything on my screen"),
        question("When may I stop?", "Whenever I like", "When all tasks are done"),
        question("Who reads my notes before I confirm them?", "Nobody but me and the platform's staff", "The client"),
    ]})
}

fn study() -> Value {
    json!({
        "title": "Checkout on a phone",
        "description": "Where do people get stuck between the basket and the receipt?",
        "prototypeUrl": "https://example.com/checkout",
        "prototypeType": "url",
        "tasks": [
            {"title": "Buy any item", "description": "Put it into the basket and pay with the test card."},
            {"title": "Find the receipt", "description": "Where would you look for it?"},
        ],
        "targeting": {"countries": ["FR", "US"], "testerCount": 3},
        "compensation": {"amount": 15.00},
    })
}

/// What the tester did: seconds since the start, kind of event, element. Rage clicks on a button that says nothing, and
/// errors of a field that do not say what is wrong.
const EVENTS: &[(f64, &str, &str)] = &[
    (0.0, "navigation", "body"),
    (4.0, "click", "#product-1"),
    (9.0, "click", "#add-to-basket"),
    (10.0, "navigation", "body"),
    (15.0, "focus", "#email"),
    (20.0, "input", "#email"),
    (26.0, "focus", "#address"),
    (32.0, "input", "#address"),
    (38.0, "focus", "#card-number"),
    (45.0, "input", "#card-number"),
    (52.0, "click", "#pay"),
    (52.2, "click", "#pay"),
    (52.4, "click", "#pay"),
    (52.6, "click", "#pay"),
    (52.8, "click", "#pay"),
    (54.0, "error", "#card-number"),
    (57.0, "error", "#card-number"),
    (60.0, "error", "#card-number"),
    (66.0, "focus", "#card-number"),
    (70.0, "input", "#card-number"),
    (76.0, "scroll", "body"),
    (82.0, "click", "#pay"),
    (83.0, "navigation", "body"),
    (90.0, "scroll", "body"),
    (96.0, "click", "#receipt"),
    (97.0, "navigation", "body"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_follow_each_other() {
        assert!(EVENTS.is_sorted_by(|one, other| one.0 <= other.0));
    }
}
