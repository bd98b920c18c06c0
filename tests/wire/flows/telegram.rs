//! Telegram under faults: answers of the store that are lost, workers that die, and what the business sees of it
//! (openscouter 15).

use harness::{
    faults::Fault,
    functions::named,
    openscouter::{
        ask,
        chats::{Chats, WEBHOOK, press, tell, text},
        data,
        outreach::{Post, queue, time_of},
        proposals::{fitting, proposals_follow},
        telegram::{SECRET, Telegram},
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
        let links = links.iter().filter(|said| said.contains("/test#token=")).count();
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
        let link = text(CHAT, &format!("/start {code}"));
        tell_with_losses(&chats, &link, nth).await;
        chats.tell(&link).await;
        if !chats.is_linked(&credential).await {
            chats.link(&credential, CHAT).await;
        }
        let items = team.bench.items("main").await.unwrap();
        assert_eq!(items.iter().filter(|item| item.contains("TELEGRAM#")).count(), 1, "{nth}");
        chats.tell(&text(CHAT, "/stop")).await;
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
        let offers = chats.telegram.texts(chat).iter().filter(|said| said.contains("Checkout Redesign")).count();
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

/// A team whose mails arrive and whose Bot API is a stub.
async fn post() -> (Post, Telegram) {
    let (telegram, variables) = Telegram::start().await;
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    (Post::with(&variables).await, telegram)
}

async fn link(post: &Post, credential: &str) {
    let bench = &post.team.bench;
    let code = data(&ask(bench, credential, "POST", "/api/telegram/link-code", &Value::Null).await)["code"].clone();
    let update = text(CHAT, &format!("/start {}", code.as_str().unwrap()));
    assert_eq!(tell(bench, &update).await.status, 200);
}

/// A study with a draft to a tester with a chat: the credential and the message.
async fn draft(post: &Post, email: &str) -> (String, String) {
    let study = post.team.open_study(&json!({})).await;
    let (user, credential) = fitting(&post.team.bench, email).await;
    link(post, &credential).await;
    let made = post.team.owner("POST", "/api/proposals", &json!({"jobId": study, "testerIds": [user.id.wire()]})).await;
    let proposal = data(&made)["proposals"][0]["proposalId"].as_str().unwrap().to_owned();
    (credential, proposal.replace("prop_", "out_"))
}

/// Approves a message and lets its hour come.
async fn approved(post: &Post, message: &str) {
    let approved = data(&post.team.owner("POST", &format!("/api/outreach/{message}/approve"), &Value::Null).await);
    let left = time_of(&approved["scheduledSendAt"]) - post.team.bench.context.clock().now();
    post.team.bench.advance(left);
    assert_eq!(post.run("outreach-send", &json!({})).await["processed"], 1);
}

#[tokio::test]
async fn a_draft_to_a_tester_with_a_chat_goes_there_in_its_words() {
    let (post, telegram) = post().await;
    let (_, message) = draft(&post, "fay@example.com").await;
    let drafts = data(&queue(&post.team.bench, &post.team.owner, "").await);
    assert_eq!((&drafts[0]["channel"], &drafts[0]["subject"]), (&json!("telegram"), &Value::Null));
    let path = format!("/api/outreach/{message}/edit");
    let refused = post.team.owner("POST", &path, &json!({"subject": "S"})).await;
    assert_eq!(harness::openscouter::told(&refused).1, "subject: must not be set");
    let edited = post.team.owner("POST", &path, &json!({"body": "Please *try* it."})).await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    approved(&post, &message).await;
    post.mails(0).await;
    let offer = telegram.calls("sendMessage").pop().unwrap().said;
    let proposal = message.replace("out_", "prop_");
    assert!(offer["text"].as_str().unwrap().starts_with("Please *try* it.\n\nYou can accept"), "{offer}");
    assert_eq!(offer["reply_markup"]["inline_keyboard"][0][0]["callback_data"], format!("accept:{proposal}"));
    let accept = press(CHAT, 2, &format!("accept:{proposal}"));
    assert_eq!(tell(&post.team.bench, &accept).await.status, 200);
    // who has not begun is reminded in the chat
    post.team.bench.advance(Duration::hours(24));
    assert_eq!(post.run("reminders", &json!({})).await["processed"], 1);
    post.mails(0).await;
    let said = telegram.texts(CHAT).pop().unwrap();
    assert!(said.contains("have not begun") && said.contains("https://app.example.com/test#token="), "{said}");
}

#[tokio::test]
async fn who_has_no_chat_any_more_gets_the_mail() {
    let (post, telegram) = post().await;
    let (_, first) = draft(&post, "fay@example.com").await;
    assert_eq!(tell(&post.team.bench, &text(CHAT, "/stop")).await.status, 200);
    approved(&post, &first).await;
    assert_eq!(post.mails(1).await.len(), 1, "unlinked meanwhile");
    let (credential, second) = draft(&post, "eve@example.com").await;
    telegram.block(CHAT);
    approved(&post, &second).await;
    let mails = post.mails(2).await;
    assert!(mails[1]["text"].as_str().unwrap().contains("/proposals/prop_"), "{mails:?}");
    let profile = data(&ask(&post.team.bench, &credential, "GET", "/api/me/profile", &Value::Null).await);
    assert_eq!(profile["telegramConnected"], false, "a chat that is closed is linked no more");
}

#[tokio::test]
async fn a_tester_who_was_told_by_job_notify_is_not_told_by_the_draft() {
    let (post, telegram) = post().await;
    let (_, message) = draft(&post, "fay@example.com").await;
    let drafts = data(&queue(&post.team.bench, &post.team.owner, "").await);
    let body = json!({"testerId": drafts[0]["testerId"], "jobId": drafts[0]["jobId"]});
    assert_eq!(post.team.owner("POST", "/api/telegram/job-notify", &body).await.status, 200);
    assert_eq!(data(&queue(&post.team.bench, &post.team.owner, "").await), json!([]));
    let late = post.team.owner("POST", &format!("/api/outreach/{message}/approve"), &Value::Null).await;
    assert_eq!(harness::openscouter::told(&late).1, "Outreach message is sent, expected pending");
    post.mails(0).await;
    assert_eq!(telegram.texts(CHAT).len(), 2, "the link, and one offer");
}
