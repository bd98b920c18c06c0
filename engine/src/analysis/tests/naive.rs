//! The analyser once more, written from the contract's sentences (openscouter 12.5, 12.6) without a thought for speed:
//! what the fast one must agree with.

use super::*;

/// A moment as the contract's table has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) start: i64,
    pub(super) kind: MomentKind,
    pub(super) end: i64,
    pub(super) element: Option<String>,
    pub(super) k: f64,
    pub(super) own: BTreeSet<Stream>,
}

impl Expected {
    pub(super) fn of(moment: &Moment) -> Self {
        Self {
            start: moment.span.0,
            kind: moment.kind,
            end: moment.span.1,
            element: moment.element().map(str::to_owned),
            k: moment.k,
            own: moment.own.clone(),
        }
    }

    fn acted(kind: MomentKind, (start, end): (i64, i64), k: f64, element: &str) -> Self {
        Self { start, kind, end, element: Some(element.to_owned()), k, own: BTreeSet::from([Stream::Events]) }
    }
}

/// Moments of one start and kind have no order.
pub(super) fn ordered(mut moments: Vec<Expected>) -> Vec<Expected> {
    moments.sort_by(|one, other| {
        (one.start, one.kind, one.end, &one.element).cmp(&(other.start, other.kind, other.end, &other.element))
    });
    moments
}

