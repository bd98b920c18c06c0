//! `GET /api/reports/job/:id`: the report on a study (openscouter 13).

use harness::{
    openscouter::{
        ask, data, says,
        team::{Team, tester},
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_study_s_report_tells_of_several_testers_and_of_none() {
    let team = Team::start().await;
    let study = team.study(&json!({"targeting": {"countries": ["US"], "testerCount": 10}, "abTest": null})).await;
    team.approve(&study).await;
    let mut sessions = Vec::new();
    for (number, (categories, element)) in
        [(&["adhd", "autism"][..], "#pay"), (&["adhd", "autism"], "#pay"), (&["adhd"], "#pay"), (&[], "#menu")]
            .iter()
            .enumerate()
    {
        let (user, credential) = tester(&team.bench, &format!("tester{number}@example.com")).await;
        if !categories.is_empty() {
            let give = json!({"kind": "special_category", "version": "v1.1"});
            assert_eq!(ask(&team.bench, &credential, "POST", "/api/me/consents", &give).await.status, 201);
            let profile = json!({"ndCategories": categories});
            assert_eq!(ask(&team.bench, &credential, "PATCH", "/api/me/profile", &profile).await.status, 200);
        }
        let session = team.confirmed(&study, (&user, &credential), element).await;
        sessions.push((session, user, credential));
    }
    // one who is not done yet, and one without a report
    team.session(&study).await;
    for (session, ..) in &sessions[..3] {
        team.reported(session).await;
    }
    let aggregate = format!("/api/reports/job/{study}");
    let ask_again = async || {
        let asked = team.owner("POST", &aggregate, &Value::Null).await;
        assert_eq!(asked.status, 202, "{}", asked.body);
        work(&team.bench).await;
        data(&team.owner("GET", &aggregate, &Value::Null).await)
    };
    let report = ask_again().await;
    assert_eq!((&report["testerCount"], &report["excludedSessions"]), (&json!(3), &json!(2)));
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["severity"], &finding["affectedTesters"], &finding["share"]),
        (&json!("critical"), &json!(3), &json!(1.0))
    );
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    let strata = report["ndStratification"].as_array().unwrap();
    assert_eq!((strata.len(), &report["suppressedStrata"]), (1, &json!(1)), "two testers are too few");
    assert_eq!((&strata[0]["category"], &strata[0]["testers"]), (&json!("adhd"), &json!(3)));
    assert_eq!(strata[0]["topFindingIds"], json!([finding["findingId"]]));
    team.reported(&sessions[3].0).await;
    let report = ask_again().await;
    assert_eq!(
        (&report["testerCount"], &report["excludedSessions"], &report["version"]),
        (&json!(4), &json!(1), &json!(2))
    );
    let shares: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["share"]).collect();
    assert_eq!(shares, [&json!(0.75), &json!(0.25)]);
    // a business reads of nobody: not here, and not in any session
    for path in [aggregate.as_str(), "/api/sessions?limit=100", &format!("/api/sessions/{}/notes", sessions[0].0)] {
        let answer = team.owner("GET", path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for secret in ["tester0", "example.com", "Dana", "dyslexia"] {
            assert!(!answer.body.contains(secret), "{secret} in {path}");
        }
    }
    // withdrawn by all: nothing is left to tell
    for (.., credential) in &sessions {
        let gone = ask(&team.bench, credential, "DELETE", "/api/me/consents/testing", &Value::Null).await;
        assert_eq!(gone.status, 202, "{}", gone.body);
    }
    work(&team.bench).await;
    assert_eq!(
        told(&team.owner("POST", &aggregate, &Value::Null).await),
        says(422, "No complete session reports for this study")
    );
    let kept = data(&team.owner("GET", &aggregate, &Value::Null).await);
    assert_eq!(kept["testerCount"], 4, "aggregates stay");
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    team.approve(&study).await;
    let session = team.confirmed(&study, (&team.user, &team.tester), "#pay").await;
    team.reported(&session).await;
    let path = format!("/api/reports/job/{study}");
    assert_eq!(team.owner("POST", &path, &Value::Null).await.status, 202);
    work(&team.bench).await;
    let answer = team.owner("GET", &path, &Value::Null).await;
    snapshot!("reports-study-get", &answer);
}
