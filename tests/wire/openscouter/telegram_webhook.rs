//! `POST /api/telegram/webhook`: what testers do in the chat with the bot (openscouter 15).

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use harness::{
    Bench,
    faults::Fault,
    functions::named,
    openscouter::{
        ask,
        chats::{Chats, WEBHOOK, press, tell, text},
        data, erase_due,
        exports::download,
        post,
        proposals::fitting,
        says,
        telegram::{SECRET, TOKEN},
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

/// The chat of the tester.
const CHAT: i64 = 123_456_789;

#[tokio::test]
async fn only_who_has_the_secret_is_heard() {
    let chats = Chats::start().await;
    let bench = &chats.team.bench;
    let update = text(CHAT, "/start");
    assert_eq!(told(&post(bench, WEBHOOK, &[], &update).await), says(401, "Missing credentials"));
    for name in ["x-webhook-secret", "x-telegram-bot-api-secret-token"] {
        for wrong in ["", "wrong", &SECRET[1..], &SECRET.to_uppercase()] {
            bench.advance(Duration::seconds(10));
            let answer = post(bench, WEBHOOK, &[(name, wrong)], &update).await;
            assert_eq!(told(&answer), says(401, "Invalid credentials"), "{name}: {wrong}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        let answer = post(bench, WEBHOOK, &[(name, SECRET)], &update).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})));
        assert_eq!(answer.header("ratelimit-policy"), "\"webhook\";q=1000;w=60");
    }
    let closed = Bench::start().await.unwrap();
    assert_eq!(told(&tell(&closed, &update).await), says(401, "Invalid credentials"), "no secret, no updates");
}

#[tokio::test]
async fn what_is_no_update_is_refused_and_what_is_not_known_is_not() {
    let chats = Chats::start().await;
    let bench = &chats.team.bench;
    let headers = [("x-webhook-secret", SECRET), ("content-type", "application/json")];
    let answer = harness::openscouter::send(bench, "POST", WEBHOOK, &headers, "{\"update_id\":").await;
    assert_eq!(told(&answer), says(400, "Malformed JSON body"));
    for (body, text) in [
        (json!({}), "update_id: is required"),
        (json!({"update_id": null}), "update_id: is required"),
        (json!({"update_id": "1"}), "update_id: must be an integer"),
        (json!({"update_id": 1.5}), "update_id: must be an integer"),
        (json!([]), "body: must be an object"),
    ] {
        assert_eq!(told(&tell(bench, &body).await), says(422, text));
    }
    for more in [
        json!({}),
        json!({"poll": {"id": "1"}}),
        json!({"message": 5}),
        json!({"message": {"chat": {"id": "x", "type": "private"}, "text": "/start"}}),
        json!({"message": {"message_id": 1, "chat": {"id": 5, "type": "group"}, "text": "/start"}}),
        json!({"callback_query": {"id": "1", "data": "accept:nobody", "message": {"message_id": 1}}}),
        json!({"callback_query": {"id": "1", "game_short_name": "x"}}),
    ] {
        let mut update = json!({"update_id": 5});
        update.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        chats.tell(&update).await;
    }
    assert!(chats.telegram.calls("sendMessage").is_empty(), "nobody is told anything");
}

#[tokio::test]
async fn a_chat_is_linked_and_unlinked() {
    let chats = Chats::start().await;
    let team = &chats.team;
    assert!(!chats.is_linked(&team.tester).await);
    chats.tell(&text(CHAT, "/start")).await;
    assert!(chats.telegram.texts(CHAT)[0].starts_with("Hello!"));
    chats.tell(&text(CHAT, "/start 7k2m9q4t0x5z8w3v")).await;
    chats.tell(&text(CHAT, "/start no-code")).await;
    assert!(!chats.is_linked(&team.tester).await);
    let code = chats.code(&team.tester).await;
    let link = text(CHAT, &format!("/start {code}"));
    chats.tell(&link).await;
    assert!(chats.is_linked(&team.tester).await);
    let said = chats.telegram.texts(CHAT);
    assert!(said.len() == 4 && said[3].contains("linked with your account"), "{said:?}");
    // somebody else's chat ends nothing
    chats.tell(&text(CHAT + 1, "/stop")).await;
    assert!(chats.is_linked(&team.tester).await);
    chats.tell(&text(CHAT, "/stop")).await;
    assert!(!chats.is_linked(&team.tester).await);
    chats.tell(&link).await;
    assert!(!chats.is_linked(&team.tester).await, "heard before, and the code is used up");
    chats.tell(&text(CHAT, "/stop")).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 5, "the end of the link is told once");
}

#[tokio::test]
async fn a_tester_has_one_chat_and_a_chat_one_tester() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (_, other) = fitting(&team.bench, "eve@example.com").await;
    chats.link(&team.tester, CHAT).await;
    chats.link(&team.tester, CHAT + 1).await;
    // the first chat is nobody's now
    chats.tell(&text(CHAT, "/stop")).await;
    assert!(chats.is_linked(&team.tester).await);
    chats.link(&other, CHAT + 1).await;
    assert!(!chats.is_linked(&team.tester).await);
    let marks = team.bench.items("main").await.unwrap();
    let ends = marks.iter().filter(|item| item.contains("TELEGRAM#")).count();
    assert_eq!(ends, 1, "one chat, one tester");
    // nobody is linked to two by two codes at once
    let codes = [chats.code(&team.tester).await, chats.code(&other).await];
    let chats = &chats;
    join_all((0..20).map(|n| {
        let update = text(CHAT + n % 3, &format!("/start {}", codes[usize::try_from(n % 2).unwrap()]));
        async move { chats.tell(&update).await }
    }))
    .await;
    let items = team.bench.items("main").await.unwrap();
    let ends = items.iter().filter(|item| item.contains("TELEGRAM#")).count();
    let links = items.iter().filter(|item| item.contains("linked_at")).count();
    assert_eq!(ends, links, "both ends say the same");
}

#[tokio::test]
async fn buttons_accept_and_decline_as_the_endpoints_do() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, credential) = chats.linked("fay@example.com", CHAT).await;
    let study = team.study(&json!({})).await;
    let proposal = team.offered(&study, &user).await;
    work(&team.bench).await;
    let offer = chats.telegram.calls("sendMessage").pop().unwrap().said;
    assert_eq!(offer["chat_id"], CHAT);
    assert!(offer["text"].as_str().unwrap().contains("Checkout Redesign"), "{offer}");
    let buttons = offer["reply_markup"]["inline_keyboard"][0].clone();
    assert_eq!(buttons[0]["callback_data"], format!("accept:{proposal}"));
    assert_eq!(buttons[1]["callback_data"], format!("decline:{proposal}"));
    let message = i64::try_from(chats.telegram.calls("sendMessage").len()).unwrap();
    chats.tell(&press(CHAT, message, &format!("accept:{proposal}"))).await;
    assert_eq!(chats.status(&proposal).await, "accepted");
    let said = chats.telegram.texts(CHAT).pop().unwrap();
    let token = said.split("/test#token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(token.len() == 48 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{said}");
    let answered = chats.telegram.calls("answerCallbackQuery").pop().unwrap().said;
    assert_eq!(
        (&answered["callback_query_id"], &answered["text"]),
        (&json!("4382bfdwdsb323b2d9"), &json!("You take part."))
    );
    assert_eq!(chats.telegram.calls("editMessageReplyMarkup").len(), 1, "the buttons are gone");
    // the token works for the test that it is for
    let session =
        ask(&team.bench, &credential, "POST", "/api/sessions", &json!({"jobId": study, "testerId": user.id.wire()}))
            .await;
    assert_eq!(session.status, 201, "{}", session.body);
    let path = format!("/api/sessions/{}", data(&session)["sessionId"].as_str().unwrap());
    assert_eq!(ask(&team.bench, &format!("Token {token}"), "GET", &path, &Value::Null).await.status, 200);
    chats.tell(&press(CHAT, message, &format!("decline:{proposal}"))).await;
    let answered = chats.telegram.calls("answerCallbackQuery").pop().unwrap().said;
    assert_eq!(answered["text"], "Your session has already started.");
    // the work that was left with the acceptance went with the link
    team.bench.advance(Duration::minutes(5));
    let before = chats.telegram.calls("sendMessage").len();
    work(&team.bench).await;
    assert_eq!(chats.telegram.calls("sendMessage").len(), before);

    let declined = team.offered(&team.study(&json!({})).await, &user).await;
    chats.tell(&press(CHAT, 1, &format!("decline:{declined}"))).await;
    assert_eq!(chats.status(&declined).await, "declined");
    chats.tell(&press(CHAT, 1, &format!("accept:{declined}"))).await;
    assert_eq!(chats.status(&declined).await, "declined");
    let answered = chats.telegram.calls("answerCallbackQuery").pop().unwrap().said;
    assert_eq!(answered["text"], "You declined already.");
}

