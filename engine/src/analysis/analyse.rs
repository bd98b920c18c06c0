//! One session, analysed (openscouter 12.5, 12.6).

use std::collections::BTreeSet;

use super::{
    detect,
    model::{Analysis, Event, Moment, MomentKind, Recording, Segment, Snapshot, Stream, SubScores},
    score::{self, frustration_of},
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
    let moments = score::rate(detect::all(&events, &snapshots, &segments, &pauses, cutoff));
    let over = |holds: &dyn Fn(&Moment) -> bool| {
        let impacts = moments.iter().filter(|moment| holds(moment)).map(|moment| moment.impact);
        let points = (100.0 * (1.0 - frustration_of(impacts))).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
        let points = points as u32;
        points
    };
    let confusion =
        |stream: Stream| move |moment: &Moment| moment.kind == MomentKind::Confusion && moment.own.contains(&stream);
    let scores = SubScores {
        overall: over(&|_| true),
        interaction: (!events.is_empty()).then(|| over(&|moment| moment.kind != MomentKind::Confusion)),
        emotion: (!snapshots.is_empty()).then(|| over(&confusion(Stream::Facial))),
        voice: (!segments.is_empty()).then(|| over(&confusion(Stream::Voice))),
    };
    // they are in the order of start and type already
    Analysis { frustration: frustration_of(moments.iter().map(|moment| moment.impact)), moments, scores }
}
