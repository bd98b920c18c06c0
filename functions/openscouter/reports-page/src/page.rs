//! A report as a page that a person can open and print (openscouter 13).

use maud::{Markup, PreEscaped, html};
use time::OffsetDateTime;

use shared::{
    clock::epoch_millis,
    model::Report,
    openscouter::reports::view::{Contents, Finding, Moment, SessionContents, Share, StudyContents, tester_label},
};

use crate::{
    plot,
    text::{SEVERITIES, Span, Written, happened, since, words},
};

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1f;background:#fff;margin:0 auto;\
max-width:64rem;padding:1.5rem;overflow-wrap:anywhere}h1{font-size:1.75rem;margin:0 0 .25rem}h2{font-size:1.25rem;margin:2rem 0 .5rem}\
.meta{color:#4a4a55;margin:0}dl{display:flex;flex-wrap:wrap;gap:1rem;margin:1.5rem 0}dl div{border:1px solid #8a8a96;\
border-radius:.5rem;padding:.5rem 1rem}dt{color:#4a4a55}dd{font-size:1.5rem;font-weight:600;margin:0}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.25rem 0}\
th,td{border-bottom:1px solid #c8c8d0;padding:.4rem .6rem;text-align:left;vertical-align:top;overflow-wrap:normal}td.where{overflow-wrap:anywhere;\
min-width:10rem}.short{white-space:nowrap}.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\
figure{margin:1rem 0}figcaption{color:#4a4a55}svg{max-width:100%;height:auto}blockquote{margin:.5rem 0;padding-left:1rem;\
border-left:3px solid #8a8a96;white-space:pre-wrap}@media print{body{max-width:none;padding:0;font-size:11pt}\
h2{break-after:avoid}tr,figure,blockquote{break-inside:avoid}.scroll{overflow:visible}th,td{padding:.2rem .4rem}table{font-size:9pt}}";

/// What stands where nothing is known.
const NONE: &str = "–";

fn integer(number: Option<impl Into<u64>>) -> String {
    number.map_or_else(|| NONE.to_owned(), |number| number.into().to_string())
}

/// A number as JSON shows it: with a decimal point.
fn decimal(number: Option<f64>) -> String {
    number.map_or_else(|| NONE.to_owned(), |number| format!("{number:?}"))
}

/// A time as people read it.
fn day(time: OffsetDateTime) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    format!("{} {} {}, {hour:02}:{minute:02} UTC", time.day(), time.month(), time.year())
}

/// The page of a complete report; `span` is its session's start and end.
pub(crate) fn page(report: &Report, contents: &Contents, title: &str, span: Option<Span>) -> String {
    let (kind, label) = match contents {
        Contents::Session(_) => ("Session", tester_label(report)),
        Contents::Study(study) => {
            let noun = if study.tester_count == Some(1) { "tester" } else { "testers" };
            ("Study", format!("{} {noun}", integer(study.tester_count)))
        }
    };
    let completed = report.completed_at.map(day).unwrap_or_default();
    let page = html! {
        (PreEscaped("<!doctype html>"))
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="robots" content="noindex";
                title { (Written(title)) " – " (label) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 dir="auto" { (Written(title)) }
                    p class="meta" { (kind) " report, " (label) ", version " (report.edition) ", " (completed) }
                }
                main {
                    @match contents {
                        Contents::Session(session) => (of_session(session, span)),
                        Contents::Study(study) => (of_study(study)),
                    }
                }
            }
        }
    };
    page.into_string()
}