fn number(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn seconds(milliseconds: i64) -> f64 {
    f64::from(i32::try_from(milliseconds).unwrap()) / 1_000.0
}

/// gap(a, b) = b - a minus the pause time inside, counted in milliseconds that are in no pause.
fn gap(from: i64, to: i64, pauses: &[(i64, i64)]) -> i64 {
    let mut gap = to - from;
    for (start, end) in pauses {
        gap -= (to.min(*end) - from.max(*start)).max(0);
    }
    gap
}

pub(super) fn weight(emotion: &str) -> f64 {
    let weights = [
        (0.0, &["neutral", "engaged", "happy"][..]),
        (0.2, &["surprised", "surprise"]),
        (0.3, &["bored"]),
        (0.5, &["sad"]),
        (0.6, &["confused"]),
        (0.7, &["fearful", "fear", "disgusted", "disgust"]),
        (0.9, &["angry", "frustrated"]),
    ];
    weights.iter().find(|(_, names)| names.contains(&emotion)).map_or(0.0, |(weight, _)| *weight)
}

/// Clicks that belong to three consecutive ones of their selector within 500 ms, by their indices.
fn in_rage(events: &[Event]) -> BTreeSet<usize> {
    let mut marked = BTreeSet::new();
    let clicks: Vec<usize> = (0..events.len()).filter(|index| events[*index].kind == EventKind::Click).collect();
    for one in &clicks {
        let same = clicks.iter().filter(|index| events[**index].selector == events[*one].selector);
        let three: Vec<usize> = same.copied().filter(|index| index >= one).take(3).collect();
        if three.len() == 3 && events[three[2]].at - events[three[0]].at <= 500 {
            marked.extend(three);
        }
    }
    marked
}

fn selectors(events: &[Event]) -> BTreeSet<&str> {
    events.iter().map(|event| event.selector.as_str()).collect()
}

fn rage_clicks(events: &[Event]) -> Vec<Expected> {
    let marked = in_rage(events);
    let mut moments = Vec::new();
    for selector in selectors(events) {
        let mut left: Vec<i64> =
            marked.iter().map(|index| &events[*index]).filter(|e| e.selector == selector).map(|e| e.at).collect();
        while let Some(first) = left.first().copied() {
            let mut run = vec![first];
            while left.get(run.len()).is_some_and(|next| next - run[run.len() - 1] <= 500) {
                run.push(left[run.len()]);
            }
            moments.push(Expected::acted(
                MomentKind::RageClick,
                (first, run[run.len() - 1]),
                number(run.len()),
                selector,
            ));
            left.drain(..run.len());
        }
    }
    moments
}

fn error_bursts(events: &[Event]) -> Vec<Expected> {
    let errors: Vec<&Event> = events.iter().filter(|event| event.kind == EventKind::Error).collect();
    let mut used = vec![false; errors.len()];
    let mut moments = Vec::new();
    for (first, e) in errors.iter().enumerate() {
        if used[first] {
            continue;
        }
        let burst: Vec<usize> =
            (first..errors.len()).filter(|index| !used[*index] && errors[*index].at <= e.at + 10_000).collect();
        if burst.len() >= 3 {
            let end = errors[burst[burst.len() - 1]].at;
            moments.push(Expected::acted(MomentKind::ErrorBurst, (e.at, end), number(burst.len()), &e.selector));
            burst.iter().for_each(|index| used[*index] = true);
        }
    }
    moments
}

fn dead_clicks(events: &[Event], cutoff: i64) -> Vec<Expected> {
    let raging = in_rage(events);
    let mut moments = Vec::new();
    for selector in selectors(events) {
        let mut kept: Vec<i64> = Vec::new();
        for (index, click) in events.iter().enumerate() {
            let answered = events
                .iter()
                .any(|other| other.kind != EventKind::Click && (click.at..=click.at + 2_000).contains(&other.at));
            let candidate = click.kind == EventKind::Click
                && click.selector == selector
                && !raging.contains(&index)
                && cutoff - click.at >= 2_000
                && !answered;
            if candidate && kept.last().is_none_or(|last| click.at - last >= 500) {
                kept.push(click.at);
            }
        }
        let mut run: Vec<i64> = Vec::new();
        for at in kept.iter().copied().chain([i64::MAX]) {
            if run.last().is_some_and(|last| at - last > 5_000) {
                if run.len() >= 2 {
                    let span = (run[0], run[run.len() - 1]);
                    moments.push(Expected::acted(MomentKind::DeadClick, span, number(run.len()), selector));
                }
                run.clear();
            }
            run.push(at);
        }
    }
    moments
}

fn is_drop(a: &Event, b: &Event, pauses: &[(i64, i64)]) -> bool {
    gap(a.at, b.at, pauses) >= 30_000 || (a.kind == EventKind::Blur && gap(a.at, b.at, pauses) >= 10_000)
}

fn attention_drops(events: &[Event], pauses: &[(i64, i64)]) -> Vec<Expected> {
    let pairs = events.windows(2).filter(|pair| is_drop(&pair[0], &pair[1], pauses));
    pairs
        .map(|pair| {
            let k = seconds(gap(pair[0].at, pair[1].at, pauses));
            Expected::acted(MomentKind::AttentionDrop, (pair[0].at, pair[1].at), k, &pair[0].selector)
        })
        .collect()
}

fn hesitations(events: &[Event], pauses: &[(i64, i64)]) -> Vec<Expected> {
    let mut points: Vec<(i64, i64, &str)> = Vec::new();
    let mut taken: Vec<(i64, i64)> = Vec::new();
    for pair in events.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        if is_drop(a, b, pauses) {
            taken.push((a.at, b.at));
        } else if gap(a.at, b.at, pauses) >= 8_000 {
            taken.push((a.at, b.at));
            points.push((a.at, b.at, &b.selector));
        }
    }
    for event in events {
        let Some(dwell) = event.dwell.filter(|dwell| *dwell >= 5_000.0) else { continue };
        #[expect(clippy::cast_possible_truncation, reason = "generated below a minute")]
        let start = event.at - dwell.round() as i64;
        if !taken.iter().any(|(from, to)| start.max(*from) < event.at.min(*to)) {
            points.push((start, event.at, &event.selector));
        }
    }
    points.sort_by_key(|(start, end, _)| (*start, *end));
    let mut moments = Vec::new();
    while let Some(p) = points.first().copied() {
        let (near, later): (Vec<_>, Vec<_>) = points.iter().copied().partition(|point| point.0 <= p.0 + 30_000);
        let length: i64 = near.iter().map(|point| gap(point.0, point.1, pauses)).sum();
        if near.len() >= 2 || length >= 15_000 {
            let end = near.iter().map(|point| point.1).max().unwrap();
            moments.push(Expected::acted(MomentKind::HesitationCluster, (p.0, end), seconds(length), p.2));
            points = later;
        } else {
            points.remove(0);
        }
    }
    moments
}

