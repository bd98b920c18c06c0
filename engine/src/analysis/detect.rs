//! The detectors (openscouter 12.5).

use std::collections::{BTreeMap, BTreeSet};

use super::{Event, EventKind, MomentKind, Segment, Snapshot, Stream};

/// A moment before it is rated.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: MomentKind,
    pub(super) span: (i64, i64),
    pub(super) k: f64,
    pub(super) pinned: Option<Event>,
    pub(super) own: BTreeSet<Stream>,
}

/// A sign of confusion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    pub(super) span: (i64, i64),
    pub(super) stream: Stream,
    strength: f64,
}

/// Moments, and the signs of confusion, also those that make no moment.
#[derive(Debug)]
pub(super) struct Detected {
    pub(super) moments: Vec<Found>,
    pub(super) evidence: Vec<Evidence>,
}

const LEXICON: [&str; 19] = [
    "confus",
    "don't understand",
    "do not understand",
    "don't get it",
    "where is",
    "where do i",
    "can't find",
    "cannot find",
    "not sure",
    "stuck",
    "lost",
    "frustrat",
    "annoying",
    "not working",
    "doesn't work",
    "does not work",
    "give up",
    "too hard",
    "makes no sense",
];

/// How much distress an emotion's label stands for.
pub(super) fn weight(emotion: &str) -> f64 {
    match emotion {
        "surprised" | "surprise" => 0.2,
        "bored" => 0.3,
        "sad" => 0.5,
        "confused" => 0.6,
        "fearful" | "fear" | "disgusted" | "disgust" => 0.7,
        "angry" | "frustrated" => 0.9,
        _ => 0.0,
    }
}

/// Milliseconds from `from` to `to` without the pauses inside.
fn gap(from: i64, to: i64, pauses: &[(i64, i64)]) -> i64 {
    let paused = pauses.iter().map(|(start, end)| (to.min(*end) - from.max(*start)).max(0));
    to - from - paused.sum::<i64>()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a session")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "numbers of events")]
fn count(number: usize) -> f64 {
    number as f64
}

pub(super) fn all(
    events: &[Event],
    snapshots: &[Snapshot],
    segments: &[Segment],
    pauses: &[(i64, i64)],
    cutoff: i64,
) -> Detected {
    let (mut moments, raging) = rage_clicks(events);
    moments.extend(error_bursts(events));
    moments.extend(dead_clicks(events, &raging, cutoff));
    let (drops, drop_spans) = attention_drops(events, pauses);
    moments.extend(drops);
    moments.extend(hesitations(events, pauses, &drop_spans));
    let evidence = evidence(snapshots, segments);
    moments.extend(confusions(&evidence, events));
    moments.sort_by_key(|moment| (moment.span.0, moment.kind));
    Detected { moments, evidence }
}

fn interaction(kind: MomentKind, span: (i64, i64), k: f64, pinned: &Event) -> Found {
    Found { kind, span, k, pinned: Some(pinned.clone()), own: BTreeSet::from([Stream::Events]) }
}

/// The clicks of each selector, with their places among the events.
fn clicks(events: &[Event]) -> BTreeMap<&str, Vec<(usize, &Event)>> {
    let mut by_selector: BTreeMap<&str, Vec<(usize, &Event)>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate().filter(|(_, event)| event.kind == EventKind::Click) {
        by_selector.entry(event.selector.as_str()).or_default().push((place, event));
    }
    by_selector
}

/// Rage clicks, and the places of the clicks in them.
fn rage_clicks(events: &[Event]) -> (Vec<Found>, BTreeSet<usize>) {
    let (mut moments, mut places) = (Vec::new(), BTreeSet::new());
    for clicks in clicks(events).into_values() {
        let mut marked = BTreeSet::new();
        for (first, three) in clicks.windows(3).enumerate() {
            if let [(_, one), _, (_, last)] = three
                && last.at - one.at <= 500
            {
                marked.extend(first..first + 3);
            }
        }
        let mut run: Vec<(usize, &Event)> = Vec::new();
        let mut close = |run: &mut Vec<(usize, &Event)>| {
            if let (Some((_, first)), Some((_, last))) = (run.first(), run.last()) {
                moments.push(interaction(MomentKind::RageClick, (first.at, last.at), count(run.len()), first));
                places.extend(run.iter().map(|(place, _)| *place));
            }
            run.clear();
        };
        for (_, click) in clicks.iter().enumerate().filter(|(number, _)| marked.contains(number)) {
            if run.last().is_some_and(|(_, last)| click.1.at - last.at > 500) {
                close(&mut run);
            }
            run.push(*click);
        }
        close(&mut run);
    }
    (moments, places)
}

fn error_bursts(events: &[Event]) -> Vec<Found> {
    let errors: Vec<_> = events.iter().filter(|event| event.kind == EventKind::Error).collect();
    let mut moments = Vec::new();
    let mut first = 0;
    while let Some(start) = errors.get(first) {
        let burst = errors.iter().skip(first).take_while(|error| error.at <= start.at + 10_000).count();
        match errors.get(first + burst - 1) {
            Some(last) if burst >= 3 => {
                moments.push(interaction(MomentKind::ErrorBurst, (start.at, last.at), count(burst), start));
                first += burst;
            }
            _ => first += 1,
        }
    }
    moments
}

fn dead_clicks(events: &[Event], raging: &BTreeSet<usize>, cutoff: i64) -> Vec<Found> {
    let others: Vec<i64> = events.iter().filter(|event| event.kind != EventKind::Click).map(|event| event.at).collect();
    let quiet = |at: i64| others.get(others.partition_point(|other| *other < at)).is_none_or(|next| *next > at + 2_000);
    let mut moments = Vec::new();
    for clicks in clicks(events).into_values() {
        let mut kept: Vec<&Event> = Vec::new();
        for (place, click) in clicks {
            let near = kept.last().is_some_and(|last| click.at - last.at < 500);
            if !raging.contains(&place) && cutoff - click.at >= 2_000 && quiet(click.at) && !near {
                kept.push(click);
            }
        }
        for run in kept.chunk_by(|one, next| next.at - one.at <= 5_000).filter(|run| run.len() >= 2) {
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                moments.push(interaction(MomentKind::DeadClick, (first.at, last.at), count(run.len()), first));
            }
        }
    }
    moments
}