#[tokio::test]
async fn other_chats_are_ignored() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    chats.link(&team.tester, CHAT + 1).await;
    let proposal = team.offered(&team.study(&json!({})).await, &user).await;
    let before = chats.telegram.calls("sendMessage").len();
    for what in ["accept", "decline"] {
        // nobody's chat
        chats.tell(&press(CHAT + 7, 1, &format!("{what}:{proposal}"))).await;
    }
    assert!(chats.telegram.calls("answerCallbackQuery").is_empty());
    for what in ["accept", "decline"] {
        // another tester's chat
        chats.tell(&press(CHAT + 1, 1, &format!("{what}:{proposal}"))).await;
    }
    assert_eq!(chats.status(&proposal).await, "sent");
    assert_eq!(chats.telegram.calls("sendMessage").len(), before);
    let said: Vec<_> =
        chats.telegram.calls("answerCallbackQuery").iter().map(|call| call.said["text"].clone()).collect();
    assert_eq!(
        said,
        [json!("This study cannot be answered any more."), json!("This study cannot be answered any more.")]
    );
    // a tester whom an admin suspended
    let path = format!("/api/admin/users/{}", user.id.wire());
    assert_eq!(team.admin("PATCH", &path, &json!({"status": "suspended"})).await.status, 200);
    chats.tell(&press(CHAT, 1, &format!("accept:{proposal}"))).await;
    assert_eq!(chats.status(&proposal).await, "sent");
}

