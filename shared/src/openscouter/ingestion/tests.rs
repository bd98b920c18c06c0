//! Random batches beside rules that are written once more from the contract's tables (openscouter 11.2, 11.3).

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::datetime};

use super::{fields::ROUNDED, *};

const WINDOW: Window = Window { from: datetime!(2026-03-16 10:00:00 UTC), to: datetime!(2026-03-16 11:00:00 UTC) };

/// What is kept of items.
type Items = Vec<Map<String, Value>>;

/// What is kept of a batch, and what is said of the rest.
fn told(stream: IngestedStream, text: &str) -> (Items, Vec<(usize, String)>) {
    let (batch, rejections) = judged(stream, WINDOW, text, IngestedBatch::default());
    let kept: Items = serde_json::from_str(&batch.json()).unwrap();
    assert_eq!(kept.len(), batch.len());
    (kept, rejections.into_iter().map(|rejection| (rejection.index, rejection.reason)).collect())
}

/// What fields can be sent: mostly what they should be.
fn sent(name: &'static str) -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        Just(json!("")),
        Just(json!(" x ")),
        Just(json!("a\u{1}")),
        Just(json!("é".repeat(70))),
        Just(json!("x".repeat(5_001))),
        Just(json!([1])),
        Just(json!({"width": 1})),
        Just(json!(-1)),
        Just(json!(0.5)),
        Just(json!(1e12)),
    ];
    let good = match name {
        "eventType" => prop_oneof![Just(json!("click")), Just(json!(" blur ")), Just(json!("hover"))].boxed(),
        "timestamp" | "endedAt" => {
            (0_u32..70, 0_u32..1_000).prop_map(|(m, ms)| json!(format!("2026-03-16T10:{m:02}:00.{ms:03}Z"))).boxed()
        }
        "x" | "y" | "scrollY" => (-10_000_001.0..10_000_001.0).prop_map(Value::from).boxed(),
        "viewport" => {
            (-1..9, 1..9).prop_map(|(width, height)| json!({"width": width, "height": height, "d": 1})).boxed()
        }
        "url" => prop_oneof![
            Just(json!("https://x.test:8080/a?b=c#d")),
            Just(json!("http://tess@x.test/")),
            Just(json!("data:image/png;base64,AA")),
        ]
        .boxed(),
        "faceDetected" => any::<bool>().prop_map(Value::from).boxed(),
        "actionUnits" => ("AU?[0-9]{1,2}", 0.0..1.1).prop_map(|(name, strength)| json!({name: strength})).boxed(),
        "captureIntervalMs" => prop_oneof![Just(json!(100)), Just(json!(60_001)), Just(json!(100.0))].boxed(),
        "language" => prop_oneof![Just(json!("en")), Just(json!("EN-us")), Just(json!("xx"))].boxed(),
        "confidence" | "scrollDepth" | "sentiment" | "inputLength" | "timeOnElementMs" => {
            (-1.5..1.5).prop_map(Value::from).boxed()
        }
        _ => prop_oneof![Just(json!("angry")), Just(json!("e.1:_-")), "[a-z]{1,3}".prop_map(Value::from)].boxed(),
    };
    prop_oneof![9 => good, 1 => odd].boxed()
}

fn fields(stream: IngestedStream) -> &'static [&'static str] {
    match stream {
        IngestedStream::Events => &[
            "eventType",
            "targetSelector",
            "timestamp",
            "x",
            "y",
            "scrollY",
            "inputLength",
            "viewport",
            "eventId",
            "taskId",
            "url",
            "scrollDepth",
            "timeOnElementMs",
        ],
        IngestedStream::Facial => {
            &["timestamp", "faceDetected", "emotion", "confidence", "actionUnits", "captureIntervalMs", "snapshotId"]
        }
        IngestedStream::Voice => {
            &["timestamp", "endedAt", "transcript", "confidence", "sentiment", "language", "segmentId"]
        }
    }
}

