//! Quiz, consents, approvals, the gates of agents, and what goes with a tester (openscouter 12.4, 17, 18, 21).

use std::sync::{Arc, Mutex};

use harness::Bench;
use serde_json::{Value, json};
use shared::model::{Action, IngestedStream, Role, TestSessionId};
use time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    bearer, data, person,
    research::{Team, ask, get},
    told, work,
};

fn refused(text: &str) -> (u64, String) {
    (422, text.to_owned())
}

#[tokio::test]
async fn the_quiz_opens_the_account() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Admin, "ann@example.com").await;
    person(&bench, Role::Tester, "tess@example.com").await;
    let (admin, tess) = (bearer(&bench, "ann@example.com").await, bearer(&bench, "tess@example.com").await);
    for (caller, path) in [(&admin, "/api/admin/quiz"), (&tess, "/api/testers/quiz")] {
        assert_eq!(told(&get(&bench, caller, path).await), (404, "Quiz not found".to_owned()));
    }
    let question = json!({"text": "?", "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}], "correctOptionId": "a", "points": 1});
    let quiz = |change: Value| {
        let mut question = question.clone();
        question.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({"passingScore": 100, "questions": [question]})
    };
    for (body, text) in [
        (json!({}), "passingScore: is required"),
        (json!({"passingScore": 0}), "passingScore: must be at least 1"),
        (json!({"passingScore": 1, "questions": []}), "questions: must contain at least 1 items"),
        (quiz(json!({"text": ""})), "questions[0].text: must not be empty"),
        (quiz(json!({"type": "essay"})), "questions[0].type: must be one of: multiple_choice"),
        (quiz(json!({"options": [1, 2]})), "questions[0].options[0]: must be an object"),
        (
            quiz(json!({"options": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]})),
            "questions[0].options: must not contain duplicates",
        ),
        (quiz(json!({"correctOptionId": "c"})), "questions[0].correctOptionId: must be one of: a, b"),
        (quiz(json!({"points": 101})), "questions[0].points: must be at most 100"),
    ] {
        assert_eq!(told(&ask(&bench, &admin, "POST", "/api/admin/quiz", &body).await), refused(text));
    }
    let published = ask(&bench, &admin, "POST", "/api/admin/quiz", &quiz(json!({}))).await;
    assert_eq!((published.status, &data(&published)["quizId"]), (201, &json!("quiz_v1")));
    assert_eq!(data(&get(&bench, &admin, "/api/admin/quiz").await), data(&published));
    // versions are distinct, however many are published at once
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let text = quiz(json!({})).to_string();
    let calls = (0..6).map(|_| super::send(&bench, "POST", "/api/admin/quiz", &headers, &text));
    let mut versions: Vec<_> = futures_util::future::join_all(calls)
        .await
        .iter()
        .map(|answer| data(answer)["version"].as_u64().unwrap())
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7]);
    let seen = data(&get(&bench, &tess, "/api/testers/quiz").await);
    assert!(!seen.to_string().contains("correctOptionId"));
    assert_eq!((&seen["quizId"], &seen["questions"][0]["questionId"]), (&json!("quiz_v7"), &json!("q_001")));
    let attempt = async |quiz: &str, option: &str| {
        let body = json!({"quizId": quiz, "answers": [{"questionId": "q_001", "optionId": option}]});
        ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await
    };
    assert_eq!(told(&attempt("quiz_v1", "a").await), refused("quizId: is not the active quiz"));
    let twice = json!({"quizId": "quiz_v7", "answers": [{"questionId": "q_001", "optionId": "a"}, {"questionId": "q_001", "optionId": "a"}]});
    let answer = ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &twice).await;
    assert_eq!(told(&answer), refused("answers: must not contain duplicates"));
    let calls = (0..5).map(|_| attempt("quiz_v7", "b"));
    let tried = futures_util::future::join_all(calls).await;
    assert_eq!(tried.iter().filter(|answer| answer.status == 201).count(), 3);
    assert_eq!(told(&attempt("quiz_v7", "a").await), refused("quizId: at most 3 attempts in 24 hours"));
    bench.advance(Duration::hours(23));
    let tess = bearer(&bench, "tess@example.com").await;
    bench.advance(Duration::hours(2));
    let body = json!({"quizId": "quiz_v7", "answers": [{"questionId": "q_001", "optionId": "a"}]});
    let passed = ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await;
    assert_eq!((&data(&passed)["passed"], &data(&passed)["capacityVerified"]), (&json!(true), &json!(true)));
    assert_eq!(data(&get(&bench, &tess, "/api/auth/me").await)["status"], "active");
    assert_eq!(data(&get(&bench, &tess, "/api/me/profile").await)["capacityScore"], 100);
    let again = ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await;
    assert_eq!(told(&again), refused("Tester is already verified"));
}

