//! One session, analysed (openscouter 12.5, 12.6).

use std::collections::BTreeSet;

use super::{
    detect,
    model::{Analysis, Event, Moment, Recording, Segment, Snapshot, Stream},
    score::{self, frustration_of, sub_scores},
};

/// Analyses what was kept up to `cutoff` (milliseconds since the Unix epoch), with the streams of `include` alone (openscouter 12.5, 12.6).
#[must_use]
pub fn analyse(recording: &Recording, cutoff: i64, include: &BTreeSet<Stream>) -> Analysis {
    let has = |stream: Stream| include.contains(&stream);
    let mut events: Vec<&Event> =
        recording.events.iter().filter(|event| has(Stream::Events) && event.at <= cutoff).collect();
    // stable: ties keep the order of arrival
    events.sort_by_key(|event| event.at);
    let snapshots: Vec<&Snapshot> =
        recording.snapshots.iter().filter(|shot| has(Stream::Facial) && shot.at <= cutoff).collect();
    let segments: Vec<&Segment> =
        recording.segments.iter().filter(|segment| has(Stream::Voice) && segment.start <= cutoff).collect();
    let pauses = detect::merged(&recording.pauses);
    let mut moments = score::rate(detect::all(&events, &snapshots, &segments, &pauses, cutoff));
    if let Some(began) = recording.began {
        // what was on an element longer than the session lasts, or has the time of a clock that goes behind
        for Moment { span, .. } in &mut moments {
            *span = (span.0.max(began), span.1.max(began));
        }
        moments.sort_by_key(|moment| (moment.span.0, moment.kind));
    }
    let filled = [
        (Stream::Events, !events.is_empty()),
        (Stream::Facial, !snapshots.is_empty()),
        (Stream::Voice, !segments.is_empty()),
    ];
    let filled: BTreeSet<Stream> = filled.into_iter().filter(|(_, any)| *any).map(|(stream, _)| stream).collect();
    let rated: Vec<_> = moments.iter().map(|moment| (moment.kind, moment.impact, &moment.own)).collect();
    let scores = sub_scores(&rated, &filled);
    // they are in the order of start and type already
    Analysis { frustration: frustration_of(moments.iter().map(|moment| moment.impact)), moments, filled, scores }
}