#[tokio::test]
async fn an_update_acts_once_however_often_it_comes() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, credential) = fitting(&team.bench, "fay@example.com").await;
    let code = chats.code(&credential).await;
    let link = text(CHAT, &format!("/start {code}"));
    join_all((0..20).map(|_| chats.tell(&link))).await;
    chats.tell(&link).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 1, "one answer to one update");
    let proposal = team.offered(&team.study(&json!({})).await, &user).await;
    work(&team.bench).await;
    let accept = press(CHAT, 2, &format!("accept:{proposal}"));
    join_all((0..20).map(|_| chats.tell(&accept))).await;
    chats.tell(&accept).await;
    assert_eq!(chats.status(&proposal).await, "accepted");
    assert_eq!(chats.telegram.texts(CHAT).len(), 3, "one offer, one link");
    assert_eq!(chats.telegram.calls("answerCallbackQuery").len(), 1);
    let tokens = team.bench.items("main").await.unwrap();
    assert_eq!(tokens.iter().filter(|item| item.contains("\"TEST\"")).count(), 1, "one test token");
    let help = text(CHAT, "/start");
    join_all((0..20).map(|_| chats.tell(&help))).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 4);
    let decline = press(CHAT, 2, &format!("decline:{proposal}"));
    join_all((0..20).map(|_| chats.tell(&decline))).await;
    assert_eq!(chats.status(&proposal).await, "declined");
    assert_eq!(chats.telegram.calls("answerCallbackQuery").len(), 2);
    chats.tell(&accept).await;
    assert_eq!(chats.status(&proposal).await, "declined", "an older update does not come back");
}

#[tokio::test]
async fn a_link_that_was_not_sent_at_once_is_sent_by_work() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    let proposal = team.offered(&team.study(&json!({})).await, &user).await;
    work(&team.bench).await;
    chats.telegram.refuse(502);
    chats.tell(&press(CHAT, 2, &format!("accept:{proposal}"))).await;
    assert_eq!(chats.status(&proposal).await, "accepted", "what was accepted is");
    let before = chats.telegram.texts(CHAT).len();
    team.bench.advance(Duration::seconds(31));
    work(&team.bench).await;
    let said = chats.telegram.texts(CHAT);
    assert_eq!(said.len(), before + 1);
    assert!(said.last().unwrap().contains("http://openscouter.test/test#token="), "{said:?}");
}

#[tokio::test]
async fn what_fails_inside_is_acknowledged_and_changes_nothing() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    let proposal = team.offered(&team.study(&json!({})).await, &user).await;
    let accept = press(CHAT, 1, &format!("accept:{proposal}"));
    let body = accept.to_string();
    let headers = [("x-telegram-bot-api-secret-token", SECRET), ("content-type", "application/json")];
    team.bench.faults.every(1, Fault::Broken);
    let answer = team
        .bench
        .send(named("openscouter-telegram-webhook"), "POST", WEBHOOK, &headers, body.as_bytes())
        .await
        .unwrap();
    team.bench.faults.stop();
    assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})));
    assert_eq!(chats.status(&proposal).await, "sent");
    chats.tell(&accept).await;
    assert_eq!(chats.status(&proposal).await, "accepted", "it was not heard before");
}

