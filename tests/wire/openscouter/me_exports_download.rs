//! `GET /api/me/exports/:id/download`: an export's content (openscouter 18).

use harness::{
    openscouter::{
        exports::{asked, create, download, finished},
        send,
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{IngestedStream, TestSessionId},
    store::IngestedBatch,
};

#[tokio::test]
async fn a_bundle_holds_all_that_is_kept() {
    let team = Team::start().await;
    let bench = &team.bench;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 3}})).await;
    team.approve(&study).await;
    let session = finished(&team, &study).await;
    let consent = json!({"kind": "special_category", "version": "v1.1"});
    team.tester("POST", "/api/me/consents", &consent).await;
    team.tester("PATCH", "/api/me/profile", &json!({"ndCategories": ["adhd"], "bio": "hello"})).await;
    let (path, _) = asked(&create(bench, &team.tester).await);
    work(bench).await;
    let file = download(bench, &team.tester, &path).await;
    assert_eq!((file.status, file.header("content-type")), (200, "application/json"));
    assert_eq!(file.header("cache-control"), "no-store");
    let bundle = file.json();
    assert_eq!((&bundle["ndCategories"], &bundle["profile"]["bio"]), (&json!(["adhd"]), &json!("hello")));
    // the whole profile, with what was not set
    assert_eq!((&bundle["profile"]["cameraOptOut"], &bundle["profile"]["devices"]), (&json!(false), &json!([])));
    assert_eq!(bundle["consents"].as_array().unwrap().len(), 2);
    let attempt = &bundle["quizAttempts"][0];
    assert_eq!(
        (&attempt["quizId"], &attempt["answers"], &attempt["passed"]),
        (&json!("quiz_v1"), &json!([{"questionId": "q_001", "optionId": "a"}]), &json!(true))
    );
    assert_eq!(bundle["ratings"], json!({"count": 1, "sum": 3}));
    assert_eq!(bundle["assignments"][0]["jobId"], json!(study));
    let kept = &bundle["testSessions"][0];
    assert_eq!(
        (&kept["sessionId"], &kept["status"], &kept["abandoned"]),
        (&json!(session), &json!("confirmed"), &json!(false))
    );
    assert!(kept["confirmedAt"].is_string() && kept["durationSeconds"].is_number());
    let pause = &kept["pauses"][0];
    assert!(pause["from"].is_string() && pause["to"].is_string(), "{pause}");
    assert_eq!(kept["events"][0]["targetSelector"], "#a");
    for stream in ["events", "facial", "voice"] {
        let item = &kept[stream][0];
        assert!(item["timestamp"].as_str().unwrap().ends_with('Z') && item.get("at").is_none(), "{item}");
    }
    assert_eq!(kept["facial"][0]["emotion"], "neutral");
    assert_eq!(kept["voice"][0]["transcript"], "I am stuck here");
    let note = kept["notes"].as_array().unwrap().iter().find(|note| note["text"] == "mine").unwrap();
    assert_eq!((&note["source"], &note["type"], &note["included"]), (&json!("tester"), &Value::Null, &json!(true)));
    assert!(note["timestamp"].is_string());
    assert_eq!((&kept["feedback"]["rating"], &kept["feedback"]["comment"]), (&json!(4), &json!("fine")));
    assert_eq!(bundle["feedbackGiven"], json!([]));
    assert_eq!((&kept["report"]["status"], &kept["report"]["kind"]), (&json!("complete"), &json!("session")));
    let jobs: Vec<_> = kept["agentJobs"].as_array().unwrap().iter().map(|job| job["kind"].as_str().unwrap()).collect();
    assert!(["snapshot", "analyst", "report"].iter().all(|kind| jobs.contains(kind)), "{jobs:?}");
    let insights =
        &kept["agentJobs"].as_array().unwrap().iter().find(|job| job["kind"] == "snapshot").unwrap()["insights"];
    assert!(insights["overallFrustrationScore"].is_number());
    // the owner's has the studies, and nothing of the tester
    let (path, _) = asked(&create(bench, &team.owner).await);
    work(bench).await;
    let bundle = download(bench, &team.owner, &path).await;
    assert_eq!(bundle.json()["studies"][0]["jobId"], json!(study));
    assert_eq!(bundle.json()["studies"][0]["progress"]["confirmed"], 1);
    assert_eq!(bundle.json()["testSessions"], json!([]));
    let given = &bundle.json()["feedbackGiven"];
    let first = &given[0];
    assert_eq!(given.as_array().unwrap().len(), 1, "the tester's is the tester's");
    assert_eq!((&first["sessionId"], &first["rating"], &first["comment"]), (&json!(session), &json!(3), &Value::Null));
    assert!(first["feedbackId"].as_str().unwrap().starts_with("fb_") && first["createdAt"].is_string());
    assert!(!bundle.body.contains("tess@example.com") && !bundle.body.contains("adhd"));
}

#[tokio::test]
async fn a_bundle_of_any_size_is_streamed() {
    let team = Team::start().await;
    let bench = &team.bench;
    let study = team.study(&json!({})).await;
    let session = TestSessionId::from_wire(&team.session(&study).await).unwrap();
    let (store, now) = (bench.context.store(), bench.context.clock().now());
    let session = store.test_session(session).await.unwrap().unwrap();
    let mut length = 0;
    for batch in 0..16 {
        // nothing that compression makes small
        let text = |item: u32| {
            (0..300)
                .map(|part| shared::secret::sha256_hex(format!("{batch}/{item}/{part}").as_bytes()))
                .collect::<String>()
        };
        let mut items = IngestedBatch::default();
        for item in 0..30 {
            let written = items.add(|kept| {
                kept.push_str(&json!({"transcript": text(item)}).to_string());
                Ok::<_, std::convert::Infallible>(None)
            });
            assert!(written.is_ok());
        }
        length += items.json().len();
        store.keep_ingested(&session, IngestedStream::Voice, &items, None, now).await.unwrap();
    }
    assert!(length > 6_500_000, "more than a buffered answer can carry");
    let (path, _) = asked(&create(bench, &team.tester).await);
    work(bench).await;
    let file = download(bench, &team.tester, &path).await;
    assert_eq!(file.status, 200);
    let bundle = file.json();
    let kept = bundle["testSessions"][0]["voice"].as_array().unwrap();
    assert_eq!(kept.len(), 16 * 30);
    assert!(file.body.len() > length);
    let bad = send(bench, "GET", &format!("{path}/download?token=x"), &[], "").await;
    assert_eq!(told(&bad), (404, "Export not found".to_owned()));
    assert_eq!(bad.header("content-type"), "application/json");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let (path, _) = asked(&create(&team.bench, &team.tester).await);
    work(&team.bench).await;
    let answer = download(&team.bench, &team.tester, &path).await;
    snapshot!("me-exports-download", &answer);
}