fn of_session(session: &SessionContents, span: Option<Span>) -> Markup {
    let findings = session.findings.as_deref().unwrap_or_default();
    let comments = session.tester_comments.as_deref().unwrap_or_default();
    let time = |finding: &Finding<Moment>| match (span, happened(finding)) {
        (Some((start, _)), Some(at)) => since(at - epoch_millis(start)),
        _ => NONE.to_owned(),
    };
    html! {
        (scores(session.accessibility_score, session.overall_frustration_score, session.summary.as_deref()))
        h2 { "Severity" }
        (severity_table(findings))
        @if let Some(span) = span {
            h2 { "Timeline" }
            (plot::timeline(findings, span))
        }
        h2 { "Findings" }
        (findings_table(findings, "Time", &time))
        h2 { "What the tester says" }
        @if comments.is_empty() { p { "Nothing was added." } }
        @for comment in comments { blockquote dir="auto" { (Written(comment)) } }
    }
}

fn of_study(study: &StudyContents) -> Markup {
    let findings = study.findings.as_deref().unwrap_or_default();
    let testers =
        |finding: &Finding<Share>| format!("{} ({:.0}%)", finding.place.affected_testers, finding.place.share * 100.0);
    html! {
        (scores(study.accessibility_score, study.average_frustration_score, study.summary.as_deref()))
        h2 { "Severity" }
        (severity_table(findings))
        @if !findings.is_empty() {
            h2 { "Share of testers" }
            (plot::shares(findings))
        }
        h2 { "Findings" }
        (findings_table(findings, "Testers", &testers))
        h2 { "Neurodivergent categories" }
        (strata_table(study))
    }
}

fn scores(accessibility: Option<u32>, frustration: Option<f64>, summary: Option<&str>) -> Markup {
    html! {
        dl {
            div { dt { "Accessibility score" } dd { (integer(accessibility)) " of 100" } }
            div { dt { "Frustration" } dd { (decimal(frustration)) } }
        }
        p dir="auto" { (Written(summary.unwrap_or(NONE))) }
    }
}

fn severity_table<P>(findings: &[Finding<P>]) -> Markup {
    html! {
        table {
            caption class="unseen" { "Findings by severity" }
            thead { tr { th scope="col" { "Severity" } th scope="col" { "Findings" } } }
            tbody {
                @for (name, _) in SEVERITIES {
                    tr {
                        th scope="row" { (name) }
                        td { (findings.iter().filter(|finding| finding.severity == name).count()) }
                    }
                }
            }
        }
    }
}

/// The table of findings; its last column is named `last` and filled by `cell`.
fn findings_table<P>(findings: &[Finding<P>], last: &str, cell: &dyn Fn(&Finding<P>) -> String) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="Findings" {
            table {
                caption class="unseen" { "Findings" }
                thead {
                    tr {
                        @for name in ["Severity", "Type", "WCAG criterion", "Where", "Recommendation", "Confidence", last] {
                            th scope="col" { (name) }
                        }
                    }
                }
                tbody {
                    @for finding in findings {
                        tr {
                            td class="short" { (Written(&finding.severity)) }
                            td { (Written(&words(&finding.kind))) }
                            td {
                                (Written(&finding.wcag.criterion)) " " (Written(&finding.wcag.name))
                                " (" (Written(&finding.wcag.level)) ")"
                            }
                            td class="where" dir="auto" { (Written(&finding.context)) }
                            td class="where" dir="auto" { (Written(&finding.recommendation)) }
                            td class="short" { (Written(&finding.confidence)) }
                            td class="short" { (cell(finding)) }
                        }
                    }
                }
            }
        }
    }
}

fn strata_table(study: &StudyContents) -> Markup {
    html! {
        table {
            caption class="unseen" { "By category" }
            thead {
                tr {
                    th scope="col" { "Category" }
                    th scope="col" { "Testers" }
                    th scope="col" { "Mean frustration" }
                }
            }
            tbody {
                @for stratum in study.nd_stratification.as_deref().unwrap_or_default() {
                    tr {
                        th scope="row" { (Written(&words(&stratum.category))) }
                        td { (stratum.testers) }
                        td { (decimal(Some(stratum.average_frustration_score))) }
                    }
                }
            }
        }
        p class="meta" {
            "Categories with fewer than three testers are not shown: " (integer(study.suppressed_strata)) "."
        }
    }
}
