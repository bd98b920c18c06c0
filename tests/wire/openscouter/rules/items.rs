//! What is refused of an item, in each stream (openscouter 2.5, 11).

use harness::{
    Answer,
    openscouter::{
        ask, data,
        ingestion::{batch, begun, kept, post_batch, reasons},
        refused, send,
        team::Team,
        told,
    },
};
use serde_json::{Value, json};
use shared::model::IngestedStream;

/// Sends items of the tester's.
async fn sent(team: &Team, stream: &str, session: &str, batch: Value) -> Answer {
    team.tester("POST", &format!("/api/data/{stream}"), &json!({"sessionId": session, "batch": batch})).await
}

/// The reasons of an answer.
fn texts(answer: &Answer) -> Vec<String> {
    reasons(answer).into_iter().map(|(_, reason)| reason).collect()
}

#[tokio::test]
async fn valid_events_are_kept_and_the_others_reported() {
    let (team, session) = begun().await;
    let send = async |batch: Value| sent(&team, "events", &session, batch).await;
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
    ];
    // what an item need not have is left out
    let dropped = [
        json!({"x": "1"}),
        json!({"scrollY": 10_000_001}),
        json!({"inputLength": -1}),
        json!({"viewport": {"width": 1}}),
        json!({"viewport": {"width": 0, "height": 1}}),
        json!({"url": "javascript:1"}),
        json!({"scrollDepth": 1.1}),
        json!({"taskId": "x".repeat(65)}),
        json!({"eventId": "a b"}),
    ];
    let good = click(json!({"url": "https://x.test/a?secret=1#f", "value": "typed", "x": 1.5, "eventId": "e1"}));
    let batch = cases.iter().map(|(item, _)| item.clone()).chain([good]).chain(dropped.map(click));
    let batch: Vec<_> = batch.collect();
    let answer = send(json!(batch)).await;
    let expected: Vec<_> =
        cases.iter().enumerate().map(|(index, (_, reason))| json!({"index": index, "reason": reason})).collect();
    let told_of = data(&answer);
    assert_eq!(told_of["rejections"], json!(expected));
    assert_eq!(
        (&told_of["accepted"], &told_of["rejected"], &told_of["duplicates"]),
        (&json!(10), &json!(7), &json!(0))
    );
    let kept_now = kept(&team, &session, IngestedStream::Events).await;
    assert_eq!(kept_now.len(), 10);
    let bare = ["eventType", "targetSelector", "at"];
    assert!(kept_now[1..].iter().all(|event| event.as_object().unwrap().keys().eq(bare)), "{kept_now:?}");
    assert_eq!((&kept_now[0]["url"], &kept_now[0]["x"]), (&json!("https://x.test/a"), &json!(1.5)));
    assert!(kept_now[0].get("value").is_none(), "what was typed is not kept");
    assert_eq!(data(&send(json!([])).await)["rejections"], json!([]));
    let only_bad = send(json!([1])).await;
    assert_eq!((only_bad.status, &data(&only_bad)["accepted"]), (200, &json!(0)));
}

#[tokio::test]
async fn valid_snapshots_are_kept_and_the_others_reported() {
    let (team, session) = begun().await;
    let now = team.at(0);
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
    let answer = sent(&team, "facial", &session, facial).await;
    assert_eq!(
        texts(&answer),
        [
            "Missing required field: emotion",
            "emotion: must be 1 to 32 of the characters a-z _",
            "Missing required field: confidence",
            "confidence: must be at most 1",
        ]
    );
    assert_eq!(data(&answer)["accepted"], 4, "a snapshot without a face is kept");
    let kept = kept(&team, &session, IngestedStream::Facial).await;
    assert!(kept[1]["actionUnits"].is_object() && kept[2..].iter().all(|shot| shot.as_object().unwrap().len() == 4));
}

