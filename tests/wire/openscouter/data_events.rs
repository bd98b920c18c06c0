//! `POST /api/data/events`: events of a test session (openscouter 11.1, 11.2).

use harness::{
    openscouter::{
        data,
        ingestion::{batch, begun, click, kept, post_batch, reasons},
        read, refused, send,
        team::Team,
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{IngestedStream, TestSessionId},
    store::round_trips,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

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
        round_trips::counted(send(&team.bench, "POST", "/api/data/events", &headers, &text)).await
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
async fn bodies_are_read_as_they_stand() {
    let (team, session) = begun().await;
    let of = async |body: &str| post_batch(&team, "events", &team.tester, body).await;
    let headers = [("authorization", team.tester.as_str()), ("content-type", "text/plain")];
    let plain = send(&team.bench, "POST", "/api/data/events", &headers, &batch(&session, &[])).await;
    assert_eq!(told(&plain), (400, "Unsupported content type".to_owned()));
    for (text, reason) in [
        (r#"{"sessionId":7,"batch":[]}"#, "sessionId: must be a string"),
        (r#"{"sessionId":"\ud83d","batch":[]}"#, "sessionId: must be a string"),
        (r#"{"sessionId":null,"batch":[]}"#, "sessionId: is required"),
        (r#"{"sessionId":" ","batch":[]}"#, "sessionId: must not be empty"),
        ("", "sessionId: is required"),
        (" 7 ", "body: must be an object"),
        ("\"\\ud83d\"", "body: must be an object"),
    ] {
        assert_eq!(told(&of(text).await), refused(reason), "{text}");
    }
    for text in ["{", "[1", "{\"sessionId\":\"x\",\"batch\":[}", "{} {}", "{\"a\":01}", "nil", "{\"batch\":[\"\n\"]}"] {
        assert_eq!(told(&of(text).await), (400, "Malformed JSON body".to_owned()), "{text}");
    }
    // of repeated keys the last counts, however it is written
    let (one, bad) = (click(&team, ""), "7".to_owned());
    let twice = format!(r#"{{"batch":[{bad},{bad}],"sessionId":"x","\u0062atch":[{one}],"sessionId":"{session}"}}"#);
    let answer = of(&twice).await;
    assert_eq!((&data(&answer)["accepted"], &data(&answer)["rejected"]), (&json!(1), &json!(0)));
    let emptied = format!(r#"{{"sessionId":"{session}","batch":[{one}],"batch":null}}"#);
    assert_eq!(told(&of(&emptied).await), refused("batch: is required"));
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 1);
}

#[tokio::test]
async fn what_no_value_holds_is_one_item_s_fault() {
    let (team, session) = begun().await;
    let good = click(&team, "");
    let deep = format!("{}1{}", "[".repeat(125), "]".repeat(125));
    let items = [
        good.clone(),
        good.replace("#pay", "\\ud83d"),
        click(&team, r#","x":1e999"#),
        click(&team, r#","timeOnElementMs":1e999"#),
        click(&team, r#","value":"\ud83d","other":1e999,"\ud83d":1"#),
        click(&team, &format!(r#","value":{deep}"#)),
        click(&team, &format!(r#","viewport":{deep}"#)),
        r#""\ud83d""#.to_owned(),
        "1e999".to_owned(),
        click(&team, r#","x":"1","x":2"#),
        click(&team, r#","\u0078":3"#),
    ];
    let answer = post_batch(&team, "events", &team.tester, &batch(&session, &items)).await;
    let expected = [
        (1, "targetSelector: must be a string"),
        (2, "x: must be a number"),
        (3, "timeOnElementMs: must be a number"),
        (6, "viewport: must be an object"),
        (7, "must be an object"),
        (8, "must be an object"),
    ];
    assert_eq!(reasons(&answer), expected.map(|(place, reason)| (place, reason.to_owned())));
    let kept = kept(&team, &session, IngestedStream::Events).await;
    let xs: Vec<_> = kept.iter().map(|item| item["x"].clone()).collect();
    assert_eq!(xs, [Value::Null, Value::Null, Value::Null, json!(2), json!(3)]);
}

#[tokio::test]
async fn texts_are_trimmed_and_addresses_bare() {
    let (team, session) = begun().await;
    let long = format!(r#","url":"https://x.test/{}""#, "a".repeat(2_034));
    let items = [
        click(&team, r#","eventId":" e1\t","taskId":" task_1 ","url":" http://localhost:5173/a/b?c=d#e ""#),
        click(&team, r#","eventId":"e1""#),
        click(&team, r#","url":"https://tess:secret@x.test/""#),
        click(&team, r#","url":"https://tess@x.test/""#),
        click(&team, &long),
        click(&team, r#","url":"ftp://x.test/""#),
        click(&team, r#","url":7"#),
        click(&team, r#","eventId":" ""#),
        click(&team, r#","taskId":"a\u0000b""#),
        click(&team, &format!(r#","eventId":"{}""#, "x".repeat(65))),
        click(&team, r#","x":-1.50e1,"y":0.0,"viewport":{"height":0.5,"width":1e3,"depth":9}"#),
        click(&team, r##","targetSelector":" a[title=\"x\"] \u00e9 ""##),
    ];
    let answer = post_batch(&team, "events", &team.tester, &batch(&session, &items)).await;
    let expected = [
        (2, "url: must not contain credentials"),
        (3, "url: must not contain credentials"),
        (4, "url: must be at most 2048 characters"),
        (5, "url: must be an http or https URL"),
        (6, "url: must be a string"),
        (7, "eventId: must not be empty"),
        (8, "taskId: must not contain control characters"),
        (9, "eventId: must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -"),
    ];
    assert_eq!(reasons(&answer), expected.map(|(place, reason)| (place, reason.to_owned())));
    assert_eq!(data(&answer)["duplicates"], 1, "an id is trimmed before it is compared");
    let first = kept(&team, &session, IngestedStream::Events).await;
    assert_eq!((&first[0]["id"], &first[0]["taskId"]), (&json!("e1"), &json!("task_1")));
    assert_eq!(first[0]["url"], "http://localhost/a/b", "scheme, host and path");
    assert_eq!(first[2]["targetSelector"], "a[title=\"x\"] é");
    let id = shared::model::TestSessionId::from_wire(&session).unwrap();
    let stored = team.bench.context.store().ingested(id, IngestedStream::Events).await.unwrap();
    let text = String::from_utf8(stored.concat()).unwrap();
    assert!(text.contains(r#""x":-1.50e1,"y":0.0,"viewport":{"width":1e3,"height":0.5}"#), "{text}");

    let snapshot = |emotion: &str| {
        json!({"timestamp": team.at(0), "emotion": emotion, "confidence": 1, "snapshotId": " s "}).to_string()
    };
    let faces = [snapshot(" angry "), snapshot("sad"), snapshot(""), snapshot(&"x".repeat(33))];
    let answer = post_batch(&team, "facial", &team.tester, &batch(&session, &faces)).await;
    let expected = [(2, "emotion: must not be empty"), (3, "emotion: must be 1 to 32 of the characters a-z _")];
    assert_eq!(reasons(&answer), expected.map(|(place, reason)| (place, reason.to_owned())));
    let kept = kept(&team, &session, IngestedStream::Facial).await;
    assert_eq!(kept.len(), 1, "the second has the first one's id");
    assert_eq!((&kept[0]["emotion"], &kept[0]["id"]), (&json!("angry"), &json!("s")));
}

#[tokio::test]
async fn times_at_the_edges_of_the_session() {
    let (team, session) = begun().await;
    let seen = data(&read(&team.bench, &team.tester, &format!("/api/sessions/{session}")).await);
    let started = OffsetDateTime::parse(seen["startedAt"].as_str().unwrap(), &Rfc3339).unwrap();
    let at = |time: OffsetDateTime| time.format(&Rfc3339).unwrap();
    let event = |time: String| json!({"eventType": "click", "targetSelector": "#a", "timestamp": time}).to_string();
    let items = [
        event(at(started - Duration::seconds(60))),
        event(at(started - Duration::milliseconds(60_001))),
        event(team.at(59_000)),
        event(team.at(120_000)),
        event("2026-03-16T10:14:30".to_owned()),
    ];
    let answer = post_batch(&team, "events", &team.tester, &batch(&session, &items)).await;
    let outside = "timestamp: is outside the session".to_owned();
    let odd = "timestamp: must be an ISO 8601 timestamp".to_owned();
    assert_eq!(reasons(&answer), [(1, outside.clone()), (3, outside), (4, odd)]);
}

#[tokio::test]
async fn a_test_token_sends_to_its_own_session_alone() {
    let (team, session) = begun().await;
    let other = team.study(&json!({"title": "Another one"})).await;
    let token = team.test_token(&other).await;
    let body = batch(&session, &[click(&team, "")]);
    assert_eq!(told(&post_batch(&team, "events", &token, &body).await), (404, "Session not found".to_owned()));
    assert!(kept(&team, &session, IngestedStream::Events).await.is_empty());
    let own = team.session(&other).await;
    let answer = post_batch(&team, "events", &token, &batch(&own, &[click(&team, "")])).await;
    assert_eq!(data(&answer)["accepted"], 1);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let item = json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(0)});
    let body = json!({"sessionId": session, "batch": [item, 7]});
    let answer = team.tester("POST", "/api/data/events", &body).await;
    snapshot!("data-events", &answer);
}
