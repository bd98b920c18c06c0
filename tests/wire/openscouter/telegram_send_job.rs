//! `POST /api/telegram/send-job`: who matches a study is told of it in Telegram (openscouter 15).

use std::time::Duration as Time;

use futures_util::future::join;
use harness::{
    openscouter::{
        ask, bearer,
        chats::{Chats, press},
        data, missing, patch, person, post,
        proposals::{fitting, proposals_follow},
        refused, testers_follow, told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

const PATH: &str = "/api/telegram/send-job";
const CHAT: i64 = 123_456_789;

fn handed(study: &str, sent: u64, skipped: u64) -> Value {
    json!({"jobId": study, "sent": sent, "skipped": skipped, "failed": 0})
}

#[tokio::test]
async fn who_matches_and_has_a_chat_is_told() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let study = team.open_study(&json!({})).await;
    let (fay, _) = chats.linked("fay@example.com", CHAT).await;
    let (_, eve) = chats.linked("eve@example.com", CHAT + 1).await;
    fitting(&team.bench, "ben@example.com").await;
    // of another country, with a chat
    let (_, far) = chats.linked("far@example.com", CHAT + 2).await;
    assert_eq!(patch(&team.bench, &far, "/api/me/profile", &json!({"country": "DE"})).await.status, 200);
    testers_follow(&team.bench).await;
    let answer = team.owner("POST", PATH, &json!({"jobId": study})).await;
    assert_eq!((answer.status, data(&answer)), (202, handed(&study, 2, 1)));
    work(&team.bench).await;
    for chat in [CHAT, CHAT + 1] {
        let said = chats.telegram.texts(chat);
        assert!(said.len() == 2 && said[1].contains("Checkout Redesign"), "{said:?}");
    }
    assert_eq!(chats.telegram.texts(CHAT + 2).len(), 1);
    proposals_follow(&team.bench).await;
    let listed = data(&team.owner("GET", &format!("/api/proposals?jobId={study}&status=sent"), &Value::Null).await);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // nothing of a tester but the id
    let shown = listed.to_string();
    for private in ["fay", "eve", &CHAT.to_string()] {
        assert!(!shown.contains(private), "{private}");
    }
    // again, nobody is told twice
    let answer = team.owner("POST", PATH, &json!({"jobId": study})).await;
    assert_eq!(data(&answer), handed(&study, 0, 3));
    work(&team.bench).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 2);
    // an answer by the button
    let own = data(&ask(&team.bench, &eve, "GET", "/api/proposals", &Value::Null).await);
    let proposal = own[0]["proposalId"].as_str().unwrap();
    chats.tell(&press(CHAT + 1, 1, &format!("accept:{proposal}"))).await;
    assert_eq!(chats.status(proposal).await, "accepted");
    assert!(own.to_string().contains("sent") && !own.to_string().contains(&fay.id.wire()));
}

#[tokio::test]
async fn a_segment_is_the_whole_targeting_or_the_countries() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let study = json!({"targeting": {"countries": ["US"], "testerCount": 1, "devices": ["tablet"], "languages": ["fr"],
        "ageRange": {"min": 60, "max": 90}}});
    let study = team.open_study(&study).await;
    chats.linked("fay@example.com", CHAT).await;
    let answer = team.owner("POST", PATH, &json!({"jobId": study, "filterBySegment": true})).await;
    assert_eq!(data(&answer), handed(&study, 0, 0));
    let answer = team.owner("POST", PATH, &json!({"jobId": study, "filterBySegment": false})).await;
    assert_eq!(data(&answer), handed(&study, 1, 0));
}

#[tokio::test]
async fn what_is_refused() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let study = team.open_study(&json!({})).await;
    for (body, expected) in [
        (json!({}), refused("jobId: is required")),
        (json!({"jobId": study, "filterBySegment": 1}), refused("filterBySegment: must be a boolean")),
        (json!({"jobId": "x"}), missing("Study")),
    ] {
        assert_eq!(told(&team.owner("POST", PATH, &body).await), expected, "{body}");
    }
    let body = json!({"jobId": study});
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    assert_eq!(told(&ask(&team.bench, &other, "POST", PATH, &body).await), missing("Study"));
    assert_eq!(team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await.status, 200);
    assert_eq!(told(&team.owner("POST", PATH, &body).await), refused("Study is closed, expected open or in_progress"));
    let headers = [("authorization", &*team.owner), ("idempotency-key", "once")];
    let open = json!({"jobId": team.open_study(&json!({})).await});
    let first = post(&team.bench, PATH, &headers, &open).await;
    let again = post(&team.bench, PATH, &headers, &open).await;
    assert_eq!((first.status, again.header("idempotency-replayed"), data(&first)), (202, "true", data(&again)));
}

#[tokio::test]
async fn what_telegram_throttles_goes_on_later_and_what_it_refuses_goes_by_mail() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (_, credential) = chats.linked("fay@example.com", CHAT).await;
    let send = async || {
        let study = team.study(&json!({})).await;
        assert_eq!(data(&team.owner("POST", PATH, &json!({"jobId": study})).await), handed(&study, 1, 0));
    };
    send().await;
    chats.telegram.throttle(90);
    work(&team.bench).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 2, "the link, and one too many");
    team.bench.advance(Duration::seconds(60));
    work(&team.bench).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 2, "not before its time");
    team.bench.advance(Duration::seconds(31));
    work(&team.bench).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 3);
    send().await;
    chats.telegram.refuse(502);
    work(&team.bench).await;
    team.bench.advance(Duration::seconds(61));
    work(&team.bench).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 5, "a failure is tried again");
    send().await;
    chats.telegram.block(CHAT);
    work(&team.bench).await;
    assert!(!chats.is_linked(&credential).await, "a chat that is closed is linked no more");
    team.bench.advance(Duration::minutes(5));
    work(&team.bench).await;
    assert_eq!(chats.telegram.texts(CHAT).len(), 6, "and nothing is sent there any more");
}

#[tokio::test]
async fn no_more_than_25_in_a_second_over_all_processes() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    const OFFERS: usize = 60;
    for _ in 0..OFFERS {
        let study = team.study(&json!({})).await;
        // what the launch proposed is told now
        let made = team
            .owner("POST", "/api/proposals", &json!({"jobId": study, "testerIds": [user.id.wire()], "send": true}))
            .await;
        assert_eq!(data(&made)["proposals"].as_array().unwrap().len(), 1, "{}", made.body);
    }
    let other = team.bench.another_process();
    for _ in 0..3 {
        join(work(&team.bench), work(&other)).await;
        team.bench.advance(Duration::seconds(61));
    }
    let sent: Vec<_> = chats.telegram.calls("sendMessage").into_iter().skip(1).map(|call| call.at).collect();
    assert_eq!(sent.len(), OFFERS, "each once");
    // any stretch of a second touches two windows at most
    for (first, last) in sent.iter().zip(sent.iter().skip(50)) {
        assert!(last.duration_since(*first) > Time::from_millis(700), "{:?}", last.duration_since(*first));
    }
}

#[tokio::test]
async fn succeeds() {
    let chats = Chats::start().await;
    chats.linked("fay@example.com", CHAT).await;
    let study = chats.team.study(&json!({})).await;
    let answer = chats.team.owner("POST", PATH, &json!({"jobId": study})).await;
    snapshot!("telegram-send-job", &answer);
}