#[tokio::test]
async fn approvals_begin_and_end() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let create = async |body: Value| team.admin("POST", "/api/admin/approvals", &body).await;
    for (body, text) in [
        (json!({}), "jobId: is required"),
        (json!({"jobId": study, "expiresAt": team.at(-1_000)}), "expiresAt: must be in the future"),
        (json!({"jobId": study, "expiresAt": team.at(31 * 86_400_000)}), "expiresAt: must be at most 30 days ahead"),
        (json!({"jobId": study, "reason": "x".repeat(501)}), "reason: must be at most 500 characters"),
    ] {
        assert_eq!(told(&create(body).await), refused(text));
    }
    assert_eq!(told(&create(json!({"jobId": "job_1"})).await), (404, "Study not found".to_owned()));
    let short = data(&create(json!({"jobId": study, "expiresAt": team.at(60_000), "reason": "fine"})).await);
    let week = team.approve(&study).await;
    let list = async |query: &str| {
        let answer = get(&team.bench, &team.admin, &format!("/api/admin/approvals{query}")).await.json();
        let ids = answer["data"].as_array().unwrap().iter().map(|row| row["approvalId"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), answer["metadata"]["total"].as_u64().unwrap())
    };
    let first = short["approvalId"].as_str().unwrap().to_owned();
    assert_eq!(list("?active=true").await, (vec![week.clone(), first.clone()], 2));
    team.bench.advance(Duration::seconds(61));
    assert_eq!(list("?active=true").await, (vec![week.clone()], 1));
    assert_eq!(list(&format!("?active=false&jobId={study}")).await, (vec![first.clone()], 1));
    assert_eq!(list("").await, (vec![week.clone(), first], 2));
    assert_eq!(list("?jobId=job_1").await, (Vec::new(), 0));
    let wrong = get(&team.bench, &team.admin, "/api/admin/approvals?active=1").await;
    assert_eq!(told(&wrong), (400, "active: must be a boolean".to_owned()));
    let path = format!("/api/admin/approvals/{week}");
    let revoked = data(&team.admin("DELETE", &path, &Value::Null).await);
    assert!(revoked["revokedAt"].is_string());
    assert_eq!(data(&team.admin("DELETE", &path, &Value::Null).await), revoked);
    assert_eq!(list("?active=true").await, (Vec::new(), 0));
    let missing = team.admin("DELETE", "/api/admin/approvals/appr_1", &Value::Null).await;
    assert_eq!(told(&missing), (404, "Approval not found".to_owned()));
    assert_eq!(team.owner("POST", "/api/admin/approvals", &json!({"jobId": study})).await.status, 403);
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
    let tester_view = get(&team.bench, &team.tester, &job).await;
    assert_eq!(told(&tester_view), (404, "Analysis job not found".to_owned()), "only snapshots are theirs");
}

#[tokio::test]
async fn a_withdrawn_consent_takes_what_was_captured() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": [event]})).await;
    team.tester("PUT", &format!("/api/sessions/{session}/notes"), &json!({"notes": [{"text": "mine"}]})).await;
    let special = json!({"ndCategories": ["adhd"]});
    let early = team.tester("PATCH", "/api/me/profile", &special).await;
    assert_eq!(told(&early), refused("ndCategories: requires special_category consent"));
    let wrong = team.tester("POST", "/api/me/consents", &json!({"kind": "special_category", "version": "v0"})).await;
    assert_eq!(told(&wrong), refused("version: must be v1.1"));
    let give = json!({"kind": "special_category", "version": "v1.1"});
    let given = team.tester("POST", "/api/me/consents", &give).await;
    let again = team.tester("POST", "/api/me/consents", &give).await;
    assert_eq!((given.status, again.status, data(&given)), (201, 200, data(&again)));
    assert_eq!(data(&team.tester("PATCH", "/api/me/profile", &special).await)["ndCategories"], json!(["adhd"]));
    let listed = data(&team.tester("GET", "/api/me/consents", &Value::Null).await);
    assert_eq!((&listed["currentVersion"], listed["consents"].as_array().unwrap().len()), (&json!("v1.1"), 2));
    let unknown = team.tester("DELETE", "/api/me/consents/other", &Value::Null).await;
    assert_eq!(told(&unknown), (404, "Consent not found".to_owned()));
    let withdrawn = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!((withdrawn.status, data(&withdrawn)["cascade"].as_array().unwrap().len()), (202, 9));
    let repeated = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!(data(&repeated), data(&withdrawn));
    work(&team.bench).await;
    assert_eq!(data(&team.tester("GET", "/api/me/profile", &Value::Null).await)["ndCategories"], json!([]));
    let seen = data(&team.tester("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    assert_eq!(seen["status"], "completed", "a running session is ended first");
    let id = TestSessionId::from_wire(&session).unwrap();
    let kept = team.bench.context.store().ingested(id, IngestedStream::Events).await.unwrap();
    assert!(kept.is_empty(), "what was ingested is gone");
    let notes = data(&team.tester("GET", &format!("/api/sessions/{session}/notes"), &Value::Null).await);
    assert_eq!(notes["notes"], json!([]));
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

/// A model that answers every request with the same texts, and keeps what it was asked.
async fn model(answer: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = [0; 65_536];
            loop {
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                bytes.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let length =
                    text.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                let body = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len());
                if read == 0 || length.is_some_and(|length: usize| body >= length) {
                    kept.lock().unwrap().push(text);
                    break;
                }
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
        }
    });
    (url, asked)
}

