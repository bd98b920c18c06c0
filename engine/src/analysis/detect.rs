//! The detectors (openscouter 12.5).

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Event, EventKind, MomentKind, Segment, Snapshot, Stream};

/// Longest dwell that is believed, in milliseconds: a day, far above any session. What a client sends has no bound, and
/// a moment must not begin before time does.
pub(super) const MAX_DWELL: i64 = 86_400_000;

/// A moment before it is rated.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: MomentKind,
    pub(super) span: (i64, i64),
    pub(super) k: f64,
    pub(super) pinned: Option<Event>,
    pub(super) own: BTreeSet<Stream>,
    /// Whether what was clicked answered each click before the next.
    pub(super) answered: bool,
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

/// Intervals in order, with those that touch put together.
pub(super) fn merged(intervals: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut ordered: Vec<_> = intervals.iter().copied().filter(|(start, end)| start < end).collect();
    ordered.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ordered.len());
    for (start, end) in ordered {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Milliseconds from `from` to `to` without the pauses inside, which are in order and apart.
fn gap(from: i64, to: i64, pauses: &[(i64, i64)]) -> i64 {
    let first = pauses.partition_point(|(_, end)| *end <= from);
    let inside = pauses.iter().skip(first).take_while(|(start, _)| *start < to);
    let paused = inside.map(|(start, end)| to.min(*end).saturating_sub(from.max(*start)));
    paused.fold(to.saturating_sub(from), i64::saturating_sub)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a session")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "numbers of events")]
fn count(number: usize) -> f64 {
    number as f64
}

/// Detects everything; events are in order, pauses too.
pub(super) fn all(
    events: &[&Event],
    snapshots: &[&Snapshot],
    segments: &[&Segment],
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
    let own = BTreeSet::from([Stream::Events]);
    Found { kind, span, k, pinned: Some(pinned.clone()), own, answered: false }
}

/// The clicks of each selector, with their indices among the events.
fn clicks<'a>(events: &[&'a Event]) -> BTreeMap<&'a str, Vec<(usize, &'a Event)>> {
    let mut by_selector: BTreeMap<&str, Vec<(usize, &Event)>> = BTreeMap::new();
    for (index, event) in events.iter().copied().enumerate().filter(|(_, event)| event.kind == EventKind::Click) {
        by_selector.entry(event.selector.as_str()).or_default().push((index, event));
    }
    by_selector
}

/// Which clicks of one selector belong to three that follow each other within half a second.
fn marked(clicks: &[(usize, &Event)]) -> Vec<bool> {
    let mut marked = vec![false; clicks.len()];
    for (first, three) in clicks.windows(3).enumerate() {
        if let [(_, one), _, (_, last)] = three
            && last.at.saturating_sub(one.at) <= 500
        {
            marked.iter_mut().skip(first).take(3).for_each(|mark| *mark = true);
        }
    }
    marked
}

/// For each event, how many of those up to it are an answer to a click.
fn answers(events: &[&Event]) -> Vec<usize> {
    let answers = events.iter().scan(0, |answers, event| {
        *answers += usize::from(matches!(event.kind, EventKind::Input | EventKind::Navigation));
        Some(*answers)
    });
    answers.collect()
}

/// Rage clicks, and for each event whether it is in one.
fn rage_clicks(events: &[&Event]) -> (Vec<Found>, Vec<bool>) {
    let (mut moments, mut raging) = (Vec::new(), vec![false; events.len()]);
    let answers = answers(events);
    for clicks in clicks(events).into_values() {
        let marks = marked(&clicks);
        let angry: Vec<_> = clicks.into_iter().zip(marks).filter(|(_, mark)| *mark).map(|(click, _)| click).collect();
        for run in angry.chunk_by(|(_, one), (_, next)| next.at.saturating_sub(one.at) <= 500) {
            if let (Some((_, first)), Some((_, last))) = (run.first(), run.last()) {
                let found = interaction(MomentKind::RageClick, (first.at, last.at), count(run.len()), first);
                // a stepper counts up, a calendar turns its pages
                let answered = run.windows(2).all(|two| match two {
                    [(one, _), (next, _)] => answers.get(*one) < answers.get(*next),
                    _ => true,
                });
                moments.push(Found { answered, ..found });
            }
            for (index, _) in run {
                if let Some(event) = raging.get_mut(*index) {
                    *event = true;
                }
            }
        }
    }
    (moments, raging)
}