fn item(stream: IngestedStream) -> impl Strategy<Value = Value> {
    let known = fields(stream).iter().map(|name| {
        let required = ["eventType", "targetSelector", "timestamp", "emotion", "confidence", "transcript"];
        let often = if required.contains(name) { 0.97 } else { 0.4 };
        proptest::option::weighted(often, sent(name)).prop_map(move |value| (*name, value))
    });
    let known: Vec<_> = known.collect();
    let unknown = proptest::option::of(Just(json!({"value": "typed", "image": "data:image/png;base64,AA"})));
    let object = (known, unknown).prop_map(|(known, unknown)| {
        let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let unknown = unknown.into_iter().flat_map(|more| more.as_object().cloned().unwrap_or_default());
        Value::Object(unknown.chain(known).collect())
    });
    prop_oneof![30 => object, 1 => Just(json!(7)), 1 => Just(json!([{}])), 1 => Just(json!("{}"))]
}

fn stream() -> impl Strategy<Value = IngestedStream> {
    prop_oneof![Just(IngestedStream::Events), Just(IngestedStream::Facial), Just(IngestedStream::Voice)]
}

fn within(value: &Value, least: f64, most: f64) -> bool {
    value.as_f64().is_some_and(|number| (least..=most).contains(&number))
}

fn text(value: &Value, least: usize, most: usize) -> bool {
    value
        .as_str()
        .map(str::trim)
        .is_some_and(|text| (least..=most).contains(&text.chars().count()) && !text.contains('\u{1}'))
}

fn instant(value: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value.as_str()?.trim(), &time::format_description::well_known::Rfc3339).ok()
}

/// Whether a field may be what was sent for it.
fn fits(name: &str, value: &Value, item: &Value) -> bool {
    let words = |most: usize, class: &dyn Fn(char) -> bool| {
        text(value, 1, most) && value.as_str().unwrap_or_default().trim().chars().all(class)
    };
    match name {
        "eventType" => ["click", "scroll", "input", "focus", "blur", "navigation", "error"]
            .contains(&value.as_str().unwrap_or_default().trim()),
        "targetSelector" => text(value, 1, 1_024),
        "timestamp" => instant(value).is_some_and(|time| (WINDOW.from..=WINDOW.to).contains(&time)),
        "endedAt" => instant(value).is_some_and(|time| Some(time) >= instant(&item["timestamp"]) && time <= WINDOW.to),
        "x" | "y" | "scrollY" => within(value, -1e7, 1e7),
        "inputLength" | "timeOnElementMs" => within(value, 0.0, f64::MAX),
        "viewport" => ["width", "height"].iter().all(|side| value[side].as_f64().is_some_and(|side| side > 0.0)),
        "eventId" | "snapshotId" | "segmentId" => words(64, &|c| c.is_ascii_alphanumeric() || "._:-".contains(c)),
        "taskId" => text(value, 0, 64),
        "url" => value == "https://x.test:8080/a?b=c#d",
        "scrollDepth" | "confidence" => within(value, -ROUNDED, 1.0 + ROUNDED),
        "sentiment" => within(value, -1.0 - ROUNDED, 1.0 + ROUNDED),
        "faceDetected" => value.is_boolean(),
        "emotion" => words(32, &|c| c.is_ascii_lowercase() || c == '_'),
        "actionUnits" => value.as_object().is_some_and(|units| {
            let named = |name: &str| name.len() == 4 && name.starts_with("AU") && name[2..].parse::<u32>().is_ok();
            units.iter().all(|(name, strength)| named(name) && within(strength, -ROUNDED, 1.0 + ROUNDED))
        }),
        "captureIntervalMs" => value.as_i64().is_some_and(|milliseconds| (100..=60_000).contains(&milliseconds)),
        "transcript" => text(value, 0, 5_000),
        "language" => value.as_str().is_some_and(|code| ["en", "EN-us"].contains(&code.trim())),
        _ => false,
    }
}

