//! What the page shows of a report.

use serde_json::{Value, json};
use shared::{
    model::{AgentJob, AgentKind, AgentStatus, OrganizationId, Report, StudyId, TestSessionId, UserId},
    openscouter::{format::parse_time, reports::view::Contents},
};
use time::{Duration, OffsetDateTime};

use crate::{page::page, text::Span};

fn start() -> OffsetDateTime {
    parse_time("2026-03-16T10:00:00Z").unwrap()
}

fn span(seconds: i64) -> Option<Span> {
    Some((start(), start() + Duration::seconds(seconds)))
}

fn finding(at: &str, severity: &str, context: &str) -> Value {
    json!({"findingId": "find_1", "type": "rage_click", "severity": severity, "confidence": "high",
        "wcag": {"criterion": "4.1.3", "name": "Status Messages", "level": "AA"}, "context": context,
        "recommendation": "Do it.", "timestamp": at, "element": "#pay", "last": false})
}

/// A complete report, on a session or on a study.
fn report(of_session: bool, contents: &Value) -> Report {
    let now = start();
    let asker = (UserId::at(now), "request");
    let job = AgentJob {
        session: of_session.then(|| TestSessionId::at(now)),
        ..AgentJob::asked(AgentKind::Report, (StudyId::at(now), OrganizationId::at(now)), asker, now)
    };
    Report {
        status: AgentStatus::Complete,
        completed_at: Some(now + Duration::minutes(110)),
        contents: contents.to_string(),
        ..Report::first(&job, 1)
    }
}

fn shown(report: &Report, title: &str, span: Option<Span>) -> String {
    page(report, &Contents::of(report), title, span)
}

fn session(findings: &[Value]) -> Report {
    report(
        true,
        &json!({"accessibilityScore": 81, "overallFrustrationScore": 0.38, "summary": "s", "findings": findings,
            "testerComments": ["<b>&\"'</b>\u{202e}x\u{0}"]}),
    )
}

#[test]
fn what_people_wrote_is_text_and_nothing_else() {
    let hostile = "</title><script>alert('1')</script>]]>\u{202e}\u{7}";
    let report = session(&[finding("2026-03-16T10:00:01.000Z", "high", hostile)]);
    let html = shown(&report, hostile, span(60));
    assert!(
        !html.contains("<script") && !html.contains('\u{202e}') && !html.contains('\u{7}') && !html.contains('\u{0}')
    );
    assert!(html.contains("&lt;b&gt;&amp;&quot;'&lt;/b&gt;x"));
    assert_eq!(html, shown(&report, hostile, span(60)));
}

#[test]
fn every_finding_has_a_place_within_the_plot() {
    for seconds in [0, 60, 36_000] {
        let findings: Vec<_> = ["09:59:00.000", "10:00:00.000", "10:00:59.999", "23:59:59.000"]
            .iter()
            .zip(["critical", "high", "medium", "low"])
            .map(|(at, severity)| finding(&format!("2026-03-16T{at}Z"), severity, "c"))
            .collect();
        let html = shown(&session(&findings), "t", span(seconds));
        assert!(!html.contains("NaN") && !html.contains("inf"));
        assert!(html.contains("Findings over 13:59:59 of session time"), "to the last of them");
        assert_eq!(html.matches("<title>rage click (").count(), 4);
    }
    assert!(shown(&session(&[]), "t", span(60)).contains("<td>0</td>"));
}

#[test]
fn a_session_shows_its_scores_its_time_and_its_tester() {
    let html = shown(&session(&[finding("2026-03-16T10:00:01.000Z", "high", "c")]), "t", span(60));
    assert!(html.contains("<p class=\"meta\">Session report, Tester 1, version 1, 16 March 2026, 11:50 UTC</p>"));
    assert!(html.contains("<dd>81 of 100</dd>") && html.contains("<dd>0.38</dd>"));
    assert!(html.contains("<td class=\"short\">00:00:01</td>") && !html.contains("#pay"));
}

#[test]
fn a_study_shows_shares_and_strata() {
    let mut of_study = finding("x", "critical", "Checkout - #pay");
    of_study["share"] = json!(0.6);
    of_study["affectedTesters"] = json!(3);
    let contents = json!({"testerCount": 5, "accessibilityScore": 80, "averageFrustrationScore": 0.2, "summary": "s",
        "findings": [of_study], "suppressedStrata": 2, "ndStratification": [{"category": "sensory_processing",
            "testers": 3, "averageFrustrationScore": 0.2, "topFindingIds": []}]});
    let html = shown(&report(false, &contents), "t", None);
    assert!(html.contains("60% (critical)") && html.contains("sensory processing") && html.contains("not shown: 2."));
    assert!(html.contains("3 (60%)") && html.contains("Study report, 5 testers, version 1"));
}

#[test]
fn long_words_break_and_directions_stay_where_they_are() {
    let long = format!("مرحبا {}", "div.css-1q2w3e4r5t6y7u8i9o0p>".repeat(30));
    let html = shown(&session(&[finding("2026-03-16T10:00:01.000Z", "high", &long)]), &long, span(60));
    for open in
        ["<h1 dir=\"auto\">", "<blockquote dir=\"auto\">", "<p dir=\"auto\">", "<td class=\"where\" dir=\"auto\">"]
    {
        assert!(html.contains(open), "{open}");
    }
    assert!(html.contains("padding:1.5rem;overflow-wrap:anywhere}"));
    // each row of the timeline has its name
    for severity in ["critical", "high", "medium", "low"] {
        assert!(html.contains(&format!("\">{severity}</text>")), "{severity}");
    }
    assert!(html.contains("session time: 1. Each"));
}