/// A sign of confusion: start, end, stream, strength.
type Sign = (i64, i64, Stream, f64);

fn signs(snapshots: &[Snapshot], segments: &[Segment]) -> Vec<Sign> {
    let mut signs: Vec<Sign> = Vec::new();
    for shot in snapshots.iter().filter(|shot| weight(&shot.emotion) >= 0.5 && shot.confidence >= 0.6) {
        signs.push((shot.at, shot.at, Stream::Facial, weight(&shot.emotion) * shot.confidence));
    }
    for segment in segments {
        let felt = segment.sentiment.filter(|sentiment| *sentiment <= -0.4).map_or(0.0, |sentiment| -sentiment);
        let said = if segment.transcript.to_lowercase().contains("stuck") { 0.6 } else { 0.0 };
        if f64::max(felt, said) > 0.0 {
            signs.push((segment.start, segment.end, Stream::Voice, felt.max(said)));
        }
    }
    signs.sort_by_key(|sign| sign.0);
    signs
}

fn confusions(signs: &[Sign], events: &[Event]) -> Vec<Expected> {
    use EventKind::{Click, Focus, Input, Navigation};
    let mut runs: Vec<Vec<Sign>> = Vec::new();
    for sign in signs {
        let joined = runs.last_mut().filter(|run| sign.0 - run.iter().map(|sign| sign.1).max().unwrap() <= 5_000);
        match joined {
            Some(run) => run.push(*sign),
            None => runs.push(vec![*sign]),
        }
    }
    let of = |run: &[Sign], stream: Stream| run.iter().filter(|sign| sign.2 == stream).count();
    runs.retain(|run| of(run, Stream::Facial) >= 2 || of(run, Stream::Voice) >= 1);
    runs.iter()
        .map(|run| {
            let start = run[0].0;
            let pinned = events.iter().filter(|e| e.at <= start && [Click, Input, Focus, Navigation].contains(&e.kind));
            Expected {
                start,
                kind: MomentKind::Confusion,
                end: run.iter().map(|sign| sign.1).max().unwrap(),
                element: pinned.max_by_key(|event| event.at).map(|event| event.selector.clone()),
                k: run.iter().map(|sign| sign.3).fold(0.0, f64::max),
                own: run.iter().map(|sign| sign.2).collect(),
            }
        })
        .collect()
}

/// What 12.5 and 12.6 say of a session: moments with their streams and impacts, F, sub-scores.
#[derive(Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) moments: Vec<Expected>,
    pub(super) rated: Vec<(BTreeSet<Stream>, Confidence, f64)>,
    pub(super) frustration: f64,
    pub(super) scores: SubScores,
}

/// Whether an input or a navigation stands between each click of a rage moment and the next.
fn answered(moment: &Expected, events: &[Event]) -> bool {
    if moment.kind != MomentKind::RageClick {
        return false;
    }
    let clicks: Vec<usize> = in_rage(events)
        .into_iter()
        .filter(|index| Some(&events[*index].selector) == moment.element.as_ref())
        .filter(|index| (moment.start..=moment.end).contains(&events[*index].at))
        .collect();
    clicks.windows(2).all(|two| {
        events[two[0]..two[1]].iter().any(|event| matches!(event.kind, EventKind::Input | EventKind::Navigation))
    })
}