fn error_bursts(events: &[&Event]) -> Vec<Found> {
    let errors: Vec<_> = events.iter().copied().filter(|event| event.kind == EventKind::Error).collect();
    let mut moments = Vec::new();
    let mut first = 0;
    while let Some(start) = errors.get(first) {
        let burst = errors.iter().skip(first).take_while(|error| error.at <= start.at.saturating_add(10_000)).count();
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

fn dead_clicks(events: &[&Event], raging: &[bool], cutoff: i64) -> Vec<Found> {
    let others: Vec<i64> = events.iter().filter(|event| event.kind != EventKind::Click).map(|event| event.at).collect();
    let next = |at: i64| others.get(others.partition_point(|other| *other < at));
    let quiet = |at: i64| next(at).is_none_or(|next| *next > at.saturating_add(2_000));
    let mut moments = Vec::new();
    for clicks in clicks(events).into_values() {
        let mut kept: Vec<&Event> = Vec::new();
        for (index, click) in clicks {
            let near = kept.last().is_some_and(|last| click.at.saturating_sub(last.at) < 500);
            let raging = raging.get(index).is_some_and(|raging| *raging);
            if !raging && cutoff.saturating_sub(click.at) >= 2_000 && quiet(click.at) && !near {
                kept.push(click);
            }
        }
        for run in kept.chunk_by(|one, next| next.at.saturating_sub(one.at) <= 5_000).filter(|run| run.len() >= 2) {
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

fn pairs<'a>(events: &[&'a Event]) -> impl Iterator<Item = (&'a Event, &'a Event)> {
    events.iter().copied().zip(events.iter().copied().skip(1))
}

fn attention_drops(events: &[&Event], pauses: &[(i64, i64)]) -> (Vec<Found>, Vec<(i64, i64)>) {
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

/// Whether a span shares more than an edge with one of the intervals, which lie between events that follow each other:
/// they are in order and apart.
fn overlaps(span: (i64, i64), intervals: &[(i64, i64)]) -> bool {
    let next = intervals.get(intervals.partition_point(|(_, end)| *end <= span.0));
    next.is_some_and(|next| span.0.max(next.0) < span.1.min(next.1))
}

/// The time that an event's element was dwelt on, if that is long enough to be a hesitation.
fn dwelt(event: &Event) -> Option<(i64, i64)> {
    let dwell = event.dwell.filter(|dwell| *dwell >= 5_000.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "what is longer saturates, and is cut off")]
    let dwell = (dwell.round() as i64).min(MAX_DWELL);
    Some((event.at.saturating_sub(dwell), event.at))
}

/// A pause between events or on an element, and the event whose element it belongs to.
type Point<'a> = ((i64, i64), &'a Event);

fn points<'a>(events: &[&'a Event], pauses: &[(i64, i64)], drops: &[(i64, i64)]) -> Vec<Point<'a>> {
    let mut points: Vec<Point<'_>> = pairs(events)
        .filter(|(one, other)| !is_drop(one, other, pauses) && gap(one.at, other.at, pauses) >= 8_000)
        .map(|(one, other)| ((one.at, other.at), other))
        .collect();
    let gaps: Vec<_> = points.iter().map(|(span, _)| *span).collect();
    let dwelt = events.iter().filter_map(|event| Some((dwelt(event)?, *event)));
    points.extend(dwelt.filter(|(span, _)| !overlaps(*span, &gaps) && !overlaps(*span, drops)));
    points.sort_by_key(|(span, _)| *span);
    points
}

fn hesitations(events: &[&Event], pauses: &[(i64, i64)], drops: &[(i64, i64)]) -> Vec<Found> {
    let points = points(events, pauses, drops);
    let mut moments = Vec::new();
    let mut rest = points.as_slice();
    while let Some(((start, _), pinned)) = rest.first() {
        let near = rest.iter().take_while(|(span, _)| span.0 <= start.saturating_add(30_000)).count();
        let (cluster, later) = rest.split_at(near);
        let lengths = cluster.iter().map(|(span, _)| gap(span.0, span.1, pauses));
        let length = lengths.fold(0, i64::saturating_add);
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

fn evidence(snapshots: &[&Snapshot], segments: &[&Segment]) -> Vec<Evidence> {
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

/// Evidence in order, as far as each piece begins soon after what came before has ended.
fn runs(evidence: &[Evidence]) -> Vec<&[Evidence]> {
    let (mut runs, mut first) = (Vec::new(), 0);
    let mut latest: Option<i64> = None;
    for (index, item) in evidence.iter().enumerate() {
        if latest.is_some_and(|latest| item.span.0.saturating_sub(latest) > 5_000) {
            runs.extend(evidence.get(first..index));
            (first, latest) = (index, None);
        }
        latest = latest.max(Some(item.span.1));
    }
    runs.extend(evidence.get(first..).filter(|last| !last.is_empty()));
    runs
}

fn confusions(evidence: &[Evidence], events: &[&Event]) -> Vec<Found> {
    let pins = [EventKind::Click, EventKind::Input, EventKind::Focus, EventKind::Navigation];
    let pins: Vec<&Event> = events.iter().copied().filter(|event| pins.contains(&event.kind)).collect();
    let mut moments = Vec::new();
    for run in runs(evidence) {
        let Some(first) = run.first() else { continue };
        let faces = run.iter().filter(|item| item.stream == Stream::Facial).count();
        if faces < 2 && faces == run.len() {
            continue;
        }
        let start = first.span.0;
        let before = pins.partition_point(|event| event.at <= start);
        moments.push(Found {
            kind: MomentKind::Confusion,
            span: (start, run.iter().map(|item| item.span.1).fold(start, i64::max)),
            k: run.iter().map(|item| item.strength).fold(0.0, f64::max),
            pinned: before.checked_sub(1).and_then(|last| pins.get(last)).map(|event| (*event).clone()),
            own: run.iter().map(|item| item.stream).collect(),
            answered: false,
        });
    }
    moments
}
