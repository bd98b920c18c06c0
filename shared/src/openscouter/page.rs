//! A report as a page that a person can open and print (openscouter 13).

use std::fmt::Write as _;

use serde_json::Value;
use time::OffsetDateTime;

use super::format::parse_time;
use crate::clock::epoch_millis;

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fff;margin:0 auto;\
max-width:64rem;padding:1.5rem}h1{font-size:1.75rem;margin:0 0 .25rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}\
.meta{color:#4a4a55;margin:0}dl{display:flex;flex-wrap:wrap;gap:1rem;margin:1.5rem 0}dl div{border:1px solid #8a8a96;\
border-radius:.5rem;padding:.5rem 1rem}dt{color:#4a4a55}dd{font-size:1.5rem;font-weight:600;margin:0}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.25rem 0}\
th,td{border-bottom:1px solid #c8c8d0;padding:.4rem .6rem;text-align:left;vertical-align:top}td.where{overflow-wrap:anywhere;\
min-width:10rem}.short{white-space:nowrap}.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\
figure{margin:1rem 0}figcaption{color:#4a4a55}svg{max-width:100%;height:auto}blockquote{margin:.5rem 0;padding-left:1rem;\
border-left:3px solid #8a8a96;white-space:pre-wrap}@media print{body{max-width:none;padding:0;font-size:11pt}\
h2{break-after:avoid}tr,figure,blockquote{break-inside:avoid}.scroll{overflow:visible}th,td{padding:.2rem .4rem}table{font-size:9pt}}";

/// Severities with their mark and colour: neither alone tells them apart.
const SEVERITIES: [(&str, &str); 4] =
    [("critical", "#8f0f1f"), ("high", "#a34400"), ("medium", "#665200"), ("low", "#1f5a2e")];

/// Width and left edge of a plot.
const WIDTH: f64 = 800.0;
const LEFT: f64 = 40.0;

/// A text as HTML shows it. Characters that steer how text is laid out or that no document may hold are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() && !matches!(c, '\t' | '\n') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => escape(text),
        Some(Value::Null) | None => "–".to_owned(),
        Some(other) => escape(&other.to_string()),
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn findings(report: &Value) -> &[Value] {
    report.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// `hh:mm:ss` since a start.
fn since(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn at(finding: &Value) -> Option<i64> {
    parse_time(finding.get("timestamp")?.as_str()?).map(epoch_millis)
}

/// The shape that stands for a severity.
fn mark(severity: &str, x: f64, y: f64) -> String {
    let place = SEVERITIES.iter().position(|(name, _)| *name == severity).unwrap_or(3);
    let colour = SEVERITIES.get(place).map_or("#000", |(_, colour)| colour);
    let shape = match place {
        0 => format!("<path d=\"M{:.1} {:.1}h14v14h-14z\"", x - 7.0, y - 7.0),
        1 => format!("<path d=\"M{x:.1} {:.1}l8 14h-16z\"", y - 8.0),
        2 => format!("<path d=\"M{x:.1} {:.1}l8 8l-8 8l-8 -8z\"", y - 8.0),
        _ => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\""),
    };
    format!("{shape} fill=\"{colour}\"")
}

/// When in the session its findings lie.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a session")]
fn timeline(report: &Value, (start, end): (OffsetDateTime, OffsetDateTime)) -> String {
    let (start, end) = (epoch_millis(start), epoch_millis(end));
    let length = (end - start).max(1_000);
    let place = |at: i64| LEFT + (at - start).clamp(0, length) as f64 / length as f64 * (WIDTH - 2.0 * LEFT);
    let mut svg = String::new();
    let count = findings(report).len();
    let _ = write!(
        svg,
        "<figure><svg viewBox=\"0 0 {WIDTH} 150\" role=\"img\" aria-labelledby=\"tl-t tl-d\"><title id=\"tl-t\">Timeline</title>\
         <desc id=\"tl-d\">{count} findings over {} of session time; each is listed with its time in the table of findings.</desc>\
         <path d=\"M{LEFT} 115H{}\" stroke=\"#1b1b1f\"/>",
        since(length),
        WIDTH - LEFT
    );
    for tick in 0..=4 {
        let at = start + length * tick / 4;
        let x = place(at);
        let _ = write!(
            svg,
            "<path d=\"M{x:.1} 115v6\" stroke=\"#1b1b1f\"/><text x=\"{x:.1}\" y=\"138\" font-size=\"13\" \
             text-anchor=\"middle\">{}</text>",
            since(at - start)
        );
    }
    for finding in findings(report) {
        let Some(at) = at(finding) else { continue };
        let severity = finding.get("severity").and_then(Value::as_str).unwrap_or("low");
        let row = SEVERITIES.iter().position(|(name, _)| *name == severity).unwrap_or(3);
        let y = 16.0 + 25.0 * row as f64;
        let _ = write!(
            svg,
            "{}><title>{} ({}) at {}: {}</title></{}>",
            mark(severity, place(at), y),
            escape(&words(finding.get("type").and_then(Value::as_str).unwrap_or_default())),
            escape(severity),
            since(at - start),
            text(finding, "context"),
            if row == 3 { "circle" } else { "path" },
        );
    }
    svg.push_str("</svg><figcaption>One row for each severity, the worst on top.</figcaption></figure>");
    svg
}

/// How many of the testers each finding of a study concerns.
#[expect(clippy::cast_precision_loss, reason = "rows of a plot")]
fn shares(report: &Value) -> String {
    const ROWS: usize = 20;
    /// Of all testers; to its right there is room for what it says.
    const WIDEST: f64 = 350.0;
    let shown = findings(report).iter().take(ROWS);
    let height = 10.0 + 26.0 * shown.len() as f64;
    let mut svg = format!(
        "<figure><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"sh-t\">\
         <title id=\"sh-t\">Share of testers for each finding</title>"
    );
    for (row, finding) in shown.enumerate() {
        let share = finding.get("share").and_then(Value::as_f64).unwrap_or_default().clamp(0.0, 1.0);
        let severity = finding.get("severity").and_then(Value::as_str).unwrap_or("low");
        let colour = SEVERITIES.iter().find(|(name, _)| *name == severity).map_or("#000", |(_, colour)| colour);
        let kind = finding.get("type").and_then(Value::as_str).unwrap_or_default();
        let y = 8.0 + 26.0 * row as f64;
        let _ = write!(
            svg,
            "<rect x=\"320\" y=\"{y:.1}\" width=\"{:.1}\" height=\"18\" fill=\"{colour}\"/>\
             <text x=\"310\" y=\"{:.1}\" font-size=\"13\" text-anchor=\"end\">{}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"13\">{:.0}% ({})</text>",
            share * WIDEST,
            y + 13.0,
            escape(&shortened(&format!(
                "{}: {}",
                words(kind),
                finding.get("context").and_then(Value::as_str).unwrap_or_default()
            ))),
            328.0 + share * WIDEST,
            y + 13.0,
            share * 100.0,
            escape(severity),
        );
    }
    svg.push_str("</svg><figcaption>The first twenty findings, by severity and share.</figcaption></figure>");
    svg
}

fn shortened(text: &str) -> String {
    const MOST: usize = 42;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}

fn severity_table(report: &Value) -> String {
    let mut rows = String::new();
    for (name, _) in SEVERITIES {
        let of = |finding: &&Value| finding.get("severity").and_then(Value::as_str) == Some(name);
        let count = findings(report).iter().filter(of).count();
        let _ = write!(rows, "<tr><th scope=\"row\">{name}</th><td>{count}</td></tr>");
    }
    format!(
        "<table><caption class=\"unseen\">Findings by severity</caption><thead><tr><th scope=\"col\">Severity</th>\
         <th scope=\"col\">Findings</th></tr></thead><tbody>{rows}</tbody></table>"
    )
}

fn findings_table(report: &Value, start: Option<OffsetDateTime>) -> String {
    let last = if start.is_some() { "Time" } else { "Testers" };
    let mut rows = String::new();
    for finding in findings(report) {
        let wcag = finding.get("wcag").cloned().unwrap_or_default();
        let last = match start {
            Some(start) => at(finding).map_or_else(|| "–".to_owned(), |at| since(at - epoch_millis(start))),
            None => {
                let share = finding.get("share").and_then(Value::as_f64).unwrap_or_default() * 100.0;
                format!("{} ({share:.0}%)", text(finding, "affectedTesters"))
            }
        };
        let _ = write!(
            rows,
            "<tr><td class=\"short\">{}</td><td>{}</td><td>{} {} ({})</td><td class=\"where\">{}</td><td>{}</td>\
             <td class=\"short\">{}</td><td class=\"short\">{last}</td></tr>",
            text(finding, "severity"),
            words(&text(finding, "type")),
            text(&wcag, "criterion"),
            text(&wcag, "name"),
            text(&wcag, "level"),
            text(finding, "context"),
            text(finding, "recommendation"),
            text(finding, "confidence"),
        );
    }
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Findings\"><table><caption class=\"unseen\">Findings</caption><thead><tr>\
         <th scope=\"col\">Severity</th><th scope=\"col\">Type</th><th scope=\"col\">WCAG criterion</th><th scope=\"col\">Where</th>\
         <th scope=\"col\">Recommendation</th><th scope=\"col\">Confidence</th><th scope=\"col\">{last}</th></tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}

fn strata_table(report: &Value) -> String {
    let strata = report.get("ndStratification").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut rows = String::new();
    for stratum in strata {
        let _ = write!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            words(&text(stratum, "category")),
            text(stratum, "testers"),
            text(stratum, "averageFrustrationScore"),
        );
    }
    format!(
        "<table><caption class=\"unseen\">By category</caption><thead><tr><th scope=\"col\">Category</th><th scope=\"col\">Testers</th>\
         <th scope=\"col\">Mean frustration</th></tr></thead><tbody>{rows}</tbody></table>\
         <p class=\"meta\">Categories with fewer than three testers are not shown: {}.</p>",
        text(report, "suppressedStrata")
    )
}

/// A time as people read it.
fn day(time: OffsetDateTime) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    format!("{} {} {}, {hour:02}:{minute:02} UTC", time.day(), time.month(), time.year())
}

/// The page of a complete report; `span` is its session's start and end.
pub fn page(report: &Value, title: &str, span: Option<(OffsetDateTime, OffsetDateTime)>) -> String {
    let of_session = report.get("kind").and_then(Value::as_str) == Some("session");
    let title = escape(title);
    let (label, frustration) = if of_session {
        (text(report, "testerLabel"), "overallFrustrationScore")
    } else {
        let testers = text(report, "testerCount");
        let noun = if testers == "1" { "tester" } else { "testers" };
        (format!("{testers} {noun}"), "averageFrustrationScore")
    };
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\"><title>{title} – {label}</title>\
         <style>{STYLE}</style></head><body><header><h1>{title}</h1><p class=\"meta\">{} report, {label}, version {}, {}</p></header><main>\
         <dl><div><dt>Accessibility score</dt><dd>{} of 100</dd></div><div><dt>Frustration</dt><dd>{}</dd></div></dl><p>{}</p>",
        if of_session { "Session" } else { "Study" },
        text(report, "version"),
        report.get("completedAt").and_then(Value::as_str).and_then(parse_time).map(day).unwrap_or_default(),
        text(report, "accessibilityScore"),
        text(report, frustration),
        text(report, "summary"),
    );
    html.push_str("<h2>Severity</h2>");
    html.push_str(&severity_table(report));
    if let Some(span) = span.filter(|_| of_session) {
        html.push_str("<h2>Timeline</h2>");
        html.push_str(&timeline(report, span));
    } else if !of_session && !findings(report).is_empty() {
        html.push_str("<h2>Share of testers</h2>");
        html.push_str(&shares(report));
    }
    html.push_str("<h2>Findings</h2>");
    html.push_str(&findings_table(report, span.filter(|_| of_session).map(|(start, _)| start)));
    if of_session {
        html.push_str("<h2>What the tester says</h2>");
        let comments = report.get("testerComments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if comments.is_empty() {
            html.push_str("<p>Nothing was added.</p>");
        }
        for comment in comments.iter().filter_map(Value::as_str) {
            let _ = write!(html, "<blockquote>{}</blockquote>", escape(comment));
        }
    } else {
        html.push_str("<h2>Neurodivergent categories</h2>");
        html.push_str(&strata_table(report));
    }
    html.push_str("</main></body></html>");
    html
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding(at: &str, severity: &str, context: &str) -> Value {
        json!({"findingId": "find_1", "type": "rage_click", "severity": severity, "confidence": "high",
            "wcag": {"criterion": "4.1.3", "name": "Status Messages", "level": "AA"}, "context": context,
            "recommendation": "Do it.", "timestamp": at})
    }

    fn report(findings: &[Value]) -> Value {
        json!({"reportId": "rep_1", "kind": "session", "testerLabel": "Tester 1", "version": 1, "accessibilityScore": 81,
            "overallFrustrationScore": 0.38, "summary": "s", "findings": findings, "testerComments": ["<b>&\"'</b>\u{202e}x\u{0}"],
            "completedAt": "2026-03-16T11:50:00Z"})
    }

    fn span(seconds: i64) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let start = parse_time("2026-03-16T10:00:00Z").unwrap();
        Some((start, start + time::Duration::seconds(seconds)))
    }

    #[test]
    fn what_people_wrote_is_text_and_nothing_else() {
        let hostile = "</title><script>alert('1')</script>]]>\u{202e}\u{7}";
        let html = page(&report(&[finding("2026-03-16T10:00:01.000Z", "high", hostile)]), hostile, span(60));
        assert!(
            !html.contains("<script")
                && !html.contains('\u{202e}')
                && !html.contains('\u{7}')
                && !html.contains('\u{0}')
        );
        assert!(html.contains("&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;x"));
        assert_eq!(html, page(&report(&[finding("2026-03-16T10:00:01.000Z", "high", hostile)]), hostile, span(60)));
    }

    #[test]
    fn every_finding_has_a_place_within_the_plot() {
        for seconds in [0, 60, 36_000] {
            let findings: Vec<_> = ["09:59:00.000", "10:00:00.000", "10:00:59.999", "23:59:59.000"]
                .iter()
                .zip(["critical", "high", "medium", "low"])
                .map(|(at, severity)| finding(&format!("2026-03-16T{at}Z"), severity, "c"))
                .collect();
            let html = page(&report(&findings), "t", span(seconds));
            assert!(!html.contains("NaN") && !html.contains("inf"));
            assert_eq!(html.matches("<title>rage click (").count(), 4);
        }
        assert!(page(&report(&[]), "t", span(60)).contains("<td>0</td>"));
    }

    #[test]
    fn a_study_shows_shares_and_strata() {
        let mut of_study = finding("x", "critical", "Checkout - #pay");
        of_study["share"] = json!(0.6);
        of_study["affectedTesters"] = json!(3);
        let report = json!({"kind": "study", "testerCount": 5, "version": 2, "accessibilityScore": 80, "averageFrustrationScore": 0.2,
            "summary": "s", "findings": [of_study], "suppressedStrata": 2,
            "ndStratification": [{"category": "sensory_processing", "testers": 3, "averageFrustrationScore": 0.2, "topFindingIds": []}]});
        let html = page(&report, "t", None);
        assert!(
            html.contains("60% (critical)") && html.contains("sensory processing") && html.contains("not shown: 2.")
        );
        assert!(html.contains("3 (60%)"));
    }
}
