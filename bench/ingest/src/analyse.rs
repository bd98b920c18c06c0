//! The analyser over a long session.

use std::{collections::BTreeSet, time::Instant};

use engine::analysis::{Event, EventKind, Recording, Segment, Snapshot, Stream, analyse as analysed};
use serde_json::{Value, json};

/// Milliseconds between two events.
const STEP: u32 = 18;

/// A session of so many events, with ten snapshots in a second and something said every ten seconds.
fn recording(events: u32) -> Recording {
    let mixed = |number: u32| number.wrapping_mul(2_654_435_761) >> 8;
    let events: Vec<_> = (0..events)
        .map(|number| Event {
            at: i64::from(number * STEP),
            kind: EventKind::ALL.into_iter().nth(mixed(number) as usize % 7).unwrap_or(EventKind::Click),
            selector: format!("main > div:nth-child({}) > button", mixed(number) % 50),
            task: None,
            dwell: (mixed(number).is_multiple_of(5)).then(|| f64::from(mixed(number) % 9_000)),
        })
        .collect();
    let length = events.last().map_or(0, |event| event.at);
    let emotions = ["neutral", "happy", "confused", "angry", "surprised"];
    let snapshots = (0..length / 100).map(|number| Snapshot {
        at: number * 100,
        emotion: emotions.get(mixed(u32::try_from(number).unwrap_or(0)) as usize % 5).unwrap_or(&"sad").to_string(),
        confidence: 0.9,
    });
    let segments = (0..length / 10_000).map(|number| Segment {
        start: number * 10_000,
        end: number * 10_000 + 4_000,
        transcript: "I would expect the button to be here, and I am not sure where is the rest of it".to_owned(),
        sentiment: Some(-0.2),
    });
    let (snapshots, segments) = (snapshots.collect(), segments.collect());
    Recording { snapshots, segments, pauses: vec![(length / 3, length / 3 + 5_000)], events, began: None }
}

pub(crate) fn analyse(events: u32) -> Value {
    let recording = recording(events);
    let include = BTreeSet::from([Stream::Events, Stream::Facial, Stream::Voice]);
    let began = Instant::now();
    let analysis = analysed(&recording, i64::MAX, &include);
    let seconds = began.elapsed().as_secs_f64();
    json!({
        "events": events, "snapshots": recording.snapshots.len(), "segments": recording.segments.len(),
        "moments": analysis.moments.len(), "seconds": seconds,
    })
}
