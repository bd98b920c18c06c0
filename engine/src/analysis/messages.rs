//! The texts of an analysis, and the tone for those who write better ones (openscouter 12.4, 12.8).

use std::collections::BTreeMap;

use super::{
    detect::weight,
    model::{Analysis, Moment, Snapshot},
};

/// What the texts call things.
#[derive(Clone, Debug, Default)]
pub struct Titles {
    /// The study's title.
    pub study: String,
    /// The tasks' titles by their ids.
    pub tasks: BTreeMap<String, String>,
}

impl Titles {
    /// `<task title> - <element>`.
    #[must_use]
    pub fn context(&self, moment: &Moment) -> String {
        let task = moment.pinned.as_ref().and_then(|event| self.tasks.get(event.task.as_ref()?));
        format!("{} - {}", task.unwrap_or(&self.study), moment.element().unwrap_or("session"))
    }
}

/// `1 moment`, `2 moments`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The summary of an analysis.
#[must_use]
pub fn summary(analysis: &Analysis, titles: &Titles) -> String {
    let mut worst: Option<&Moment> = None;
    for moment in &analysis.moments {
        // the first one on ties
        if worst.is_none_or(|worst| moment.impact > worst.impact) {
            worst = Some(moment);
        }
    }
    let worst = worst.map(|worst| titles.context(worst));
    summary_of(analysis.moments.len(), analysis.frustration, worst.as_deref())
}

/// The summary of so many moments, with the context of the worst one.
#[must_use]
pub fn summary_of(count: usize, frustration: f64, worst: Option<&str>) -> String {
    match worst {
        None => "No barriers were found in the analysed period.".to_owned(),
        Some(worst) => {
            let moments = counted(count, "moment");
            format!("{moments} found; frustration {frustration:.2}; most affected: {worst}.")
        }
    }
}

/// The note of a moment, with its time since `started_at`.
#[must_use]
pub fn note(moment: &Moment, started_at: i64, titles: &Titles) -> String {
    let seconds = moment.span.0.saturating_sub(started_at).max(0) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let kind = moment.kind.as_str().replace('_', " ");
    format!("{kind} at {hours:02}:{minutes:02}:{seconds:02}: {}.", titles.context(moment))
}

/// The tone that a writer is given in place of any emotion: from the last minute before the cut-off,
/// both of its ends included.
#[must_use]
pub fn tone(snapshots: &[Snapshot], cutoff: i64) -> &'static str {
    let last = snapshots.iter().filter(|shot| shot.at <= cutoff && shot.at >= cutoff.saturating_sub(60_000));
    let distress: Vec<f64> = last.map(|shot| weight(&shot.emotion) * shot.confidence).collect();
    if distress.is_empty() {
        return "standard";
    }
    #[expect(clippy::cast_precision_loss, reason = "snapshots of a minute")]
    let mean = distress.iter().sum::<f64>() / distress.len() as f64;
    match mean {
        mean if mean < 0.25 => "standard",
        mean if mean < 0.5 => "supportive",
        mean if mean < 0.75 => "moderate",
        _ => "restorative",
    }
}
