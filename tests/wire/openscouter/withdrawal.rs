//! What goes with a consent, and with an account, of a session that went all the way to its report
//! (openscouter 18, 21).

use serde_json::{Value, json};
use shared::model::{AgentJobId, IngestedStream, ReportId, TestSessionId};
use time::Duration;

use super::{
    data,
    exports::finished,
    research::{Team, get},
    told, work,
};

/// A team with a finished session of the tester: the study, the session, its report, and the latest snapshot's job.
struct Finished {
    team: Team,
    study: String,
    session: TestSessionId,
    report: ReportId,
    snapshot: AgentJobId,
    analyst: AgentJobId,
}

impl Finished {
    async fn new() -> Self {
        let team = Team::start().await;
        let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 3}})).await;
        team.approve(&study).await;
        let give = json!({"kind": "special_category", "version": "v1.1"});
        team.tester("POST", "/api/me/consents", &give).await;
        team.tester("PATCH", "/api/me/profile", &json!({"ndCategories": ["adhd"]})).await;
        let session = TestSessionId::from_wire(&finished(&team, &study).await).unwrap();
        assert_eq!(team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await.status, 202);
        work(&team.bench).await;
        let kept = team.bench.context.store().test_session(session).await.unwrap().unwrap();
        let (report, snapshot, analyst) = (kept.report.unwrap(), kept.snapshot.unwrap(), kept.analyst.unwrap());
        Self { team, study, session, report, snapshot, analyst }
    }

    /// Items that name the tester or the session, but for the trail.
    async fn left(&self) -> Vec<String> {
        let settings = self.team.bench.context.settings();
        let items = harness::stored(settings, settings.store.endpoint.as_deref().unwrap(), "main").await.unwrap();
        let (user, session) = (self.team.user.id.to_string(), self.session.to_string());
        let names = |item: &String| item.contains(&user) || item.contains(&session);
        let trail = |item: &String| item.contains("AUDIT#") || item.contains("RANK#audit");
        items.into_iter().filter(|item| names(item) && !trail(item)).collect()
    }
}

#[tokio::test]
async fn a_withdrawn_consent_takes_all_nine_data_sets() {
    let done = Finished::new().await;
    let (team, store, session) = (&done.team, done.team.bench.context.store(), done.session);
    let aggregate = format!("/api/reports/job/{}", done.study);
    let shown = async || {
        let mut report = data(&team.owner("GET", &aggregate, &Value::Null).await);
        // its address is made anew for each reader
        report.as_object_mut().unwrap().remove("pageUrl");
        report
    };
    let before = shown().await;
    assert_eq!(before["status"], "complete");
    for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
        assert_eq!(store.ingested(session, stream).await.unwrap().len(), 1, "{stream:?}");
    }
    assert!(store.report(done.report).await.unwrap().unwrap().contents.contains("findings"));
    assert!(store.agent_job(done.snapshot).await.unwrap().unwrap().insights.is_some());
    let withdrawn = team.tester("DELETE", "/api/me/consents/special_category", &Value::Null).await;
    assert_eq!(withdrawn.status, 202);
    assert_eq!(
        data(&withdrawn)["cascade"],
        json!([
            "special_category_profile",
            "events",
            "facial_snapshots",
            "voice_segments",
            "session_notes",
            "insights",
            "session_reports",
            "findings",
            "strata"
        ])
    );
    work(&team.bench).await;
    // special_category_profile
    assert!(store.special_categories(team.user.id).await.unwrap().is_empty());
    assert_eq!(data(&team.tester("GET", "/api/me/profile", &Value::Null).await)["ndCategories"], json!([]));
    // events, facial_snapshots, voice_segments
    for stream in [IngestedStream::Events, IngestedStream::Facial, IngestedStream::Voice] {
        assert!(store.ingested(session, stream).await.unwrap().is_empty(), "{stream:?}");
    }
    // session_notes, and the moments that they are about
    let path = format!("/api/sessions/{}", session.wire());
    assert_eq!(data(&team.tester("GET", &format!("{path}/notes"), &Value::Null).await)["notes"], json!([]));
    // insights
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["analysis"], &seen["analyst"]), (&Value::Null, &Value::Null));
    for job in [done.snapshot, done.analyst] {
        assert_eq!(store.agent_job(job).await.unwrap(), None);
        let asked = get(&team.bench, &team.owner, &format!("/api/ai/{}", job.wire())).await;
        assert_eq!(told(&asked), (404, "Analysis job not found".to_owned()));
    }
    // session_reports with their findings
    let report = get(&team.bench, &team.owner, &format!("/api/reports/{}", done.report.wire())).await;
    assert_eq!(told(&report), (404, "Report not found".to_owned()));
    // strata: nothing of them is kept but in aggregates, which stay
    assert_eq!(shown().await, before);
    // that the session took place stays, too
    assert_eq!(seen["status"], "confirmed");
}

#[tokio::test]
async fn a_withdrawn_consent_takes_earlier_snapshots_too() {
    let done = Finished::new().await;
    done.team.tester("DELETE", "/api/me/consents/testing", &Value::Null).await;
    work(&done.team.bench).await;
    let left: Vec<_> = done.left().await.into_iter().filter(|item| item.contains("AJOB#")).collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_tester_goes_with_reports_and_all_snapshots() {
    let done = Finished::new().await;
    let team = &done.team;
    team.tester("POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    team.bench.advance(Duration::days(31));
    for _ in 0..4 {
        work(&team.bench).await;
        team.bench.advance(Duration::minutes(2));
    }
    let left = done.left().await;
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(team.bench.context.store().report(done.report).await.unwrap(), None);
}