#[tokio::test]
async fn a_model_writes_the_texts_and_learns_nothing_of_the_person() {
    let answer = r#"{"choices": [{"message": {"content":
        "{\"summary\": \"Paying is hard.\", \"moments\": [{\"note\": \"Nothing seemed to happen.\", \"recommendation\": \"Show a spinner.\"}]}"}}]}"#;
    let (url, asked) = model(answer).await;
    let bench = Bench::with(&[
        ("OUTSCOUT_AGENT_PROVIDER", "openai"),
        ("OUTSCOUT_AGENT_MODEL", "a-model"),
        ("OUTSCOUT_AGENT_BASE_URL", &url),
        ("OUTSCOUT_AGENT_API_KEY", "sk-hush"),
    ])
    .await
    .unwrap();
    let team = Team::over(bench).await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::seconds(30));
    let at = |millis: i64| team.at(millis - 20_000);
    let clicks: Vec<_> =
        (0..4).map(|n| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": at(n * 100)})).collect();
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": clicks})).await;
    let face = json!([{"timestamp": at(0), "emotion": "angry", "confidence": 0.9}]);
    team.tester("POST", "/api/data/facial", &json!({"sessionId": session, "batch": face})).await;
    let said = json!([{"timestamp": at(0), "transcript": "my name is Tess and all is well"}]);
    team.tester("POST", "/api/data/voice", &json!({"sessionId": session, "batch": said})).await;
    team.tester("POST", &format!("/api/sessions/{session}/complete"), &json!({})).await;
    team.approve(&study).await;
    team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
    work(&team.bench).await;
    let notes = data(&team.tester("GET", &format!("/api/sessions/{session}/notes"), &Value::Null).await);
    assert_eq!(notes["notes"].as_array().unwrap().len(), 1, "{notes}");
    assert_eq!(
        (&notes["notes"][0]["text"], &notes["notes"][0]["recommendation"]),
        (&json!("Nothing seemed to happen."), &json!("Show a spinner."))
    );
    assert_eq!(notes["notes"][0]["severity"], "critical", "numbers are ours");
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    let request = &asked[0];
    assert!(request.contains("authorization: Bearer sk-hush") && request.contains("Tester 1"));
    let user = team.user.id;
    for secret in [
        "angry",
        "Tess",
        "tess@",
        "example.com",
        "all is well",
        &user.wire(),
        &user.to_string(),
        &session,
        &study,
        "0.9",
    ] {
        assert!(!request.contains(secret), "{secret} reached the model");
    }
}

#[tokio::test]
async fn without_a_usable_answer_the_fixed_texts_stay() {
    let (url, asked) = model(r#"{"choices": []}"#).await;
    let bench = Bench::with(&[
        ("OUTSCOUT_AGENT_PROVIDER", "openai"),
        ("OUTSCOUT_AGENT_MODEL", "a-model"),
        ("OUTSCOUT_AGENT_BASE_URL", &url),
    ])
    .await
    .unwrap();
    let team = Team::over(bench).await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::seconds(30));
    let clicks: Vec<_> = (0..4)
        .map(|n| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": team.at(n * 100 - 20_000)}))
        .collect();
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": clicks})).await;
    team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let seen = data(&team.tester("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    let summary = seen["analysis"]["insights"]["summary"].as_str().unwrap();
    assert!(summary.starts_with("1 moments found; frustration"), "{summary}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_tester_goes_with_all_sessions() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let event = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    team.tester("POST", "/api/data/events", &json!({"sessionId": session, "batch": [event]})).await;
    team.tester("POST", "/api/ai", &json!({"sessionId": session})).await;
    work(&team.bench).await;
    let export = data(&team.tester("POST", "/api/me/exports", &json!({})).await);
    work(&team.bench).await;
    let path = format!("/api/me/exports/{}", export["exportId"].as_str().unwrap());
    let ready = data(&team.tester("GET", &path, &Value::Null).await);
    let url = ready["downloadUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
    let bundle = super::send(&team.bench, "GET", &format!("/api/{url}"), &[], "").await.json();
    assert_eq!(bundle["testSessions"][0]["events"][0]["targetSelector"], "#a");
    assert_eq!(bundle["consents"][0]["kind"], "testing");
    assert_eq!(bundle["quizAttempts"].as_array().unwrap().len(), 1);
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    team.bench.advance(Duration::days(31));
    for _ in 0..4 {
        work(&team.bench).await;
        team.bench.advance(Duration::minutes(2));
    }
    let settings = team.bench.context.settings();
    let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let (user, session) = (team.user.id.to_string(), TestSessionId::from_wire(&session).unwrap().to_string());
    let left: Vec<_> = items
        .iter()
        .filter(|item| !item.contains("AUDIT#") && !item.contains("RANK#audit"))
        .filter(|item| item.contains(&user) || item.contains(&session))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}
