//! The plots of a report's page, as inline SVG (openscouter 13).

use maud::{Markup, html};

use shared::{
    clock::epoch_millis,
    openscouter::reports::view::{Finding, Moment, Share},
};

use crate::text::{SEVERITIES, Span, Written, happened, since, words};

/// Width and left edge of a plot.
const WIDTH: f64 = 800.0;
const LEFT: f64 = 72.0;
/// The colour of lines.
const LINE: &str = "#1b1b1f";

/// The row of a severity, the worst on top; one that is not known is as low as can be.
fn row_of(severity: &str) -> usize {
    SEVERITIES.iter().position(|(name, _)| *name == severity).unwrap_or(SEVERITIES.len() - 1)
}

/// The colour of a severity.
fn colour_of(severity: &str) -> &'static str {
    SEVERITIES.iter().find(|(name, _)| *name == severity).map_or("#000", |(_, colour)| colour)
}

/// When in the session its findings lie.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a session")]
pub(crate) fn timeline(findings: &[Finding<Moment>], (start, end): Span) -> Markup {
    let (start, end) = (epoch_millis(start), epoch_millis(end));
    // what came in late can lie behind the end
    let end = findings.iter().filter_map(happened).fold(end, i64::max);
    let length = (end - start).max(1_000);
    let x_of = |at: i64| LEFT + (at - start).clamp(0, length) as f64 / length as f64 * (WIDTH - 2.0 * LEFT);
    html! {
        figure {
            svg viewBox=(format_args!("0 0 {WIDTH} 150")) role="img" aria-labelledby="tl-t tl-d" {
                title id="tl-t" { "Timeline" }
                desc id="tl-d" {
                    "Findings over " (since(length)) " of session time: " (findings.len())
                    ". Each is listed with its time in the table of findings."
                }
                path d=(format_args!("M{LEFT} 115H{}", WIDTH - LEFT)) stroke=(LINE) {}
                @for at in (0..=4).map(|tick| start + length * tick / 4) {
                    path d=(format_args!("M{:.1} 115v6", x_of(at))) stroke=(LINE) {}
                    text x=(format_args!("{:.1}", x_of(at))) y="138" font-size="13" text-anchor="middle" {
                        (since(at - start))
                    }
                }
                @for (row, (name, colour)) in SEVERITIES.iter().enumerate() {
                    text x=(LEFT - 16.0) y=(format_args!("{:.1}", y_of(row) + 4.0)) font-size="13" text-anchor="end" fill=(colour) { (name) }
                }
                @for (finding, at) in findings.iter().filter_map(|finding| Some((finding, happened(finding)?))) {
                    (mark(finding, x_of(at), since(at - start)))
                }
            }
            figcaption { "One row for each severity, the worst on top." }
        }
    }
}

/// The middle of a row of the timeline.
#[expect(clippy::cast_precision_loss, reason = "rows of a plot")]
fn y_of(row: usize) -> f64 {
    16.0 + 25.0 * row as f64
}

/// The mark of a finding on the timeline: its severity has a row, a shape and a colour.
fn mark(finding: &Finding<Moment>, x: f64, time: String) -> Markup {
    let row = row_of(&finding.severity);
    let y = y_of(row);
    let colour = SEVERITIES.get(row).map_or("#000", |(_, colour)| colour);
    let title = html! {
        title {
            (Written(&words(&finding.kind))) " (" (Written(&finding.severity)) ") at " (time) ": "
            (Written(&finding.context))
        }
    };
    let outline = match row {
        0 => format!("M{:.1} {:.1}h14v14h-14z", x - 7.0, y - 7.0),
        1 => format!("M{x:.1} {:.1}l8 14h-16z", y - 8.0),
        2 => format!("M{x:.1} {:.1}l8 8l-8 8l-8 -8z", y - 8.0),
        _ => {
            return html! {
                circle cx=(format_args!("{x:.1}")) cy=(format_args!("{y:.1}")) r="6" fill=(colour) { (title) }
            };
        }
    };
    html! { path d=(outline) fill=(colour) { (title) } }
}

/// How many of the testers each finding of a study concerns.
#[expect(clippy::cast_precision_loss, reason = "rows of a plot")]
pub(crate) fn shares(findings: &[Finding<Share>]) -> Markup {
    const MAX_ROWS: usize = 20;
    /// Of all testers; to its right there is room for a label.
    const MAX_WIDTH: f64 = 350.0;
    let shown = findings.get(..findings.len().min(MAX_ROWS)).unwrap_or_default();
    let height = 10.0 + 26.0 * shown.len() as f64;
    html! {
        figure {
            svg viewBox=(format_args!("0 0 {WIDTH} {height}")) role="img" aria-labelledby="sh-t" {
                title id="sh-t" { "Share of testers for each finding" }
                @for (row, finding) in shown.iter().enumerate() {
                    @let share = finding.place.share.clamp(0.0, 1.0);
                    @let y = 8.0 + 26.0 * row as f64;
                    @let baseline = format!("{:.1}", y + 13.0);
                    @let label = shortened(&format!("{}: {}", words(&finding.kind), finding.context));
                    rect x="320" y=(format_args!("{y:.1}")) width=(format_args!("{:.1}", share * MAX_WIDTH))
                        height="18" fill=(colour_of(&finding.severity)) {}
                    text x="310" y=(baseline) font-size="13" text-anchor="end" style="unicode-bidi:isolate" { (Written(&label)) }
                    text x=(format_args!("{:.1}", 328.0 + share * MAX_WIDTH)) y=(baseline) font-size="13" {
                        (format_args!("{:.0}%", share * 100.0)) " (" (Written(&finding.severity)) ")"
                    }
                }
            }
            figcaption { "The first twenty findings, by severity and share." }
        }
    }
}

/// A label that has room beside the plot.
fn shortened(text: &str) -> String {
    const MAX_LENGTH: usize = 42;
    if text.chars().count() <= MAX_LENGTH {
        return text.to_owned();
    }
    text.chars().take(MAX_LENGTH - 1).chain(['…']).collect()
}
