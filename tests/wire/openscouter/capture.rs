//! Ingestion (openscouter 11): items judged one by one, kept once, one write for a batch.

mod again;
mod items;

use harness::Answer;
use serde_json::{Value, json};
use shared::{
    model::{IngestedStream, TestSessionId},
    store::round_trips,
};

use super::{
    data,
    research::{Team, ask},
    told,
};

fn refused(text: &str) -> (u64, String) {
    (422, text.to_owned())
}

/// Sends a body as it is.
async fn post(team: &Team, stream: &str, credential: &str, body: &str) -> Answer {
    team.bench.advance(time::Duration::seconds(1));
    let headers = [("authorization", credential), ("content-type", "application/json")];
    super::send(&team.bench, "POST", &format!("/api/data/{stream}"), &headers, body).await
}

/// A team with a session that runs.
async fn begun() -> (Team, String) {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    (team, session)
}

/// The reasons of an answer, with their places.
fn reasons(answer: &Answer) -> Vec<(u64, String)> {
    let rejections = data(answer)["rejections"].as_array().unwrap().clone();
    rejections.iter().map(|one| (one["index"].as_u64().unwrap(), one["reason"].as_str().unwrap().to_owned())).collect()
}

async fn kept(team: &Team, session: &str, stream: IngestedStream) -> Vec<Value> {
    let id = TestSessionId::from_wire(session).unwrap();
    let batches = team.bench.context.store().ingested(id, stream).await.unwrap();
    batches.iter().flat_map(|batch| serde_json::from_slice::<Vec<Value>>(batch).unwrap()).collect()
}

#[tokio::test]
async fn valid_items_are_kept_and_the_others_reported() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let send = async |stream: &str, batch: Value| {
        team.tester("POST", &format!("/api/data/{stream}"), &json!({"sessionId": session, "batch": batch})).await
    };
    let now = team.at(0);
    let click = |extra: Value| {
        let mut item = json!({"eventType": "click", "targetSelector": "#pay", "timestamp": now});
        item.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        item
    };
    let cases = [
        (click(json!({"targetSelector": null})), "Missing required field: targetSelector"),
        (
            click(json!({"eventType": "hover"})),
            "eventType: must be one of: click, scroll, input, focus, blur, navigation, error",
        ),
        (json!(7), "must be an object"),
        (click(json!({"targetSelector": ""})), "targetSelector: must not be empty"),
        (click(json!({"targetSelector": "x".repeat(1025)})), "targetSelector: must be at most 1024 characters"),
        (click(json!({"timestamp": "now"})), "timestamp: must be an ISO 8601 timestamp"),
        (click(json!({"timestamp": team.at(600_000)})), "timestamp: is outside the session"),
        (click(json!({"x": "1"})), "x: must be a number"),
        (click(json!({"scrollY": 10_000_001})), "scrollY: must be at most 10000000"),
        (click(json!({"inputLength": -1})), "inputLength: must be at least 0"),
        (click(json!({"viewport": {"width": 1}})), "Missing required field: viewport.height"),
        (click(json!({"viewport": {"width": 0, "height": 1}})), "viewport.width: must be at least 1"),
        (click(json!({"url": "javascript:1"})), "url: must be an http or https URL"),
        (click(json!({"scrollDepth": 1.1})), "scrollDepth: must be at most 1"),
        (click(json!({"taskId": "x".repeat(65)})), "taskId: must be at most 64 characters"),
        (click(json!({"eventId": "a b"})), "eventId: must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -"),
    ];
    let good = click(json!({"url": "https://x.test/a?secret=1#f", "value": "typed", "x": 1.5, "eventId": "e1"}));
    let batch: Vec<_> = cases.iter().map(|(item, _)| item.clone()).chain([good]).collect();
    let answer = send("events", json!(batch)).await;
    let expected: Vec<_> =
        cases.iter().enumerate().map(|(index, (_, reason))| json!({"index": index, "reason": reason})).collect();
    let told_of = data(&answer);
    assert_eq!(told_of["rejections"], json!(expected));
    assert_eq!(
        (&told_of["accepted"], &told_of["rejected"], &told_of["duplicates"]),
        (&json!(1), &json!(16), &json!(0))
    );
    let kept_now = kept(&team, &session, IngestedStream::Events).await;
    assert_eq!(kept_now.len(), 1);
    assert_eq!((&kept_now[0]["url"], &kept_now[0]["x"]), (&json!("https://x.test/a"), &json!(1.5)));
    assert!(kept_now[0].get("value").is_none(), "what was typed is not kept");
    assert_eq!(data(&send("events", json!([])).await)["rejections"], json!([]));
    let only_bad = send("events", json!([1])).await;
    assert_eq!((only_bad.status, &data(&only_bad)["accepted"]), (200, &json!(0)));

    let facial = json!([
        {"timestamp": now, "faceDetected": false},
        {"timestamp": now, "emotion": "happy", "confidence": 0.5, "actionUnits": {"AU01": 0.5}, "captureIntervalMs": 500},
        {"timestamp": now},
        {"timestamp": now, "emotion": "Happy", "confidence": 0.5},
        {"timestamp": now, "emotion": "sad"},
        {"timestamp": now, "emotion": "sad", "confidence": 2},
        {"timestamp": now, "emotion": "sad", "confidence": 1, "actionUnits": {"X": 1}},
        {"timestamp": now, "emotion": "sad", "confidence": 1, "captureIntervalMs": 99},
    ]);
    let answer = data(&send("facial", facial).await);
    let reasons: Vec<_> =
        answer["rejections"].as_array().unwrap().iter().map(|r| r["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "Missing required field: emotion",
            "emotion: must be 1 to 32 of the characters a-z _",
            "Missing required field: confidence",
            "confidence: must be at most 1",
            "actionUnits: must have keys of AU and two digits",
            "captureIntervalMs: must be at least 100",
        ]
    );
    assert_eq!(answer["accepted"], 2, "a snapshot without a face is kept");
    let voice = json!([
        {"timestamp": now, "transcript": "hm", "sentiment": -0.5, "language": "en"},
        {"timestamp": now},
        {"timestamp": now, "endedAt": team.at(-5_000), "transcript": ""},
        {"timestamp": now, "transcript": "x", "language": "xx"},
    ]);
    let answer = data(&send("voice", voice).await);
    let reasons: Vec<_> =
        answer["rejections"].as_array().unwrap().iter().map(|r| r["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            "Missing required field: transcript",
            "endedAt: must not be before timestamp",
            "language: must be an ISO 639-1 code"
        ]
    );
}

