//! `GET /api/reports/:id/page`: a report as a page (openscouter 13).

use harness::{
    openscouter::{
        bearer, data, person, read, says, send,
        team::{Team, tester},
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn who_may_open_a_report() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let report = team.reported(&session).await;
    let path = format!("/api/reports/{}", report["reportId"].as_str().unwrap());
    team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await;
    work(&team.bench).await;
    let of_study = data(&team.owner("GET", &format!("/api/reports/job/{study}"), &Value::Null).await);
    let study_path = format!("/api/reports/{}", of_study["reportId"].as_str().unwrap());
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    let (_, stranger) = tester(&team.bench, "theo@example.com").await;
    for (caller, path) in [(&other, &path), (&stranger, &path), (&team.tester, &study_path), (&other, &study_path)] {
        assert_eq!(told(&read(&team.bench, caller, path).await), says(404, "Report not found"));
    }
    for path in [format!("/api/reports/job/{study}"), "/api/reports/job/job_1".to_owned()] {
        assert_eq!(told(&read(&team.bench, &other, &path).await), says(404, "Study not found"));
    }
    for caller in [&team.owner, &team.admin, &team.tester] {
        assert_eq!(read(&team.bench, caller, &path).await.status, 200);
    }
    assert_eq!(data(&team.admin("GET", &study_path, &Value::Null).await)["kind"], "study");
    // the pages, each with its own address for a quarter of an hour
    let page = async |report: &Value| {
        let path = report["pageUrl"].as_str().unwrap().split_once("/api/").unwrap().1.to_owned();
        send(&team.bench, "GET", &format!("/api/{path}"), &[], "").await
    };
    for (report, part) in [(&report, "What the tester says"), (&of_study, "Neurodivergent categories")] {
        let page = page(report).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(page.body.contains(part) && page.body.contains("<svg"), "{}", page.body);
        assert!(!page.body.contains("example.com") && !page.body.contains(&team.user.id.wire()));
    }
    let token = report["pageUrl"].as_str().unwrap().split_once("token=").unwrap().1;
    for wrong in [
        format!("{study_path}/page?token={token}"),
        format!("{path}/page?token={token}x"),
        format!("{path}/page"),
        format!("/api/reports/rep_1/page?token={token}"),
    ] {
        let answer = send(&team.bench, "GET", &wrong, &[], "").await;
        assert_eq!(told(&answer), says(404, "Report not found"));
    }
    team.bench.advance(Duration::minutes(16));
    assert_eq!(told(&page(&report).await), says(404, "Report not found"), "its time is over");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let report = team.reported(&session).await;
    let path = report["pageUrl"].as_str().unwrap().strip_prefix("https://api.test").unwrap().to_owned();
    let mut answer = send(&team.bench, "GET", &path, &[], "").await;
    // the figure's places follow the clock
    answer.body.truncate(answer.body.find("<h2>Timeline</h2>").unwrap());
    snapshot!("reports-page", &answer);
}
