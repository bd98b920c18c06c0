//! Where a session ends (openscouter 10.2, 12.5): whatever was accepted while it ran is analysed, to the millisecond.

use harness::{
    Random,
    openscouter::{data, send, team::Team, work},
};
use serde_json::{Value, json};
use shared::{
    clock::{epoch_millis, from_epoch_millis},
    openscouter::format::millis,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// How an end is said.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// Not at all: it is now.
    Nothing,
    /// Cut to whole seconds.
    Seconds,
    /// In milliseconds.
    Millis,
    /// With all that a timestamp can hold.
    Nanos,
}

fn text(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap()
}

/// The instant that is so many milliseconds after the Unix epoch.
fn instant(at: i64) -> OffsetDateTime {
    from_epoch_millis(at).unwrap()
}

fn now(team: &Team) -> i64 {
    epoch_millis(team.bench.context.clock().now())
}

/// A request of the tester's, in the same moment as the one before.
async fn at_once(team: &Team, path: &str, body: &Value) -> Value {
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let answer = send(&team.bench, "POST", path, &headers, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    data(&answer)
}

/// Sends a batch, all of which is accepted.
async fn accepted(team: &Team, session: &str, stream: &str, batch: &[Value]) {
    let taken = at_once(team, &format!("/api/data/{stream}"), &json!({"sessionId": session, "batch": batch})).await;
    assert_eq!((&taken["accepted"], &taken["rejections"]), (&json!(batch.len()), &json!([])));
}

/// Sends what makes a moment with its last item alone, which is captured at `last`: its stream, its type and its time.
async fn send_moment(team: &Team, session: &str, stream: usize, last: i64) -> (&'static str, &'static str, String) {
    let (name, kind, before, item): (_, _, &[i64], _) = match stream {
        0 => ("events", "rage_click", &[400, 200, 0], json!({"eventType": "click", "targetSelector": "#pay"})),
        1 => ("facial", "confusion", &[300, 0], json!({"emotion": "frustrated", "confidence": 1})),
        _ => ("voice", "confusion", &[0], json!({"transcript": "I am stuck"})),
    };
    let at = |before: i64| {
        let mut item = item.clone();
        item["timestamp"] = json!(text(instant(last - before)));
        item
    };
    let batch: Vec<_> = before.iter().map(|before| at(*before)).collect();
    accepted(team, session, name, &batch).await;
    (name, kind, millis(last - before[0]))
}

/// The analyst's notes on a session that is over: type and time.
async fn notes(team: &Team, session: &str) -> Vec<(String, String)> {
    let asked = team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    work(&team.bench).await;
    let notes = data(&team.tester("GET", &format!("/api/sessions/{session}/notes"), &Value::Null).await);
    let of = |note: &Value, name: &str| note[name].as_str().unwrap().to_owned();
    notes["notes"].as_array().unwrap().iter().map(|note| (of(note, "type"), of(note, "timestamp"))).collect()
}

#[tokio::test]
async fn a_double_click_that_was_sent_twice_is_no_anger() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::seconds(60));
    let began = now(&team) - 30_000;
    let item = |kind: &str, target: &str, after: i64| json!({"eventType": kind, "targetSelector": target, "timestamp": text(instant(began + after))});
    // a double click that was answered; whoever lost the answer sends it again, without ids
    let batch = [
        item("focus", "#row", 1_000),
        item("click", "#row", 2_000),
        item("click", "#row", 2_180),
        item("navigation", "body", 2_300),
    ];
    accepted(&team, &session, "events", &batch).await;
    let body = json!({"sessionId": session, "batch": batch});
    let again = data(&team.tester("POST", "/api/data/events", &body).await);
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(4), &json!(4)));
    at_once(&team, &format!("/api/sessions/{session}/complete"), &json!({})).await;
    assert_eq!(notes(&team, &session).await, []);
}

#[tokio::test]
async fn angry_clicks_of_the_last_second_are_a_finding() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::milliseconds(60_300 - now(&team).rem_euclid(1_000)));
    let last = now(&team);
    let click =
        |before| json!({"eventType": "click", "targetSelector": "#pay", "timestamp": text(instant(last - before))});
    accepted(&team, &session, "events", &[click(240), click(160), click(80), click(0)]).await;
    at_once(&team, &format!("/api/sessions/{session}/complete"), &json!({})).await;
    team.confirm(&session, &team.tester).await;
    let report = team.reported(&session).await;
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &findings[0]["type"]), (1, &json!("rage_click")));
    assert_eq!(report["accessibilityScore"], 90);
}

#[tokio::test]
async fn whatever_was_accepted_is_analysed() {
    let team = Team::start().await;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let pick = |random: &mut Random, from: i64, to: i64| {
        from + i64::try_from(random.below(usize::try_from(to - from + 1).unwrap())).unwrap()
    };
    for case in 0..24 {
        let study = team.study(&json!({})).await;
        team.approve(&study).await;
        let session = team.session(&study).await;
        team.bench.advance(Duration::milliseconds(60_000 + pick(&mut random, 0, 999)));
        // the client's clock may go before ours or behind it
        let last = now(&team) + pick(&mut random, -20_000, 20_000);
        let near = [-1, 0, 1, pick(&mut random, -1_500, 1_500), pick(&mut random, -30_000, 30_000)];
        let end = instant(last + near[random.below(near.len())]);
        let said = [Said::Nothing, Said::Seconds, Said::Millis, Said::Nanos][case % 4];
        let sent = send_moment(&team, &session, random.below(3), last).await;
        let body = match said {
            Said::Nothing => json!({}),
            Said::Seconds => json!({"completedAt": text(end.replace_nanosecond(0).unwrap())}),
            Said::Millis => json!({"completedAt": text(end)}),
            Said::Nanos => json!({"completedAt": text(end + Duration::nanoseconds(999_999))}),
        };
        let ended = at_once(&team, &format!("/api/sessions/{session}/complete"), &body).await;
        if !matches!(said, Said::Nothing) {
            let printed = text(end.replace_nanosecond(0).unwrap());
            assert_eq!(ended["completedAt"], printed, "what is printed has whole seconds");
        }
        let (stream, kind, at) = sent;
        let case = format!("case {case}: {stream} to {}, {body}", millis(last));
        assert_eq!(notes(&team, &session).await, [(kind.to_owned(), at)], "{case}");
    }
}

#[tokio::test]
async fn what_came_in_before_the_guard_did_is_analysed() {
    let team = Team::start().await;
    let study = team.study(&json!({"settings": {"maxDurationMinutes": 5}})).await;
    team.approve(&study).await;
    let session = team.session(&study).await;
    team.bench.advance(Duration::minutes(10));
    let (_, kind, at) = send_moment(&team, &session, 0, now(&team)).await;
    team.bench.advance(Duration::minutes(11));
    work(&team.bench).await;
    let seen = data(&team.owner("GET", &format!("/api/sessions/{session}"), &Value::Null).await);
    assert_eq!((&seen["abandoned"], &seen["durationSeconds"]), (&json!(true), &json!(300)));
    assert_eq!(notes(&team, &session).await, [(kind.to_owned(), at)]);
}
