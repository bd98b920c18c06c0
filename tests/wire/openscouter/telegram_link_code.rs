//! `POST /api/telegram/link-code`: a code that links a chat with its tester (openscouter 15).

use harness::{
    Bench,
    functions::named,
    openscouter::{
        ask, bearer,
        chats::{Chats, text},
        data, person, post, role,
        team::Team,
        telegram::BOT,
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

const PATH: &str = "/api/telegram/link-code";

#[tokio::test]
async fn a_code_works_once_for_a_quarter_of_an_hour() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let made = data(&team.tester("POST", PATH, &Value::Null).await);
    let code = made["code"].as_str().unwrap();
    assert!(code.len() == 16 && code.chars().all(|c| "0123456789abcdefghjkmnpqrstvwxyz".contains(c)), "{code}");
    assert_eq!(made["deepLink"], format!("https://t.me/{BOT}?start={code}"));
    for table in ["main", "hot"] {
        for item in team.bench.items(table).await.unwrap() {
            assert!(!item.contains(code), "{item}");
        }
    }
    // an older code is void
    let newer = chats.code(&team.tester).await;
    chats.tell(&text(11, &format!("/start {code}"))).await;
    assert!(!chats.is_linked(&team.tester).await);
    team.bench.advance(Duration::minutes(15));
    chats.tell(&text(11, &format!("/start {newer}"))).await;
    assert!(!chats.is_linked(&team.tester).await, "too late");
    let last = chats.code(&team.tester).await;
    team.bench.advance(Duration::minutes(14));
    chats.tell(&text(11, &format!("/start {last}"))).await;
    assert!(chats.is_linked(&team.tester).await);
    chats.tell(&text(12, &format!("/start {last}"))).await;
    let told = chats.telegram.texts(12);
    assert!(told.len() == 1 && told[0].contains("does not work any more"), "used before: {told:?}");
}

#[tokio::test]
async fn a_repetition_does_not_tell_the_code_again() {
    let chats = Chats::start().await;
    let headers = [("authorization", &*chats.team.tester), ("idempotency-key", "once")];
    let first = post(&chats.team.bench, PATH, &headers, &json!({})).await;
    let again = post(&chats.team.bench, PATH, &headers, &json!({})).await;
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    let (first, again) = (data(&first), data(&again));
    assert_eq!((&again["code"], &again["deepLink"]), (&Value::Null, &Value::Null));
    assert_eq!(first["expiresAt"], again["expiresAt"]);
}

#[tokio::test]
async fn who_may_not() {
    let chats = Chats::start().await;
    let bench = &chats.team.bench;
    person(bench, Role::Tester, "pending@example.com").await;
    let pending = bearer(bench, "pending@example.com").await;
    for caller in [&pending, &chats.team.owner, &chats.team.admin] {
        assert_eq!(told(&ask(bench, caller, "POST", PATH, &Value::Null).await), role());
    }
    // without a bot there is nowhere to go
    let bare = Team::over(Bench::start().await.unwrap()).await;
    let headers = [("authorization", bare.tester.as_str()), ("content-type", "application/json")];
    let answer = bare.bench.send(named("openscouter-telegram-link-code"), "POST", PATH, &headers, b"{}").await.unwrap();
    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn succeeds() {
    let chats = Chats::start().await;
    let answer = chats.team.tester("POST", PATH, &Value::Null).await;
    snapshot!("telegram-link-code", &answer);
}