#[tokio::test]
async fn a_tester_who_accepts_over_http_gets_the_link_in_the_chat_too() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, credential) = chats.linked("fay@example.com", CHAT).await;
    let proposal = team.offered(&team.study(&json!({})).await, &user).await;
    let accepted = data(&team.answer(&credential, &proposal, "accept").await);
    let said = chats.telegram.texts(CHAT).pop().unwrap();
    assert!(said.contains(accepted["testUrl"].as_str().unwrap()), "the same link");
    // whatever Telegram does, who accepts has accepted
    chats.telegram.slow(std::time::Duration::from_secs(4));
    let slow = team.offered(&team.study(&json!({})).await, &user).await;
    let began = std::time::Instant::now();
    assert_eq!(team.answer(&credential, &slow, "accept").await.status, 200);
    assert!(began.elapsed() < std::time::Duration::from_millis(3_500), "{:?}", began.elapsed());
    chats.telegram.slow(std::time::Duration::ZERO);
    chats.telegram.block(CHAT);
    let blocked = team.offered(&team.study(&json!({})).await, &user).await;
    assert_eq!(team.answer(&credential, &blocked, "accept").await.status, 200);
    assert!(!chats.is_linked(&credential).await, "a chat that is closed is not linked");
}

#[tokio::test]
async fn the_link_is_the_testers_own_and_goes_with_the_account() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (_, credential) = chats.linked("fay@example.com", CHAT).await;
    chats.code(&credential).await;
    let asked = data(&ask(&team.bench, &credential, "POST", "/api/me/exports", &json!({})).await);
    work(&team.bench).await;
    let path = format!("/api/me/exports/{}", asked["exportId"].as_str().unwrap());
    let bundle = download(&team.bench, &credential, &path).await.json();
    assert_eq!(bundle["telegram"]["chatId"], CHAT);
    assert!(bundle["telegram"]["linkedAt"].is_string());
    assert_eq!(
        ask(&team.bench, &credential, "POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await.status,
        202
    );
    erase_due(&team.bench).await;
    let left = team.bench.left(&[CHAT.to_string()]).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    chats.tell(&text(CHAT, "/stop")).await;
}

/// What is logged, as text.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_the_bots_token_nor_the_chat_reaches_a_log() {
    harness::binaries::linked(async {
        let chats = Chats::start().await;
        let team = &chats.team;
        let (user, credential) = chats.linked("fay@example.com", CHAT).await;
        let lines = Lines::default();
        let writer = lines.clone();
        let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
        let guard = tracing::subscriber::set_default(all.finish());
        for trouble in [400, 401, 404, 500, 502] {
            chats.telegram.refuse(trouble);
            chats.tell(&text(CHAT, "/start")).await;
        }
        chats.telegram.throttle(3);
        let study = team.study(&json!({})).await;
        let proposal = team.offered(&study, &user).await;
        assert_eq!(team.answer(&credential, &proposal, "accept").await.status, 200);
        chats.telegram.refuse(502);
        let body = json!({"testerId": user.id.wire(), "jobId": team.study(&json!({})).await}).to_string();
        let headers = [("authorization", team.owner.as_str()), ("content-type", "application/json")];
        let notify = named("openscouter-telegram-job-notify");
        let failed =
            team.bench.send(notify, "POST", "/api/telegram/job-notify", &headers, body.as_bytes()).await.unwrap();
        assert_eq!(failed.status, 500);
        work(&team.bench).await;
        drop(guard);
        let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        for told in ["chat not told", "link to a test not sent", "Telegram: status 502"] {
            assert!(log.contains(told), "{told}");
        }
        for secret in [TOKEN, &TOKEN[10..], SECRET] {
            let found: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
            assert!(found.is_empty(), "{found:?}");
        }
        // what the client of the store says of itself at this level is not ours
        let ours: Vec<_> = log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).collect();
        assert!(ours.iter().all(|line| !line.contains(&CHAT.to_string())), "{ours:?}");
    })
    .await;
}

#[tokio::test]
async fn succeeds() {
    let chats = Chats::start().await;
    let answer = tell(&chats.team.bench, &text(CHAT, "/start")).await;
    snapshot!("telegram-webhook", &answer);
}
