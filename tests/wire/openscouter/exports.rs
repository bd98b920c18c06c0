//! Exports: what is in them, how they are made and fetched, and what becomes of one that cannot be made
//! (openscouter 5.3, 18).

use harness::{Answer, Bench};
use serde_json::{Value, json};
use shared::{
    model::{ExportId, IngestedStream, TestSessionId, UserId},
    store::{ExportState, IngestedBatch, Run},
};
use time::Duration;

use super::{
    data, get as read,
    research::{Team, ask, get},
    told, work,
};

async fn create(bench: &Bench, caller: &str) -> Answer {
    ask(bench, caller, "POST", "/api/me/exports", &json!({})).await
}

/// The path of an export that was asked for, and its id.
fn asked(answer: &Answer) -> (String, ExportId) {
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = data(answer)["exportId"].as_str().unwrap().to_owned();
    (format!("/api/me/exports/{id}"), ExportId::from_wire(&id).unwrap())
}

async fn download(bench: &Bench, caller: &str, path: &str) -> Answer {
    let ready = data(&read(bench, path, caller).await);
    assert_eq!(ready["status"], "complete");
    let url = ready["downloadUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
    super::send(bench, "GET", &format!("/api/{url}"), &[], "").await
}

/// A session of the tester from its begin to the report; its id.
pub(super) async fn finished(team: &Team, study: &str) -> String {
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
    assert_eq!(kept["facial"][0]["emotion"], "neutral");
    assert_eq!(kept["voice"][0]["transcript"], "I am stuck here");
    let note = kept["notes"].as_array().unwrap().iter().find(|note| note["text"] == "mine").unwrap();
    assert_eq!((&note["source"], &note["type"], &note["included"]), (&json!("tester"), &Value::Null, &json!(true)));
    assert!(note["timestamp"].is_string());
    assert_eq!((&kept["feedback"]["rating"], &kept["feedback"]["comment"]), (&json!(4), &json!("fine")));
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
    let bad = super::send(bench, "GET", &format!("{path}/download?token=x"), &[], "").await;
    assert_eq!(told(&bad), (404, "Export not found".to_owned()));
    assert_eq!(bad.header("content-type"), "application/json");
}

#[tokio::test]
async fn an_export_that_cannot_be_made_fails_and_the_next_may_be_asked_for() {
    let team = Team::start().await;
    let bench = &team.bench;
    let (path, id) = asked(&create(bench, &team.tester).await);
    let busy = (422, "Export is queued, expected complete or failed".to_owned());
    assert_eq!(told(&create(bench, &team.tester).await), busy);
    // workers that die, one after another
    for _ in 0..8 {
        let leased =
            bench.context.store().lease_work(&format!("export-{id}"), bench.context.clock().now()).await.unwrap();
        assert!(leased.is_some());
        bench.advance(Duration::seconds(61));
    }
    work(bench).await;
    let failed = data(&get(bench, &team.tester, &path).await);
    assert_eq!(
        (&failed["status"], &failed["downloadUrl"], &failed["expiresAt"]),
        (&json!("failed"), &Value::Null, &Value::Null)
    );
    let (next, _) = asked(&create(bench, &team.tester).await);
    work(bench).await;
    assert_eq!(data(&get(bench, &team.tester, &next).await)["status"], "complete");
    // one that ended is not given up any more
    let store = bench.context.store();
    let next = ExportId::from_wire(next.rsplit('/').next().unwrap()).unwrap();
    store.fail_export(team.user.id, next, bench.context.clock().now()).await.unwrap();
    assert_eq!(store.export(team.user.id, next).await.unwrap().unwrap().state, ExportState::Complete);
}

/// An export as it is in the store.
async fn stored(team: &Team, user: UserId, id: ExportId) -> shared::store::Export {
    team.bench.context.store().export(user, id).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_later_slice_goes_on_where_the_last_one_ended() {
    let team = Team::start().await;
    let (bench, store, user) = (&team.bench, team.bench.context.store(), team.user.id);
    let (first, second) = (team.study(&json!({})).await, team.study(&json!({})).await);
    let (first, second) = (team.session(&first).await, team.session(&second).await);
    let (path, id) = asked(&create(bench, &team.tester).await);
    let export = stored(&team, user, id).await;
    let now = bench.context.clock().now();
    // a slice that ended after the first session, beside one of a worker who was overtaken
    let (mut run, mut late) = (Run::begin(), Run::begin());
    let text = json!({"testSessions": [{"sessionId": first}]}).to_string();
    let text = text.strip_suffix("]}").unwrap();
    assert!(store.put_export_parts(&export, &mut late, b"half of it", now).await.unwrap());
    assert!(store.put_export_parts(&export, &mut run, text.as_bytes(), now).await.unwrap());
    store.advance_export(&export.with_run(run, TestSessionId::from_wire(&first), None)).await.unwrap();
    assert!(!store.put_export_parts(&export, &mut late, b"the rest", now).await.unwrap(), "too late");
    store.advance_export(&export.with_run(late, None, Some(now))).await.unwrap();
    assert_eq!(stored(&team, user, id).await.state, ExportState::Queued, "and it ends nothing");
    work(bench).await;
    let bundle = download(bench, &team.tester, &path).await.json();
    let ids: Vec<_> = bundle["testSessions"].as_array().unwrap().iter().map(|row| row["sessionId"].clone()).collect();
    assert_eq!(ids, [json!(first), json!(second)]);
}

#[tokio::test]
async fn nothing_is_written_for_an_account_that_is_gone() {
    let team = Team::start().await;
    let (bench, store, user) = (&team.bench, team.bench.context.store(), team.user.id);
    let (_, id) = asked(&create(bench, &team.tester).await);
    let export = stored(&team, user, id).await;
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    let settings = bench.context.settings();
    bench.advance(Duration::days(31));
    for _ in 0..4 {
        work(bench).await;
        bench.advance(Duration::minutes(2));
    }
    let now = bench.context.clock().now();
    let mut run = Run::begin();
    assert!(!store.put_export_parts(&export, &mut run, b"what is left", now).await.unwrap());
    store.advance_export(&export.with_run(run, None, Some(now))).await.unwrap();
    store.fail_export(user, id, now).await.unwrap();
    let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
    let left: Vec<_> =
        items.iter().filter(|item| item.contains("EXPORT") && item.contains(&user.to_string())).collect();
    assert!(left.is_empty(), "{left:#?}");
}