#[tokio::test]
async fn an_item_is_kept_once() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let snapshot =
        |id: &str| json!({"snapshotId": id, "timestamp": team.at(0), "emotion": "neutral", "confidence": 0.9});
    let send = async |batch: Value| {
        let sent = team.tester("POST", "/api/data/facial", &json!({"sessionId": session, "batch": batch})).await;
        (data(&sent)["accepted"].clone(), data(&sent)["duplicates"].clone())
    };
    assert_eq!(send(json!([snapshot("a"), snapshot("a"), snapshot("b")])).await, (json!(3), json!(1)));
    assert_eq!(send(json!([snapshot("a"), snapshot("c")])).await, (json!(2), json!(1)));
    // another process, which remembers nothing
    let fresh = team.bench.another_process();
    let body = json!({"sessionId": session, "batch": [snapshot("b"), snapshot("d")]});
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let function = super::routed("POST", "/api/data/facial");
    let sent = fresh.send(function, "POST", "/api/data/facial", &headers, body.to_string().as_bytes()).await.unwrap();
    assert_eq!(data(&sent)["duplicates"], 1);
    // the first one goes on without having seen that
    assert_eq!(send(json!([snapshot("d"), snapshot("e")])).await, (json!(2), json!(1)));
    assert_eq!(kept(&team, &session, IngestedStream::Facial).await.len(), 5);
    // the same batch many times at once
    let again = json!({"sessionId": session, "batch": (0..50).map(|n| snapshot(&format!("n{n}"))).collect::<Vec<_>>()});
    let text = again.to_string();
    let calls = (0..8).map(|_| super::send(&team.bench, "POST", "/api/data/facial", &headers, &text));
    let answers = futures_util::future::join_all(calls).await;
    let duplicates: u64 = answers.iter().map(|answer| data(answer)["duplicates"].as_u64().unwrap()).sum();
    assert_eq!(duplicates, 7 * 50);
    assert_eq!(kept(&team, &session, IngestedStream::Facial).await.len(), 55);
}

