//! `GET /studies/:id`: a study as a page (openscouter 7.3, 9.2).

use harness::{
    openscouter::{
        bearer, data, person, read, send,
        team::{Team, tester},
        work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

#[tokio::test]
async fn from_a_study_to_its_reports() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let shown = data(&team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await);
    let address = shown["dashboardUrl"].as_str().unwrap();
    assert_eq!(address, format!("https://api.test/studies/{study}"));
    let path = format!("/studies/{study}");
    let page = read(&team.bench, &team.owner, &path).await;
    assert!(page.status == 200 && page.body.contains("Nobody has begun yet."), "{}", page.body);
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let report = team.reported(&session).await;
    let id = report["reportId"].as_str().unwrap();
    let page = read(&team.bench, &team.owner, &path).await;
    let link = format!("<a href=\"../studies/{study}?report={id}\">Report</a>");
    assert!(page.body.contains(&link), "{}", page.body);
    snapshot!("studies-page", &page);
    team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await;
    work(&team.bench).await;
    let page = read(&team.bench, &team.admin, &path).await;
    assert_eq!(page.body.matches(">Report</a>").count(), 2, "the session's and the study's: {}", page.body);
    for caller in [&team.owner, &team.admin, &team.tester] {
        let led = read(&team.bench, caller, &format!("{path}?report={id}")).await;
        assert_eq!(led.status, 303, "{}", led.body);
        let to = led.header("location").strip_prefix("https://api.test").unwrap().to_owned();
        let opened = send(&team.bench, "GET", &to, &[], "").await;
        assert!(opened.status == 200 && opened.body.contains("What the tester says"), "{}", opened.body);
    }
    let own = read(&team.bench, &team.tester, &path).await;
    assert!(own.body.contains(&link) && own.body.contains("confirmed"), "{}", own.body);
}

#[tokio::test]
async fn who_may_not_see_it_is_told_no_more() {
    let team = Team::start().await;
    let (study, other_study) = (team.study(&json!({})).await, team.study(&json!({})).await);
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    let asked = data(&team.owner("POST", "/api/reports", &json!({"sessionId": session})).await);
    let id = asked["reportId"].as_str().unwrap();
    let page = read(&team.bench, &team.owner, &format!("/studies/{study}?report={id}")).await;
    assert!(page.status == 200 && page.body.contains("The report is not ready yet."), "{}", page.body);
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    let (_, stranger) = tester(&team.bench, "theo@example.com").await;
    for (caller, path) in [
        (&other, format!("/studies/{study}")),
        (&stranger, format!("/studies/{study}")),
        (&team.owner, "/studies/job_1".to_owned()),
    ] {
        let page = read(&team.bench, caller, &path).await;
        assert!(page.status == 404 && page.body.contains("There is no such study."), "{}", page.body);
    }
    for (caller, path) in [
        (&other, format!("/studies/{study}?report={id}")),
        (&stranger, format!("/studies/{study}?report={id}")),
        (&team.owner, format!("/studies/{other_study}?report={id}")),
        (&team.owner, format!("/studies/{study}?report=rep_1")),
    ] {
        let page = read(&team.bench, caller, &path).await;
        assert!(page.status == 404 && page.body.contains("There is no such report."), "{}", page.body);
    }
    let nobody = send(&team.bench, "GET", &format!("/studies/{study}"), &[], "").await;
    assert_eq!((nobody.status, nobody.header("location")), (303, &*format!("../sign-in?next=/studies/{study}")));
}