fn is_drop(one: &Event, other: &Event, pauses: &[(i64, i64)]) -> bool {
    let gap = gap(one.at, other.at, pauses);
    gap >= 30_000 || (one.kind == EventKind::Blur && gap >= 10_000)
}

fn pairs(events: &[Event]) -> impl Iterator<Item = (&Event, &Event)> {
    events.iter().zip(events.iter().skip(1))
}

fn attention_drops(events: &[Event], pauses: &[(i64, i64)]) -> (Vec<Found>, Vec<(i64, i64)>) {
    let drops = pairs(events).filter(|(one, other)| is_drop(one, other, pauses));
    let moments: Vec<_> = drops
        .map(|(one, other)| {
            let k = seconds(gap(one.at, other.at, pauses));
            interaction(MomentKind::AttentionDrop, (one.at, other.at), k, one)
        })
        .collect();
    let spans = moments.iter().map(|moment| moment.span).collect();
    (moments, spans)
}

fn hesitations(events: &[Event], pauses: &[(i64, i64)], drops: &[(i64, i64)]) -> Vec<Found> {
    let mut points: Vec<((i64, i64), &Event)> = pairs(events)
        .filter(|(one, other)| !is_drop(one, other, pauses) && gap(one.at, other.at, pauses) >= 8_000)
        .map(|(one, other)| ((one.at, other.at), other))
        .collect();
    let taken: Vec<_> = points.iter().map(|(span, _)| *span).chain(drops.iter().copied()).collect();
    for event in events {
        let Some(dwell) = event.dwell.filter(|dwell| *dwell >= 5_000.0) else { continue };
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds, far below 2^53; what is longer saturates")]
        let span = (event.at.saturating_sub(dwell.round() as i64), event.at);
        if !taken.iter().any(|other| span.0.max(other.0) < span.1.min(other.1)) {
            points.push((span, event));
        }
    }
    points.sort_by_key(|(span, _)| *span);
    let mut moments = Vec::new();
    let mut rest = points.as_slice();
    while let Some(((start, _), pinned)) = rest.first() {
        let near = rest.iter().take_while(|(span, _)| span.0 <= start + 30_000).count();
        let (cluster, later) = rest.split_at(near);
        let length: i64 = cluster.iter().map(|(span, _)| gap(span.0, span.1, pauses)).sum();
        if cluster.len() >= 2 || length >= 15_000 {
            let end = cluster.iter().map(|(span, _)| span.1).max().unwrap_or(*start);
            moments.push(interaction(MomentKind::HesitationCluster, (*start, end), seconds(length), pinned));
            rest = later;
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    moments
}

fn evidence(snapshots: &[Snapshot], segments: &[Segment]) -> Vec<Evidence> {
    let faces = snapshots.iter().filter(|shot| weight(&shot.emotion) >= 0.5 && shot.confidence >= 0.6);
    let faces = faces.map(|shot| Evidence {
        span: (shot.at, shot.at),
        stream: Stream::Facial,
        strength: weight(&shot.emotion) * shot.confidence,
    });
    let voices = segments.iter().filter_map(|segment| {
        let text = segment.transcript.to_lowercase().replace('\u{2019}', "'");
        let said = LEXICON.iter().any(|word| text.contains(word)).then_some(0.6_f64);
        let felt = segment.sentiment.filter(|sentiment| *sentiment <= -0.4).map(|sentiment| -sentiment);
        let strength = match (said, felt) {
            (Some(said), Some(felt)) => said.max(felt),
            (said, felt) => said.or(felt)?,
        };
        Some(Evidence { span: (segment.start, segment.end), stream: Stream::Voice, strength })
    });
    let mut evidence: Vec<_> = faces.chain(voices).collect();
    evidence.sort_by_key(|item| item.span.0);
    evidence
}

fn confusions(evidence: &[Evidence], events: &[Event]) -> Vec<Found> {
    let mut moments = Vec::new();
    let mut run: Vec<Evidence> = Vec::new();
    let mut close = |run: &mut Vec<Evidence>| {
        let faces = run.iter().filter(|item| item.stream == Stream::Facial).count();
        if let Some(first) = run.first()
            && (faces >= 2 || faces < run.len())
        {
            let start = first.span.0;
            let end = run.iter().map(|item| item.span.1).max().unwrap_or(start);
            let pins = [EventKind::Click, EventKind::Input, EventKind::Focus, EventKind::Navigation];
            let pinned = events.iter().rev().find(|event| event.at <= start && pins.contains(&event.kind));
            moments.push(Found {
                kind: MomentKind::Confusion,
                span: (start, end),
                k: run.iter().map(|item| item.strength).fold(0.0, f64::max),
                pinned: pinned.cloned(),
                own: run.iter().map(|item| item.stream).collect(),
            });
        }
        run.clear();
    };
    for item in evidence {
        let latest = run.iter().map(|item| item.span.1).max();
        if latest.is_some_and(|latest| item.span.0 - latest > 5_000) {
            close(&mut run);
        }
        run.push(*item);
    }
    close(&mut run);
    moments
}
