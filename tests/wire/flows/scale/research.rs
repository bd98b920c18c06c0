//! OpenScouter's part of the day.

use harness::Bench;
use harness::openscouter::{
    PASSWORD, ask, bearer, data,
    exports::asked,
    get, one_time, post, read,
    team::{self, Team},
};
use serde_json::{Value, json};
use shared::{
    model::{ConsentKind, TokenKind, User},
    sweeps,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::day::Day;

/// Testers who run tests, with their credentials.
pub(super) type Testers = Vec<(User, String)>;

/// How often the operations around sessions are done.
const TIMES: u32 = 2;
const EVENTS: u32 = 500;
/// What is done on the way, and counts for nothing.
const NOTHING: &str = "nothing";
/// What events happen to.
const SELECTORS: [&str; 6] = [
    "#card-number",
    "main > section:nth-of-type(2) > form > div.field:nth-child(3) > input",
    "button[type=submit]",
    "body",
    "#checkout .summary > ul > li:nth-child(4) > a",
    "nav > a:nth-child(2)",
];

/// Accounts come and sign in.
pub(super) async fn accounts(day: &mut Day) {
    let address = |number: u32| format!("new{number}@example.com");
    day.begin("sign-up").await;
    for number in 0..TIMES {
        let body = json!({"role": "tester", "email": address(number), "password": PASSWORD, "fullName": "Dana Roe"});
        let answer = post(&day.team.bench, "/api/auth/sign-up", &[], &body).await;
        assert!(answer.status < 300, "{}", answer.body);
        day.done().await;
    }
    day.end();
    let mut tokens = Vec::new();
    for number in 0..TIMES {
        tokens.push(one_time(&day.team.bench, &address(number), TokenKind::ScouterVerify).await);
    }
    day.begin("address verified").await;
    for token in tokens {
        let answer = post(&day.team.bench, "/api/auth/verify-email", &[], &json!({"token": token})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        day.done().await;
    }
    day.end();
    day.begin("sign-in").await;
    let mut refresh = Vec::new();
    for number in 0..TIMES {
        let session = harness::openscouter::sign_in(&day.team.bench, &address(number)).await;
        refresh.push(session["refreshToken"].clone());
        day.done().await;
    }
    day.end();
    day.begin("tokens refreshed").await;
    for token in refresh {
        let answer = post(&day.team.bench, "/api/auth/refresh", &[], &json!({"refreshToken": token})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        day.done().await;
    }
    day.end();
    reads(day, "own account read", "/api/auth/me", |team| &team.owner).await;
}

/// A path is read some times.
async fn reads(day: &mut Day, name: &'static str, path: &str, who: impl Fn(&Team) -> &String) {
    day.begin(name).await;
    for _ in 0..TIMES {
        // what helps other tests to whole lists is not the function's
        day.team.bench.advance(Duration::seconds(1));
        let answer = get(&day.team.bench, path, who(&day.team)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        day.done().await;
    }
    day.end();
}

/// Testers pass the quiz and consent.
pub(super) async fn testers(day: &mut Day) -> Testers {
    let mut testers = Vec::new();
    for number in 0..TIMES {
        let email = format!("tester{number}@example.com");
        let user = harness::openscouter::person(&day.team.bench, shared::model::Role::Tester, &email).await;
        testers.push((user, bearer(&day.team.bench, &email).await));
    }
    let bench = |day: &Day| day.team.bench.another_process();
    day.begin("quiz read and passed").await;
    for (_, credential) in &testers {
        let quiz = data(&read(&day.team.bench, credential, "/api/testers/quiz").await);
        let body = json!({"quizId": quiz["quizId"], "answers": [{"questionId": "q_001", "optionId": "a"}]});
        assert_eq!(ask(&bench(day), credential, "POST", "/api/testers/quiz/attempts", &body).await.status, 201);
        day.done().await;
    }
    day.end();
    day.begin("consent given").await;
    for (_, credential) in &testers {
        let body = json!({"kind": ConsentKind::Testing.as_str(), "version": "v1.1"});
        assert_eq!(ask(&day.team.bench, credential, "POST", "/api/me/consents", &body).await.status, 201);
        day.done().await;
    }
    day.end();
    testers
}

/// A researcher makes studies; the last one is what testers then run.
pub(super) async fn studies(day: &mut Day) -> String {
    let mut body: Value = serde_json::from_str(team::STUDY).unwrap();
    body["targeting"]["testerCount"] = json!(90);
    let mut studies = Vec::new();
    day.begin("study created").await;
    for _ in 0..TIMES {
        let made = day.team.owner("POST", "/api/jobs", &body).await;
        studies.push(format!("/api/jobs/{}", data(&made)["jobId"].as_str().unwrap()));
        day.done().await;
    }
    day.end();
    day.begin("study launched").await;
    for path in &studies {
        assert_eq!(day.team.owner("POST", &format!("{path}/launch"), &Value::Null).await.status, 200);
        day.done().await;
    }
    day.end();
    day.begin("study changed").await;
    for path in &studies {
        let changed = day.team.owner("PATCH", path, &json!({"description": "Find barriers in the cart."})).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        day.done().await;
    }
    day.end();
    reads(day, "study read", &studies[0], |team| &team.owner).await;
    reads(day, "list of studies", "/api/jobs", |team| &team.owner).await;
    let id = studies[0].rsplit('/').next().unwrap().to_owned();
    day.begin("study approved for agents").await;
    day.team.approve(&id).await;
    day.done().await;
    day.end();
    id
}

/// Testers run a study, each once; the sessions' ids.
pub(super) async fn sessions(day: &mut Day, study: &str, testers: &Testers) -> Vec<String> {
    let mut sessions = Vec::new();
    // the first session moves the study on, too
    day.team.session(study).await;
    day.begin("session begun").await;
    for (user, _) in testers {
        let body = json!({"jobId": study, "testerId": user.id.wire()});
        let made = day.team.admin("POST", "/api/sessions", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        sessions.push(data(&made)["sessionId"].as_str().unwrap().to_owned());
        day.done().await;
    }
    day.end();
    each(day, "session paused and resumed", &sessions, testers, &["pause", "resume"]).await;
    captured(day, &sessions, testers).await;
    sessions
}

/// Each tester posts to paths of the own session.
async fn each(day: &mut Day, name: &'static str, sessions: &[String], testers: &Testers, actions: &[&str]) {
    day.begin(name).await;
    for (session, (_, credential)) in sessions.iter().zip(testers) {
        for action in actions {
            let path = format!("/api/sessions/{session}/{action}");
            let answer = ask(&day.team.bench, credential, "POST", &path, &json!({})).await;
            assert!(answer.status < 300, "{path}: {}", answer.body);
        }
        day.done().await;
    }
    day.end();
}

/// Events, snapshots and segments of the sessions.
async fn captured(day: &mut Day, sessions: &[String], testers: &Testers) {
    // the events' times must not hang on how fast this runs: what the analyst finds in them would
    day.team.bench.advance(Duration::minutes(8));
    let now = day.team.bench.context.clock().now();
    let began = now.replace_nanosecond(0).unwrap() - Duration::minutes(7);
    let bench = day.team.bench.another_process();
    // ten batches a session: who meets it finds half of them there
    day.begin(NOTHING).await;
    for number in 0..5 {
        let events = events(began, number);
        batch(&bench, day, "events", (sessions, testers), &events).await;
    }
    day.begin("500 events").await;
    let known = events(began, 5);
    batch(&bench, day, "events", (sessions, testers), &known).await;
    day.begin("500 events, the process is new to the session").await;
    let fresh = events(began, 6);
    batch(&day.team.bench.another_process(), day, "events", (sessions, testers), &fresh).await;
    let bench = day.team.bench.another_process();
    let at = |n: i64| (began + Duration::milliseconds(n * 500)).format(&Rfc3339).unwrap();
    let faces: Vec<_> = (0..60).map(|n| json!({"timestamp": at(n), "emotion": "neutral", "confidence": 0.9})).collect();
    let voice = |n: i64| json!({"timestamp": at(n), "transcript": format!("I look for the button number {n}")});
    let voices: Vec<_> = (0..20).map(voice).collect();
    day.begin("60 facial snapshots").await;
    batch(&bench, day, "facial", (sessions, testers), &faces).await;
    day.begin("20 voice segments").await;
    batch(&bench, day, "voice", (sessions, testers), &voices).await;
    day.end();
}

/// Five hundred events as a page's script sends them, of 209 bytes each (as `bench/run-ingest` sends them).
fn events(began: OffsetDateTime, batch: u32) -> Vec<Value> {
    let kinds = ["scroll", "click", "scroll", "focus", "input", "scroll", "click", "blur", "navigation", "scroll"];
    let at = |millis: i64| (began + Duration::milliseconds(millis)).format(&Rfc3339).unwrap();
    let one = |number: u32| {
        let mixed = (batch * EVENTS + number).wrapping_mul(2_654_435_761) % 1_000_003;
        let selector = SELECTORS[mixed as usize % SELECTORS.len()];
        let mut event = json!({"eventId": format!("{batch:06x}-{number:04x}-{mixed:05x}"), "eventType": kinds[mixed as usize % 10],
            "targetSelector": selector, "timestamp": at(i64::from(batch * 50_000 + number * 97 + mixed % 90)),
            "x": mixed % 1_280, "y": mixed % 717, "scrollY": mixed % 4_000});
        if mixed.is_multiple_of(3) {
            event["url"] = json!(format!("https://shop.example/checkout/{}?step={}", mixed % 5, mixed % 7));
        }
        if mixed.is_multiple_of(4) {
            event["viewport"] = json!({"width": 1280, "height": 717});
            event["timeOnElementMs"] = json!(mixed % 6_000);
        }
        event
    };
    (0..EVENTS).map(one).collect()
}

/// Every tester sends a batch.
async fn batch(
    bench: &Bench,
    day: &mut Day,
    stream: &str,
    (sessions, testers): (&[String], &Testers),
    items: &[Value],
) {
    for (session, (_, credential)) in sessions.iter().zip(testers) {
        let body = json!({"sessionId": session, "batch": items});
        let answer = ask(bench, credential, "POST", &format!("/api/data/{stream}"), &body).await;
        assert_eq!(data(&answer)["accepted"], items.len(), "{}", answer.body);
        day.done().await;
    }
}

/// What is made of the sessions.
pub(super) async fn results(day: &mut Day, study: &str, sessions: &[String], testers: &Testers) {
    each(day, "session completed", sessions, testers, &["complete"]).await;
    day.begin("notes written").await;
    for (session, (_, credential)) in sessions.iter().zip(testers) {
        let path = format!("/api/sessions/{session}/notes");
        let body = json!({"notes": [{"text": "I was lost on the card form.", "timestamp": day.team.at(0)}]});
        let answer = ask(&day.team.bench, credential, "PUT", &path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        day.done().await;
    }
    day.end();
    let mut jobs = Vec::new();
    day.begin("session analysed").await;
    for session in sessions {
        let asked = day.team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        jobs.push(data(&asked)["analysisJobId"].as_str().unwrap().to_owned());
        day.done().await;
    }
    day.end();
    reads(day, "agent's job read", &format!("/api/ai/{}", jobs[0]), |team| &team.owner).await;
    each(day, "session confirmed", sessions, testers, &["confirm"]).await;
    day.begin("feedback").await;
    for (session, (_, credential)) in sessions.iter().zip(testers) {
        let body = json!({"rating": 4, "comment": "fine"});
        let path = format!("/api/sessions/{session}/feedback");
        assert_eq!(ask(&day.team.bench, credential, "POST", &path, &body).await.status, 201);
        day.done().await;
    }
    day.end();
    reads(day, "session read", &format!("/api/sessions/{}", sessions[0]), |team| &team.owner).await;
    reads(day, "list of sessions", &format!("/api/sessions?jobId={study}"), |team| &team.owner).await;
    reports(day, sessions).await;
}

async fn reports(day: &mut Day, sessions: &[String]) {
    let mut report = String::new();
    day.begin("report of a session").await;
    for session in sessions {
        let asked = day.team.owner("POST", "/api/reports", &json!({"sessionId": session})).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        report = format!("/api/reports/{}", data(&asked)["reportId"].as_str().unwrap());
        day.done().await;
    }
    day.end();
    reads(day, "report read", &report, |team| &team.owner).await;
}

/// What the operator and the platform do.
pub(super) async fn rest(day: &mut Day, testers: &Testers) {
    day.begin("API token made").await;
    for _ in 0..TIMES {
        let made = day.team.owner("POST", "/api/tokens", &json!({"name": "x", "scopes": ["read"]})).await;
        assert_eq!(made.status, 201, "{}", made.body);
        day.done().await;
    }
    day.end();
    day.begin("personal export").await;
    asked(&ask(&day.team.bench, &testers[0].1, "POST", "/api/me/exports", &json!({})).await);
    day.done().await;
    day.end();
    reads(day, "page of the audit trail", "/api/admin/audit", |team| &team.admin).await;
    day.begin("webhook event").await;
    for number in 0..TIMES {
        let body = json!({"id": format!("event {number}"), "type": "build.done", "data": {"n": 1}});
        let sent = post(&day.team.bench, "/api/webhooks/ci", &[("x-webhook-secret", "of the ci")], &body).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        day.done().await;
    }
    day.end();
}

/// Sessions that nobody ends, and a minute in which nothing is due.
pub(super) async fn swept(day: &mut Day, testers: &Testers) {
    let study = day.team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 50}})).await;
    for (user, _) in testers {
        let body = json!({"jobId": study, "testerId": user.id.wire()});
        assert_eq!(day.team.admin("POST", "/api/sessions", &body).await.status, 201);
        day.follow().await;
    }
    day.team.bench.advance(Duration::hours(5));
    day.begin("session ended by the sweep").await;
    let ended = sweeps::end_overdue_sessions(&day.team.bench.context, "", 25).await.unwrap();
    assert!(ended.next.is_none());
    // another one began before them
    day.done_at_once(TIMES + 1).await;
    day.end();
    day.begin("sweep of a minute").await;
    day.meter.invoked();
    day.team.bench.invoke(&background_work::FUNCTION, bytes::Bytes::from_static(b"{}")).await.unwrap();
    day.done().await;
    day.end();
}
