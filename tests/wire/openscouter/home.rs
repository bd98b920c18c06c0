//! `GET /home`: what is there for who is signed in (openscouter 7.3).

use harness::{
    Answer,
    openscouter::{ask, lists_follow, read, send, team::Team, work},
    snapshot,
};
use serde_json::{Value, json};

async fn home(team: &Team, credential: &str, query: &str) -> Answer {
    let answer = read(&team.bench, credential, &format!("/home{query}")).await;
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    answer
}

#[tokio::test]
async fn each_role_sees_its_studies() {
    let team = Team::start().await;
    let study = team.study(&json!({"title": "A <b>study</b>"})).await;
    let page = home(&team, &team.owner, "").await;
    assert_eq!(page.status, 200);
    let link = format!("<a href=\"studies/{study}\"><bdi>A &lt;b&gt;study&lt;/b&gt;</bdi></a>");
    assert!(page.body.contains(&link) && page.body.contains("<td>0/0</td>"), "{}", page.body);
    snapshot!("home", &page);
    work(&team.bench).await;
    assert!(home(&team, &team.admin, "").await.body.contains(&link));
    let page = home(&team, &team.tester, "").await;
    assert!(page.body.contains("There is none yet.") && !page.body.contains(&study), "{}", page.body);
    team.approve(&study).await;
    team.session(&study).await;
    lists_follow(&team.bench).await;
    let page = home(&team, &team.tester, "").await;
    assert!(page.body.contains(&link) && !page.body.contains("0/1"), "{}", page.body);
    assert!(home(&team, &team.owner, "").await.body.contains("<td>0/1</td>"));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let team = Team::start().await;
    for _ in 0..3 {
        team.study(&json!({})).await;
    }
    let first = home(&team, &team.owner, "?limit=2").await;
    assert!(first.body.contains("href=\"home?page=2&amp;limit=2\"") && !first.body.contains("Newer"), "{}", first.body);
    let second = home(&team, &team.owner, "?page=2&limit=2").await;
    assert!(
        second.body.contains("href=\"home?page=1&amp;limit=2\"") && !second.body.contains("Older"),
        "{}",
        second.body
    );
    let wrong = home(&team, &team.owner, "?page=0").await;
    assert!(wrong.status == 400 && wrong.body.contains("must be an integer of at least 1"), "{}", wrong.body);
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_it() {
    let team = Team::start().await;
    for headers in [vec![], vec![("authorization", "Bearer nope")], vec![("cookie", "__Host-outscout_session=nope")]] {
        let answer = send(&team.bench, "GET", "/home", &headers, "").await;
        assert_eq!((answer.status, answer.header("location")), (303, "sign-in?next=/home"));
    }
    let made = ask(&team.bench, &team.owner, "POST", "/api/tokens", &json!({"name": "x", "scopes": ["read"]})).await;
    let token = format!("Token {}", made.json()["data"]["token"].as_str().unwrap());
    let refused = ask(&team.bench, &token, "GET", "/home", &Value::Null).await;
    assert!(
        refused.status == 403 && refused.body.contains("<div role=\"alert\">"),
        "pages are for people: {}",
        refused.body
    );
}