#[tokio::test]
async fn valid_segments_are_kept_and_the_others_reported() {
    let (team, session) = begun().await;
    let now = team.at(0);
    let voice = json!([
        {"timestamp": now, "transcript": "hm", "sentiment": -0.5, "language": "en"},
        {"timestamp": now},
        {"timestamp": now, "endedAt": team.at(-5_000), "transcript": ""},
        {"timestamp": now, "transcript": "x", "language": "xx"},
    ]);
    let answer = sent(&team, "voice", &session, voice).await;
    assert_eq!(texts(&answer), ["Missing required field: transcript"]);
    let kept = kept(&team, &session, IngestedStream::Voice).await;
    assert!(kept[1]["end"].is_null() && kept[2]["language"].is_null(), "{kept:?}");
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
    let broken = send(&team.bench, "POST", "/api/data/events", &headers, "{\"sessionId\":").await;
    assert_eq!(told(&broken), (400, "Malformed JSON body".to_owned()));
    let array = send(&team.bench, "POST", "/api/data/events", &headers, "[]").await;
    assert_eq!(told(&array), refused("body: must be an object"));
    let large = send(&team.bench, "POST", "/api/data/events", &headers, &" ".repeat(1_048_577)).await;
    assert_eq!(told(&large), refused("body: must be at most 1048576 bytes"));
}

#[tokio::test]
async fn snapshots_at_their_edges() {
    let (team, session) = begun().await;
    let units = |count: usize| (0..count).map(|n| (format!("AU{n:02}"), json!(0.5))).collect::<serde_json::Map<_, _>>();
    let shot = |more: Value| {
        let mut item = json!({"timestamp": team.at(0), "emotion": "sad", "confidence": 1});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item.to_string()
    };
    let faces = [
        shot(json!({"actionUnits": units(40)})),
        shot(json!({"actionUnits": units(41)})),
        shot(json!({"actionUnits": {"AU01": 1.5}})),
        shot(json!({"actionUnits": {"AU01": null}})),
        shot(json!({"actionUnits": {"AU1": 1}})),
        shot(json!({"actionUnits": []})),
        shot(json!({"captureIntervalMs": 500.0})),
        shot(json!({"captureIntervalMs": 60_001})),
        shot(json!({"captureIntervalMs": "500"})),
        shot(json!({"faceDetected": "yes"})),
        shot(json!({"emotion": 7})),
        shot(json!({"confidence": -0.1})),
        shot(json!({"confidence": 2})).replace("\"confidence\":2", "\"confidence\":1e400"),
    ];
    let answer = post_batch(&team, "facial", &team.tester, &batch(&session, &faces)).await;
    let expected = [
        (10, "emotion: must be a string"),
        (11, "confidence: must be at least 0"),
        (12, "confidence: must be at most 1"),
    ];
    assert_eq!(reasons(&answer), expected.map(|(place, reason)| (place, reason.to_owned())));
    let kept = kept(&team, &session, IngestedStream::Facial).await;
    assert_eq!(kept[0]["actionUnits"].as_object().unwrap().len(), 40);
    let bare = |shot: &Value| shot["actionUnits"].is_null() && shot["captureIntervalMs"].is_null();
    assert!(kept.len() == 10 && kept[1..].iter().all(bare), "{kept:?}");
    assert_eq!(kept[9]["faceDetected"], true, "what is no answer is none");
}

#[tokio::test]
async fn segments_at_their_edges() {
    let (team, session) = begun().await;
    let said = |more: Value| {
        let mut item = json!({"timestamp": team.at(0), "transcript": "hm"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item.to_string()
    };
    let voices = [
        said(json!({"transcript": "é".repeat(5_000), "sentiment": -1, "endedAt": team.at(900)})),
        said(json!({"transcript": "x".repeat(5_001)})),
        said(json!({"sentiment": -1.01})),
        said(json!({"sentiment": 1.01})),
        said(json!({"confidence": 1.01})),
        said(json!({"endedAt": "soon"})),
        said(json!({"endedAt": 7})),
        said(json!({"endedAt": team.at(-2_000)})),
        said(json!({"language": "EN"})),
    ];
    let answer = post_batch(&team, "voice", &team.tester, &batch(&session, &voices)).await;
    let expected = [(1, "transcript: must be at most 5000 characters")];
    assert_eq!(reasons(&answer), expected.map(|(place, reason)| (place, reason.to_owned())));
    let kept = kept(&team, &session, IngestedStream::Voice).await;
    assert!(kept[0]["end"].is_i64() && kept[0]["sentiment"] == -1, "{:?}", kept[0]["end"]);
    assert!(kept[1..7].iter().all(|said| said.as_object().unwrap().len() == 2), "{:?}", &kept[1..7]);
    assert_eq!(kept[7]["language"], "en");
}