/// Whether an item must have a field.
fn required(stream: IngestedStream, name: &str, item: &Value) -> bool {
    match name {
        "eventType" | "targetSelector" | "timestamp" | "transcript" => true,
        "emotion" | "confidence" => stream == IngestedStream::Facial && item["faceDetected"] != json!(false),
        _ => false,
    }
}

/// The first field of an item that it must have, and which is not there or breaks its rule; empty for what is no object.
fn violated(stream: IngestedStream, item: &Value) -> Option<&'static str> {
    if !item.is_object() {
        return Some("");
    }
    fields(stream).iter().copied().find(|name| required(stream, name, item) && !fits(name, &item[*name], item))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn items_are_judged_as_the_tables_say(
        (stream, items) in stream().prop_flat_map(|stream| (Just(stream), proptest::collection::vec(item(stream), 0..12))),
        pretty in any::<bool>(),
    ) {
        let text = if pretty { serde_json::to_string_pretty(&items) } else { serde_json::to_string(&items) };
        let (kept, rejections) = told(stream, &text.unwrap());
        let expected: Vec<_> = items.iter().enumerate().filter_map(|(index, item)| Some((index, violated(stream, item)?))).collect();
        prop_assert_eq!(rejections.iter().map(|(index, _)| *index).collect::<Vec<_>>(), expected.iter().map(|(index, _)| *index).collect::<Vec<_>>());
        for ((_, reason), (_, name)) in rejections.iter().zip(&expected) {
            let missing = format!("Missing required field: {name}");
            let named = reason.starts_with(*name) || reason.starts_with(&missing);
            prop_assert!(named && (!name.is_empty() || reason == "must be an object"), "{} for {}", reason, name);
        }
        let valid = items.iter().filter(|item| violated(stream, item).is_none());
        for (kept, item) in kept.iter().zip(valid) {
            for (name, value) in kept {
                let source = match name.as_str() {
                    "at" => "timestamp",
                    "end" => "endedAt",
                    "id" => ["eventId", "snapshotId", "segmentId"].into_iter().find(|id| fields(stream).contains(id)).unwrap(),
                    name => name,
                };
                prop_assert!(fields(stream).contains(&source), "{} is no field", name);
                let sent = &item[source];
                match (name.as_str(), sent) {
                    ("at" | "end", _) => prop_assert_eq!(value, &json!(crate::clock::epoch_millis(instant(sent).unwrap()))),
                    ("url", _) => prop_assert_eq!(value, "https://x.test/a"),
                    ("viewport", _) => prop_assert_eq!(value, &json!({"width": sent["width"], "height": sent["height"]})),
                    ("faceDetected", sent) => prop_assert_eq!(value, &json!(sent != &json!(false))),
                    ("language", _) => prop_assert_eq!(value, "en"),
                    ("scrollDepth" | "confidence" | "sentiment", sent) => {
                        let least = if name == "sentiment" { -1.0 } else { 0.0 };
                        prop_assert_eq!(value.as_f64(), sent.as_f64().map(|share| share.clamp(least, 1.0)));
                    }
                    ("actionUnits", sent) => for (name, strength) in value.as_object().unwrap() {
                        prop_assert_eq!(strength.as_f64(), sent[name].as_f64().map(|share| share.clamp(0.0, 1.0)));
                    },
                    (_, Value::String(sent)) => prop_assert_eq!(value, sent.trim()),
                    (_, sent) => prop_assert_eq!(value, sent),
                }
            }
            let sent = fields(stream).iter().filter(|name| !item[**name].is_null() && fits(name, &item[**name], item)).count();
            let flag = usize::from(stream == IngestedStream::Facial && !item["faceDetected"].is_boolean());
            prop_assert_eq!(kept.len(), sent + flag, "all that was sent and breaks no rule is kept");
        }
    }
}