#[tokio::test]
async fn five_hundred_items_are_one_write() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let event = |n: usize| json!({"eventType": "scroll", "targetSelector": "main", "timestamp": team.at(n as i64), "eventId": format!("e{n}")});
    let batch = |from: usize, count: usize| json!({"sessionId": session, "batch": (from..from + count).map(event).collect::<Vec<_>>()});
    let send = async |body: Value| {
        let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
        let text = body.to_string();
        round_trips::counted(super::send(&team.bench, "POST", "/api/data/events", &headers, &text)).await
    };
    assert_eq!(data(&send(batch(0, 500)).await.0)["accepted"], 500);
    let (answer, cost) = send(batch(500, 500)).await;
    assert_eq!(answer.status, 200);
    // who calls, beside the rate window; the session; the batch
    assert!(cost.sequential <= 3 && cost.calls <= 4, "{cost:?}");
    let id = TestSessionId::from_wire(&session).unwrap();
    assert_eq!(
        team.bench.context.store().ingested(id, IngestedStream::Events).await.unwrap().len(),
        2,
        "one chunk each"
    );
    let (answer, _) = send(batch(0, 501)).await;
    assert_eq!(told(&answer), refused("batch: must contain at most 500 items"));
    // a batch of long texts that do not compress takes several items, and is all there
    let long = |n: usize| {
        let noise: String = (0..40).map(|part| uuid_like(n, part)).collect();
        json!({"eventType": "input", "targetSelector": noise.get(..1_000).unwrap(), "timestamp": team.at(0)})
    };
    let (answer, _) = send(json!({"sessionId": session, "batch": (0..500).map(long).collect::<Vec<_>>()})).await;
    assert_eq!(data(&answer)["accepted"], 500);
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 1_500);
}

fn uuid_like(seed: usize, part: usize) -> String {
    shared::secret::sha256_hex(format!("{seed}/{part}").as_bytes()).chars().take(32).collect()
}

#[tokio::test]
async fn streams_that_are_not_recorded_are_refused() {
    let team = Team::start().await;
    let settings = json!({"recordFacial": false, "recordVoice": false, "recordScreen": false});
    let study = team.study(&json!({"settings": settings})).await;
    let session = team.session(&study).await;
    for (stream, name) in [("events", "interaction"), ("facial", "facial"), ("voice", "voice")] {
        let body = json!({"sessionId": session, "batch": []});
        let answer = team.tester("POST", &format!("/api/data/{stream}"), &body).await;
        assert_eq!(told(&answer), refused(&format!("Study does not record {name} data")));
    }
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    team.tester("PATCH", "/api/me/profile", &json!({"cameraOptOut": true})).await;
    let answer = team.tester("POST", "/api/data/facial", &json!({"sessionId": session, "batch": []})).await;
    assert_eq!(told(&answer), refused("Tester has opted out of facial capture"));
    for (body, text) in [
        (json!({}), "sessionId: is required"),
        (json!({"sessionId": session}), "batch: is required"),
        (json!({"sessionId": session, "batch": {}}), "batch: must be an array"),
    ] {
        assert_eq!(told(&team.tester("POST", "/api/data/events", &body).await), refused(text));
    }
    let unknown = json!({"sessionId": "sess_1", "batch": []});
    assert_eq!(told(&team.tester("POST", "/api/data/events", &unknown).await), (404, "Session not found".to_owned()));
    assert_eq!(ask(&team.bench, &team.owner, "POST", "/api/data/events", &unknown).await.status, 403);
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let broken = super::send(&team.bench, "POST", "/api/data/events", &headers, "{\"sessionId\":").await;
    assert_eq!(told(&broken), (400, "Malformed JSON body".to_owned()));
    let array = super::send(&team.bench, "POST", "/api/data/events", &headers, "[]").await;
    assert_eq!(told(&array), refused("body: must be an object"));
    let large = super::send(&team.bench, "POST", "/api/data/events", &headers, &" ".repeat(1_048_577)).await;
    assert_eq!(told(&large), refused("body: must be at most 1048576 bytes"));
}
