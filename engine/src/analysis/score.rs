//! Confidence, impact, severity, frustration; criteria and the accessibility score (openscouter 12.6, 12.7).

use std::collections::BTreeSet;

use super::{
    detect::{Detected, Found},
    model::{Confidence, EventKind, Moment, MomentKind, Severity, Stream, SubScores},
};

/// How far around a moment other streams are asked.
const AROUND: i64 = 5_000;

/// Half away from zero, on the scaled number (openscouter 12.6).
#[must_use]
pub fn round(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}

/// What a kind weighs, and the magnitude at which it weighs all of it.
const fn scale(kind: MomentKind) -> (f64, f64) {
    match kind {
        MomentKind::RageClick => (0.8, 6.0),
        MomentKind::ErrorBurst => (0.7, 6.0),
        MomentKind::Confusion => (0.6, 1.0),
        MomentKind::HesitationCluster => (0.5, 40.0),
        MomentKind::DeadClick => (0.4, 4.0),
        MomentKind::AttentionDrop => (0.3, 120.0),
    }
}

pub(super) fn confidence(kind: MomentKind, streams: usize) -> Confidence {
    match streams + usize::from(kind == MomentKind::RageClick) {
        0 | 1 => Confidence::Low,
        2 => Confidence::Medium,
        _ => Confidence::High,
    }
}

/// Clicks that were answered weigh half.
pub(super) fn impact(kind: MomentKind, k: f64, confidence: Confidence, answered: bool) -> f64 {
    let (base, full) = scale(kind);
    let base = if answered { base / 2.0 } else { base };
    let sure = match confidence {
        Confidence::Low => 0.8,
        Confidence::Medium => 1.0,
        Confidence::High => 1.2,
    };
    round((base * (0.5 + 0.5 * (k / full).min(1.0)) * sure).min(1.0), 4)
}

pub(super) const fn severity(impact: f64) -> Severity {
    if impact >= 0.75 {
        Severity::Critical
    } else if impact >= 0.5 {
        Severity::High
    } else if impact >= 0.3 {
        Severity::Medium
    } else {
        Severity::Low
    }
}

/// Spans by their start, each with the latest end up to it: what touches a span is found without looking at all.
struct Spans(Vec<(i64, i64)>);

impl Spans {
    fn new(spans: impl Iterator<Item = (i64, i64)>) -> Self {
        let mut spans: Vec<_> = spans.collect();
        spans.sort_unstable();
        let mut latest = i64::MIN;
        for span in &mut spans {
            latest = latest.max(span.1);
            span.1 = latest;
        }
        Self(spans)
    }

    /// Whether one of them touches `from..=to`.
    fn touch(&self, (from, to): (i64, i64)) -> bool {
        let begun = self.0.partition_point(|(start, _)| *start <= to);
        let last = begun.checked_sub(1).and_then(|last| self.0.get(last));
        last.is_some_and(|(_, latest)| *latest >= from)
    }
}

/// Rates what was found, in its order.
pub(super) fn rate(detected: Detected) -> Vec<Moment> {
    let acts = detected.moments.iter().filter(|moment| moment.kind != MomentKind::Confusion);
    let acts = Spans::new(acts.map(|moment| moment.span));
    let signs = |stream: Stream| {
        Spans::new(detected.evidence.iter().filter(|item| item.stream == stream).map(|item| item.span))
    };
    let shown =
        [(Stream::Events, acts), (Stream::Facial, signs(Stream::Facial)), (Stream::Voice, signs(Stream::Voice))];
    let rated = detected.moments.into_iter().map(|Found { kind, span, k, pinned, own, answered }| {
        let around = (span.0.saturating_sub(AROUND), span.1.saturating_add(AROUND));
        let mut streams = own.clone();
        streams.extend(shown.iter().filter(|(_, spans)| spans.touch(around)).map(|(stream, _)| *stream));
        let confidence = if answered { Confidence::Low } else { confidence(kind, streams.len()) };
        let impact = impact(kind, k, confidence, answered);
        Moment { kind, span, k, pinned, streams, confidence, impact, severity: severity(impact), own }
    });
    rated.collect()
}

/// How frustrating these moments are together: 0 to 1, two decimals.
#[must_use]
pub fn frustration(moments: &[Moment]) -> f64 {
    let mut ordered: Vec<_> = moments.iter().collect();
    ordered.sort_by_key(|moment| (moment.span.0, moment.kind));
    frustration_of(ordered.iter().map(|moment| moment.impact))
}

