//! A server that is killed while testers are at it: what was answered is there, nothing is there twice, and every step
//! that follows is made in the end.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use harness::{
    http,
    openscouter::{PASSWORD, team::STUDY},
    process::{Folder, start},
};
use local::{
    data::{DataDirectory, Session},
    people,
};
use serde_json::{Value, json};
use shared::model::{ConsentKind, Email, IngestedStream, Organization, OrganizationId, Plan, Role, TestSessionId};

const TESTERS: usize = 4;

const BATCHES: usize = 40;

const KILLS: u32 = 10;

/// Access tokens name the API, whatever port it has after a restart.
const NAMED: [(&str, &str); 1] = [("OUTSCOUT_OPENSCOUTER_PUBLIC_URL", "http://openscouter.test")];

/// The API's address, which changes with each start.
type Address = Arc<Mutex<String>>;

/// Asks until there is an answer: not one of a limit, nor of a store that was going down.
async fn ask(address: &Address, method: &str, path: &str, credential: &str, body: &Value) -> (u64, Value) {
    let headers = [("Authorization", credential), ("Content-Type", "application/json")];
    for _ in 0..600 {
        let url = address.lock().unwrap().clone();
        if let Ok(answer) = http::send(&url, method, path, &headers, body.to_string().as_bytes()).await
            && !matches!(answer.status, 429 | 500)
        {
            return (answer.status, answer.json());
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    unreachable!("no answer to {method} {path}");
}

async fn sign_in(address: &Address, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let (status, answer) = ask(address, "POST", "/api/auth/sign-in", "", &body).await;
    assert_eq!(status, 200, "{answer}");
    format!("Bearer {}", answer["data"]["accessToken"].as_str().unwrap())
}

/// People with what they need to begin, made beside the running server.
async fn people(data: &Path) -> Vec<String> {
    let session = Session::open(&DataDirectory::open(data).unwrap()).await.unwrap();
    let context = &session.context;
    let mut testers = Vec::new();
    let names: Vec<_> = (0..TESTERS).map(|number| (Role::Tester, format!("t{number}@example.com"))).collect();
    let others = [(Role::Business, "dana@example.com".to_owned()), (Role::Admin, "ann@example.com".to_owned())];
    for (role, email) in others.into_iter().chain(names) {
        let now = context.clock().now();
        let organization = Organization {
            id: OrganizationId::at(now),
            name: "Roe Ltd".to_owned(),
            plan: Plan::Pro,
            billing_exempt: true,
            created_at: now,
        };
        let email = Email::parse(&email).unwrap();
        let user = people::create_person(context, &organization, role, (&email, "Dana Roe"), PASSWORD).await;
        if role == Role::Tester {
            testers.push(user.unwrap().unwrap().id.wire());
        }
    }
    session.close().await;
    testers
}

/// A tester's whole session; its id.
async fn live(address: Address, study: String, user: String, number: usize, admin: String) -> String {
    let tester = sign_in(&address, &format!("t{number}@example.com")).await;
    let body = json!({"jobId": study, "testerId": user});
    let (status, begun) = ask(&address, "POST", "/api/sessions", &admin, &body).await;
    let session = match status {
        201 => begun["data"]["sessionId"].as_str().unwrap().to_owned(),
        // it was written, and the answer lost
        _ => {
            assert_eq!(begun["error"], "testerId: tester already has a session for this study");
            let path = format!("/api/sessions?jobId={study}&testerId={user}");
            let (_, found) = ask(&address, "GET", &path, &tester, &Value::Null).await;
            found["data"][0]["sessionId"].as_str().unwrap().to_owned()
        }
    };
    let path = format!("/api/sessions/{session}");
    for batch in 0..BATCHES {
        let now = shared::clock::Clock::system().now().format(&time::format_description::well_known::Rfc3339).unwrap();
        let event = |n: usize| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": now, "eventId": format!("e{}", batch * 10 + n)});
        let body = json!({"sessionId": session, "batch": (0..10).map(event).collect::<Vec<_>>()});
        let (status, sent) = ask(&address, "POST", "/api/data/events", &tester, &body).await;
        assert_eq!((status, &sent["data"]["accepted"]), (200, &json!(10)), "{sent}");
        if batch == BATCHES / 2 {
            for (call, after) in [("pause", "paused"), ("resume", "active")] {
                let (status, moved) = ask(&address, "POST", &format!("{path}/{call}"), &tester, &json!({})).await;
                let there = format!("Session is {after}");
                assert!(status == 200 || moved["error"].as_str().unwrap().starts_with(&there), "{moved}");
            }
        }
    }
    let (status, ended) = ask(&address, "POST", &format!("{path}/complete"), &tester, &json!({})).await;
    assert_eq!((status, &ended["data"]["status"]), (200, &json!("completed")), "{ended}");
    let (status, asked) = ask(&address, "POST", &format!("{path}/analyze"), &admin, &json!({})).await;
    let analyzed = asked["error"].as_str().is_some_and(|text| text.starts_with("Session is analyzed"));
    assert!(status == 202 || analyzed, "{asked}");
    for _ in 0..400 {
        let (_, seen) = ask(&address, "GET", &path, &tester, &Value::Null).await;
        if seen["data"]["status"] == "analyzed" {
            break;
        }
        // it lost its worker three times
        if seen["data"]["analyst"]["status"] == "failed" {
            ask(&address, "POST", &format!("{path}/analyze"), &admin, &json!({})).await;
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let (status, confirmed) = ask(&address, "POST", &format!("{path}/confirm"), &tester, &json!({})).await;
    assert_eq!(status, 200, "{confirmed}");
    session
}

/// The quiz passed, the consents given, a study launched and approved: the owner, the admin, the study.
async fn prepared(address: &Address) -> (String, String, String) {
    let (owner, admin) = (sign_in(address, "dana@example.com").await, sign_in(address, "ann@example.com").await);
    let quiz = json!({"passingScore": 1, "questions": [{"text": "?", "correctOptionId": "a", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    assert_eq!(ask(address, "POST", "/api/admin/quiz", &admin, &quiz).await.0, 201);
    for number in 0..TESTERS {
        let tester = sign_in(address, &format!("t{number}@example.com")).await;
        let attempt = json!({"quizId": "quiz_v1", "answers": [{"questionId": "q_001", "optionId": "a"}]});
        assert_eq!(ask(address, "POST", "/api/testers/quiz/attempts", &tester, &attempt).await.0, 201);
        let consent = json!({"kind": ConsentKind::Testing.as_str(), "version": "v1.1"});
        assert_eq!(ask(address, "POST", "/api/me/consents", &tester, &consent).await.0, 201);
    }
    let mut study: Value = serde_json::from_str(STUDY).unwrap();
    study["targeting"]["testerCount"] = json!(TESTERS);
    let (_, made) = ask(address, "POST", "/api/jobs", &owner, &study).await;
    let study = made["data"]["jobId"].as_str().unwrap().to_owned();
    assert_eq!(ask(address, "POST", &format!("/api/jobs/{study}/launch"), &owner, &json!({})).await.0, 200);
    assert_eq!(ask(address, "POST", "/api/admin/approvals", &admin, &json!({"jobId": study})).await.0, 201);
    (owner, admin, study)
}

/// What follows by work is there in the end.
async fn assert_finished(address: &Address, owner: &str, study: &str) {
    let mut seen = Value::Null;
    for _ in 0..200 {
        let (_, shown) = ask(address, "GET", &format!("/api/jobs/{study}"), owner, &Value::Null).await;
        let path = format!("/api/sessions?jobId={study}&status=confirmed");
        let (_, listed) = ask(address, "GET", &path, owner, &Value::Null).await;
        seen = json!([shown["data"]["status"], shown["data"]["progress"], listed["metadata"]["total"]]);
        if seen[0] == "completed" && seen[2] == TESTERS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let counts = json!({"sessions": TESTERS, "completed": TESTERS, "confirmed": TESTERS});
    assert_eq!(seen, json!(["completed", counts, TESTERS]));
    for status in ["active", "paused", "completed", "analyzed"] {
        let (_, listed) = ask(address, "GET", &format!("/api/sessions?status={status}"), owner, &Value::Null).await;
        assert_eq!(listed["metadata"]["total"], 0, "{status}");
    }
}

/// Each event is there once, and each session has a number of its own.
async fn assert_kept_once(data: &Path, sessions: &[String]) {
    let store = Session::open(&DataDirectory::open(data).unwrap()).await.unwrap();
    let mut numbers = Vec::new();
    for session in sessions {
        let id = TestSessionId::from_wire(session).unwrap();
        let batches = store.context.store().ingested(id, IngestedStream::Events).await.unwrap();
        let kept: Vec<Value> =
            batches.iter().flat_map(|batch| serde_json::from_slice::<Vec<Value>>(batch).unwrap()).collect();
        assert_eq!(kept.len(), BATCHES * 10, "each event once");
        numbers.push(store.context.store().test_session(id).await.unwrap().unwrap().number);
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), TESTERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_testers_are_at_it() {
    let folder = Folder::temporary();
    let mut server = start(&folder.0, &NAMED);
    let testers = people(&folder.0).await;
    let address: Address = Arc::new(Mutex::new(server.openscouter.clone()));
    let (owner, admin, study) = prepared(&address).await;
    let lives: Vec<_> = testers
        .iter()
        .enumerate()
        .map(|(number, user)| tokio::spawn(live(address.clone(), study.clone(), user.clone(), number, admin.clone())))
        .collect();
    let over = AtomicBool::new(false);
    let killing = async {
        let mut random = 20_261_126_u64;
        for _ in 0..KILLS {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            tokio::time::sleep(Duration::from_millis(150 + (random >> 33) % 900)).await;
            if over.load(Ordering::SeqCst) {
                break;
            }
            server.kill();
            server = start(&folder.0, &NAMED);
            *address.lock().unwrap() = server.openscouter.clone();
        }
    };
    let living = async {
        let mut sessions = Vec::new();
        for life in lives {
            sessions.push(life.await.unwrap());
        }
        over.store(true, Ordering::SeqCst);
        sessions
    };
    let ((), sessions) = futures_util::future::join(killing, living).await;

    for session in &sessions {
        let (status, _) = ask(&address, "POST", "/api/reports", &owner, &json!({"sessionId": session})).await;
        assert_eq!(status, 202);
    }
    assert_finished(&address, &owner, &study).await;
    assert_kept_once(&folder.0, &sessions).await;
    server.kill();
}
