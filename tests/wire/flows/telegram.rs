//! Telegram under faults: answers of the store that are lost, workers that die, and what the business sees of it
//! (openscouter 15).

use harness::{
    faults::Fault,
    functions::named,
    openscouter::{
        chats::{Chats, WEBHOOK, press},
        data,
        proposals::{fitting, proposals_follow},
        telegram::SECRET,
        work,
    },
};
use serde_json::{Value, json};
use time::Duration;

const CHAT: i64 = 55_512_345;

/// Sends an update while each `nth` answer of the store is lost; it is acknowledged, whatever comes of it.
async fn tell_with_losses(chats: &Chats, update: &Value, nth: usize) {
    let headers = [("x-telegram-bot-api-secret-token", SECRET), ("content-type", "application/json")];
    let body = update.to_string();
    let function = named("openscouter-telegram-webhook");
    chats.team.bench.faults.every(nth, Fault::LostAnswer);
    let answer = chats.team.bench.send(function, "POST", WEBHOOK, &headers, body.as_bytes()).await.unwrap();
    chats.team.bench.faults.stop();
    assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})));
}

#[tokio::test]
async fn an_acceptance_whose_answers_are_lost_counts_once_and_its_link_arrives() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    for nth in 2..=8 {
        let study = team.study(&json!({})).await;
        let proposal = team.offered(&study, &user).await;
        work(&team.bench).await;
        let before = chats.telegram.texts(CHAT).len();
        let accept = press(CHAT, 1, &format!("accept:{proposal}"));
        tell_with_losses(&chats, &accept, nth).await;
        // Telegram sends it again, and who pressed the button presses it again
        chats.tell(&accept).await;
        chats.tell(&press(CHAT, 1, &format!("accept:{proposal}"))).await;
        assert_eq!(chats.status(&proposal).await, "accepted", "{nth}");
        team.bench.advance(Duration::seconds(61));
        work(&team.bench).await;
        let links = chats.telegram.texts(CHAT).split_off(before);
        let links = links.iter().filter(|text| text.contains("/test#token=")).count();
        assert!((1..=2).contains(&links), "{nth}: {links} links");
        let tokens = team.bench.items("main").await.unwrap();
        let study = shared::model::StudyId::from_wire(&study).unwrap().to_string();
        let live = tokens.iter().filter(|item| item.contains("S(\"TEST\")") && item.contains(&study)).count();
        assert_eq!(live, 1, "{nth}: one token works");
    }
}

#[tokio::test]
async fn a_link_whose_answers_are_lost_is_one() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (_, credential) = fitting(&team.bench, "fay@example.com").await;
    for nth in 2..=8 {
        let code = chats.code(&credential).await;
        let link = harness::openscouter::chats::text(CHAT, &format!("/start {code}"));
        tell_with_losses(&chats, &link, nth).await;
        chats.tell(&link).await;
        if !chats.is_linked(&credential).await {
            chats.link(&credential, CHAT).await;
        }
        let items = team.bench.items("main").await.unwrap();
        assert_eq!(items.iter().filter(|item| item.contains("TELEGRAM#")).count(), 1, "{nth}");
        chats.tell(&harness::openscouter::chats::text(CHAT, "/stop")).await;
        assert!(!chats.is_linked(&credential).await, "{nth}");
    }
}

#[tokio::test]
async fn a_broadcast_tells_everybody_though_answers_are_lost_and_the_owner_learns_nothing_of_anybody() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let study = team.open_study(&json!({})).await;
    for number in 0..3 {
        chats.linked(&format!("tester{number}@example.com"), CHAT + number).await;
    }
    let handed = team.owner("POST", "/api/telegram/send-job", &json!({"jobId": study})).await;
    assert_eq!(data(&handed)["sent"], 3, "{}", handed.body);
    team.bench.faults.every(5, Fault::LostAnswer);
    work(&team.bench).await;
    team.bench.faults.stop();
    for _ in 0..3 {
        team.bench.advance(Duration::seconds(61));
        work(&team.bench).await;
    }
    for chat in CHAT..CHAT + 3 {
        let offers = chats.telegram.texts(chat).iter().filter(|text| text.contains("Checkout Redesign")).count();
        assert!((1..=2).contains(&offers), "{chat}: {offers}");
    }
    proposals_follow(&team.bench).await;
    let shown = [
        handed.body.clone(),
        team.owner("GET", &format!("/api/proposals?jobId={study}"), &Value::Null).await.body,
        team.owner("GET", &format!("/api/jobs/{study}"), &Value::Null).await.body,
    ]
    .concat();
    for private in ["tester0", "example.com", "telegram", &CHAT.to_string()] {
        assert!(!shown.contains(private), "{private}: {shown}");
    }
    // nor does one tester of another one
    let said = chats.telegram.texts(CHAT).concat();
    assert!(!said.contains("tester1") && !said.contains("tester2") && !said.contains("user_"), "{said}");
}