pub(super) fn impact(kind: MomentKind, k: f64, confidence: Confidence) -> f64 {
    let (b, full) = match kind {
        MomentKind::RageClick => (0.8, 6.0),
        MomentKind::ErrorBurst => (0.7, 6.0),
        MomentKind::Confusion => (0.6, 1.0),
        MomentKind::HesitationCluster => (0.5, 40.0),
        MomentKind::DeadClick => (0.4, 4.0),
        MomentKind::AttentionDrop => (0.3, 120.0),
    };
    let c = [0.8, 1.0, 1.2][confidence as usize];
    rounded(f64::min(1.0, b * (0.5 + 0.5 * f64::min(1.0, k / full)) * c), 4)
}

/// Half away from zero, by the part behind the point.
pub(super) fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    let scaled = (number * scale).abs();
    let up = if scaled.fract() >= 0.5 { 1.0 } else { 0.0 };
    (scaled.trunc() + up).copysign(number) / scale
}

fn frustration_over(moments: &[(MomentKind, f64)]) -> f64 {
    let mut calm = 1.0;
    for (_, impact) in moments {
        calm *= 1.0 - 0.25 * impact;
    }
    rounded(1.0 - calm, 2)
}

pub(super) fn reference(recording: &Recording, cutoff: i64, include: &BTreeSet<Stream>) -> Reference {
    let mut events = recording.events.clone();
    events.retain(|event| event.at <= cutoff && include.contains(&Stream::Events));
    events.sort_by_key(|event| event.at);
    let mut snapshots = recording.snapshots.clone();
    snapshots.retain(|shot| shot.at <= cutoff && include.contains(&Stream::Facial));
    let mut segments = recording.segments.clone();
    segments.retain(|segment| segment.start <= cutoff && include.contains(&Stream::Voice));
    let pauses = &recording.pauses;
    let signs = signs(&snapshots, &segments);
    let mut moments = rage_clicks(&events);
    moments.extend(error_bursts(&events));
    moments.extend(dead_clicks(&events, cutoff));
    moments.extend(attention_drops(&events, pauses));
    moments.extend(hesitations(&events, pauses));
    moments.extend(confusions(&signs, &events));
    let moments = ordered(moments);
    let rated: Vec<_> = moments
        .iter()
        .map(|moment| {
            let (from, to) = (moment.start - 5_000, moment.end + 5_000);
            let touched = |start: i64, end: i64| start <= to && end >= from;
            let mut streams = moment.own.clone();
            if moments.iter().any(|other| other.kind != MomentKind::Confusion && touched(other.start, other.end)) {
                streams.insert(Stream::Events);
            }
            streams.extend(signs.iter().filter(|sign| touched(sign.0, sign.1)).map(|sign| sign.2));
            let level = streams.len() - 1 + usize::from(moment.kind == MomentKind::RageClick);
            if answered(moment, &events) {
                let raw = 0.4 * (0.5 + 0.5 * f64::min(1.0, moment.k / 6.0)) * 0.8;
                return (streams, Confidence::Low, rounded(raw, 4));
            }
            let confidence = [Confidence::Low, Confidence::Medium, Confidence::High][level.min(2)];
            (streams, confidence, impact(moment.kind, moment.k, confidence))
        })
        .collect();
    let over = |holds: &dyn Fn(&Expected) -> bool| {
        let own = moments.iter().zip(&rated).filter(|(moment, _)| holds(moment));
        frustration_over(&own.map(|(moment, rated)| (moment.kind, rated.2)).collect::<Vec<_>>())
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
    let points = |frustration: f64| (100.0 * (1.0 - frustration)).round() as u32;
    let confusion =
        |stream: Stream| points(over(&|moment| moment.kind == MomentKind::Confusion && moment.own.contains(&stream)));
    let scores = SubScores {
        overall: points(over(&|_| true)),
        interaction: (!events.is_empty()).then(|| points(over(&|moment| moment.kind != MomentKind::Confusion))),
        emotion: (!snapshots.is_empty()).then(|| confusion(Stream::Facial)),
        voice: (!segments.is_empty()).then(|| confusion(Stream::Voice)),
    };
    Reference { frustration: over(&|_| true), scores, rated, moments }
}