/// How frustrating moments of these impacts are together, in the order of their start and kind.
#[must_use]
pub fn frustration_of(impacts: impl IntoIterator<Item = f64>) -> f64 {
    let calm: f64 = impacts.into_iter().map(|impact| 1.0 - 0.25 * impact).product();
    round(1.0 - calm, 2)
}

/// Scores over rated moments in the order of their start and kind, each with its impact and its own streams; `filled` are
/// the streams that have items (openscouter 12.6).
#[must_use]
pub fn sub_scores(rated: &[(MomentKind, f64, &BTreeSet<Stream>)], filled: &BTreeSet<Stream>) -> SubScores {
    let over = |holds: &dyn Fn(MomentKind, &BTreeSet<Stream>) -> bool| {
        let held = rated.iter().filter(|(kind, _, own)| holds(*kind, own));
        let points = (100.0 * (1.0 - frustration_of(held.map(|(_, impact, _)| *impact)))).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
        let points = points as u32;
        points
    };
    let of = |stream: Stream, holds: &dyn Fn(MomentKind, &BTreeSet<Stream>) -> bool| {
        filled.contains(&stream).then(|| over(holds))
    };
    let confused = |stream: Stream| {
        of(stream, &|kind, own: &BTreeSet<Stream>| kind == MomentKind::Confusion && own.contains(&stream))
    };
    SubScores {
        overall: over(&|_, _| true),
        interaction: of(Stream::Events, &|kind, _| kind != MomentKind::Confusion),
        emotion: confused(Stream::Facial),
        voice: confused(Stream::Voice),
    }
}

/// A success criterion with what to do about it (openscouter 12.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wcag {
    /// `4.1.3`
    pub criterion: &'static str,
    /// Its name.
    pub name: &'static str,
    /// `A` or `AA`.
    pub level: &'static str,
    /// What to do.
    pub recommendation: &'static str,
}

const fn entry(criterion: &'static str, name: &'static str, level: &'static str, recommendation: &'static str) -> Wcag {
    Wcag { criterion, name, level, recommendation }
}

/// The criterion that a moment stands for.
#[must_use]
pub fn wcag(moment: &Moment) -> Wcag {
    let asks = moment.pinned.as_ref().is_some_and(|event| matches!(event.kind, EventKind::Input | EventKind::Focus));
    criterion(moment.kind, asks)
}

/// The criterion of this number that moments of a kind stand for.
#[must_use]
pub fn wcag_of(kind: MomentKind, number: &str) -> Wcag {
    let asking = criterion(kind, true);
    if asking.criterion == number { asking } else { criterion(kind, false) }
}

/// The criterion of a kind; of a hesitation it matters whether its element asks for something.
fn criterion(kind: MomentKind, asks: bool) -> Wcag {
    const LABEL: &str = "Make the label say what the step needs and why.";
    match kind {
        MomentKind::RageClick => {
            entry("4.1.3", "Status Messages", "AA", "Show at once that the action was received and what happens next.")
        }
        MomentKind::ErrorBurst => entry(
            "3.3.1",
            "Error Identification",
            "A",
            "Name each error in text next to its field and say how to correct it.",
        ),
        MomentKind::Confusion => entry(
            "3.2.4",
            "Consistent Identification",
            "AA",
            "Use the same words and symbols for the same function throughout.",
        ),
        MomentKind::HesitationCluster if asks => entry("3.3.2", "Labels or Instructions", "A", LABEL),
        MomentKind::HesitationCluster => entry("2.4.6", "Headings and Labels", "AA", LABEL),
        MomentKind::DeadClick => {
            entry("4.1.2", "Name, Role, Value", "A", "Make the element operable, or stop it from looking operable.")
        }
        MomentKind::AttentionDrop => entry(
            "2.2.2",
            "Pause, Stop, Hide",
            "A",
            "Remove or allow to pause what competes for attention; keep progress visible.",
        ),
    }
}

/// The accessibility score of findings of these severities: 100 without any.
#[must_use]
pub fn accessibility(severities: impl IntoIterator<Item = Severity>) -> u32 {
    let weights = severities.into_iter().map(|severity| match severity {
        Severity::Critical => 20_u32,
        Severity::High => 10,
        Severity::Medium => 4,
        Severity::Low => 1,
    });
    100_u32.saturating_sub(weights.fold(0, u32::saturating_add))
}
