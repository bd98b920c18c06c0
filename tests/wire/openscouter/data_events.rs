//! `POST /api/data/events`: events of a test session (openscouter 11.1, 11.2).

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use harness::{
    functions::{Api, routed},
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
    let headers = [("authorization", team.tester.as_str()), ("content-type", "text/html")];
    let plain = send(&team.bench, "POST", "/api/data/events", &headers, &batch(&session, &[])).await;
    assert_eq!(told(&plain), (400, "Unsupported content type".to_owned()));
    for (text, reason) in [
        (r#"{"sessionId":7,"batch":[]}"#, "sessionId: must be a string"),
        (r#"{"sessionId":"\ud83d","batch":[]}"#, "sessionId: must not contain control characters"),
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
        (1, "targetSelector: must not contain control characters"),
        (7, "must be an object"),
        (8, "must be an object"),
    ];
    assert_eq!(reasons(&answer), expected.map(|(place, reason)| (place, reason.to_owned())));
    let kept = kept(&team, &session, IngestedStream::Events).await;
    let xs: Vec<_> = kept.iter().map(|item| item["x"].clone()).collect();
    let none = Value::Null;
    assert_eq!(xs, [none.clone(), none.clone(), none.clone(), none.clone(), none.clone(), none, json!(2), json!(3)]);
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
    assert_eq!(reasons(&answer), [], "what an item need not have costs no item");
    assert_eq!(data(&answer)["duplicates"], 1, "an id is trimmed before it is compared");
    let first = kept(&team, &session, IngestedStream::Events).await;
    assert_eq!((&first[0]["id"], &first[0]["taskId"]), (&json!("e1"), &json!("task_1")));
    assert_eq!(first[0]["url"], "http://localhost/a/b", "scheme, host and path");
    for bare in &first[1..9] {
        assert_eq!(bare.as_object().unwrap().len(), 3, "{bare}");
    }
    assert_eq!(first[10]["targetSelector"], "a[title=\"x\"] é");
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
async fn optional_members_as_browsers_send_them() {
    let (team, session) = begun().await;
    let query = format!(r#","url":"https://proto.example/c?q={}#top""#, "x".repeat(3_000));
    let items = [
        click(&team, r#","viewport":{"width":0,"height":0},"x":null"#),
        click(&team, r#","scrollDepth":1.0004,"viewport":{"width":375,"height":667}"#),
        click(&team, r#","scrollDepth":-0.0000001"#),
        click(&team, r#","scrollDepth":1.1"#),
        click(&team, &query),
        click(&team, r#","url":"about:blank","y":"7""#),
    ];
    let answer = post_batch(&team, "events", &team.tester, &batch(&session, &items)).await;
    assert_eq!((&data(&answer)["accepted"], &data(&answer)["rejections"]), (&json!(6), &json!([])));
    let events = kept(&team, &session, IngestedStream::Events).await;
    let told: Vec<_> = events.iter().map(|event| [&event["viewport"], &event["scrollDepth"], &event["url"]]).collect();
    let none = &Value::Null;
    assert_eq!(told[0], [none; 3]);
    assert_eq!(told[1], [&json!({"width": 375, "height": 667}), &json!(1), none]);
    assert_eq!(told[2], [none, &json!(0), none]);
    assert_eq!([told[3], told[5]], [[none; 3]; 2]);
    assert_eq!(told[4], [none, none, &json!("https://proto.example/c")]);

    let said = |more: Value| {
        let mut segment = json!({"timestamp": team.at(0), "transcript": "I am stuck"});
        segment.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        segment.to_string()
    };
    let segments = [
        said(json!({"language": "en-US", "confidence": 1.000_000_119})),
        said(json!({"language": "pt_BR", "sentiment": -1.000_1})),
        said(json!({"language": "english", "sentiment": 3})),
        said(json!({"endedAt": team.at(90_000)})),
        said(json!({"endedAt": team.at(-1)})),
        said(json!({"endedAt": team.at(500)})),
    ];
    let answer = post_batch(&team, "voice", &team.tester, &batch(&session, &segments)).await;
    assert_eq!(reasons(&answer), []);
    let kept = kept(&team, &session, IngestedStream::Voice).await;
    let told: Vec<_> = kept.iter().map(|one| [&one["language"], &one["confidence"], &one["sentiment"]]).collect();
    assert_eq!(told[0], [&json!("en"), &json!(1), none]);
    assert_eq!(told[1], [&json!("pt"), none, &json!(-1)]);
    assert_eq!(told[2], [none; 3]);
    let ends: Vec<_> = kept.iter().map(|one| one["end"].is_null()).collect();
    assert_eq!(ends, [true, true, true, true, true, false], "an end has the bounds of its beginning");
}

#[tokio::test]
async fn a_batch_that_comes_again_is_known_without_ids() {
    let (team, session) = begun().await;
    let one = click(&team, "");
    let other = click(&team, r#","x":1"#);
    let sent = async |items: &[String]| {
        let answer = post_batch(&team, "events", &team.tester, &batch(&session, items)).await;
        (data(&answer)["accepted"].clone(), data(&answer)["duplicates"].clone())
    };
    // of two in one batch nobody knows that they are one
    assert_eq!(sent(&[one.clone(), one.clone()]).await, (json!(2), json!(0)));
    assert_eq!(sent(&[one.clone(), one.clone(), other.clone()]).await, (json!(3), json!(2)));
    // another order of members, and one that is dropped, are the same item
    let parts: serde_json::Map<String, Value> = serde_json::from_str(&other).unwrap();
    let turned: Vec<_> = parts.iter().rev().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    assert_eq!(sent(&[format!("{{\"value\":7,{}}}", turned.join(","))]).await, (json!(1), json!(1)));
    // another process, which remembers nothing
    let fresh = team.bench.another_process();
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let body = batch(&session, &[one, other, click(&team, r#","x":2"#)]);
    let function = routed(Api::OpenScouter, "POST", "/api/data/events");
    let answer = fresh.send(function, "POST", "/api/data/events", &headers, body.as_bytes()).await.unwrap();
    assert_eq!(data(&answer)["duplicates"], 2);
    assert_eq!(kept(&team, &session, IngestedStream::Events).await.len(), 4);
}

#[tokio::test]
async fn a_device_s_clock_is_set_by_its_own_word() {
    const FAST: i64 = 600_000;
    let (team, session) = begun().await;
    // times beside that of the arrival, which is a second from now
    let event =
        |millis: i64| json!({"eventType": "click", "targetSelector": "#a", "timestamp": team.at(millis + 1_000)});
    let sent = |item: &Value, at: i64| json!({"sessionId": session, "sentAt": team.at(at + 1_000), "batch": [item]});
    let post = async |body: &Value| post_batch(&team, "events", &team.tester, &body.to_string()).await;
    let first = event(FAST - 500);
    let mut expected = Vec::new();
    // what a batch takes to come is no fault of the clock
    for (item, at, ours) in [(first.clone(), FAST, -500), (event(-FAST + 500), -FAST, -500), (event(1_600), -900, -400)]
    {
        let answer = post(&sent(&item, at)).await;
        assert_eq!((&data(&answer)["accepted"], reasons(&answer)), (&json!(1), vec![]), "{at}");
        let arrival = OffsetDateTime::parse(&team.at(ours), &Rfc3339).unwrap();
        expected.push(i64::try_from(arrival.unix_timestamp_nanos() / 1_000_000).unwrap());
    }
    let times = kept(&team, &session, IngestedStream::Events).await;
    assert_eq!(times.len(), expected.len());
    for (event, expected) in times.iter().zip(expected) {
        // our own clock goes on meanwhile
        let off = expected - event["at"].as_i64().unwrap();
        assert!((0..900).contains(&off), "{off}");
    }
    // sent once more, later: the same item
    assert_eq!(data(&post(&sent(&first, FAST)).await)["duplicates"], 1);
    let outside = post(&sent(&event(0), FAST)).await;
    assert_eq!(reasons(&outside), [(0, "timestamp: is outside the session".to_owned())]);
    for (at, reason) in [(json!("now"), "must be an ISO 8601 timestamp"), (json!(7), "must be a string")] {
        let body = json!({"sessionId": session, "sentAt": at, "batch": []});
        assert_eq!(told(&post(&body).await), refused(&format!("sentAt: {reason}")));
    }
    let none = post(&json!({"sessionId": session, "sentAt": null, "batch": []})).await;
    assert_eq!(none.status, 200);
}

#[tokio::test]
async fn beacons_and_packed_bodies() {
    let (team, session) = begun().await;
    let post = async |media: &str, encoding: &str, body: &[u8]| {
        let headers =
            [("authorization", team.tester.as_str()), ("content-type", media), ("content-encoding", encoding)];
        let function = routed(Api::OpenScouter, "POST", "/api/data/events");
        team.bench.send(function, "POST", "/api/data/events", &headers, body).await.unwrap()
    };
    let packed = |text: &str| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let body = |x: u8| batch(&session, &[click(&team, &format!(r#","x":{x}"#))]);
    let beacon = post("text/plain;charset=UTF-8", "", body(1).as_bytes()).await;
    assert_eq!(data(&beacon)["accepted"], 1);
    for (x, encoding) in [(2, "gzip"), (3, "X-GZIP")] {
        assert_eq!(data(&post("application/json", encoding, &packed(&body(x))).await)["accepted"], 1);
    }
    assert_eq!(data(&post("application/json", "identity", body(4).as_bytes()).await)["accepted"], 1);
    let malformed = (400, "Malformed JSON body".to_owned());
    assert_eq!(told(&post("application/json", "gzip", body(5).as_bytes()).await), malformed);
    let whole = packed(&body(5));
    assert_eq!(told(&post("application/json", "gzip", &whole[..whole.len() - 9]).await), malformed);
    let other = post("application/json", "br", &whole).await;
    assert_eq!(told(&other), (400, "Unsupported content encoding".to_owned()));
    let bomb = packed(&format!("{}{}", " ".repeat(40_000_000), body(5)));
    assert_eq!(told(&post("text/plain", "gzip", &bomb).await), refused("body: must be at most 1048576 bytes"));
    let kept = kept(&team, &session, IngestedStream::Events).await;
    assert_eq!(kept.iter().map(|event| event["x"].clone()).collect::<Vec<_>>(), [1, 2, 3, 4].map(Value::from));
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
