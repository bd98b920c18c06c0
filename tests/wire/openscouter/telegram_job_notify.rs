//! `POST /api/telegram/job-notify`: a tester is told of a study in Telegram (openscouter 15).

use harness::{
    functions::named,
    openscouter::{
        api_token, ask, bearer,
        chats::{Chats, press},
        data, missing, person, post,
        proposals::fitting,
        refused, says, told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

const PATH: &str = "/api/telegram/job-notify";
const CHAT: i64 = 123_456_789;

async fn proposals(chats: &Chats, study: &str) -> Vec<Value> {
    harness::openscouter::proposals::proposals_follow(&chats.team.bench).await;
    let list = chats.team.owner("GET", &format!("/api/proposals?jobId={study}"), &Value::Null).await;
    data(&list).as_array().unwrap().clone()
}

#[tokio::test]
async fn a_tester_is_told_and_can_answer() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    let study = team.study(&json!({})).await;
    let body = json!({"testerId": user.id.wire(), "jobId": study});
    let told = team.owner("POST", PATH, &body).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let told = data(&told);
    assert_eq!((&told["testerId"], &told["telegramChatId"]), (&json!(user.id.wire()), &json!(CHAT)));
    let sent = chats.telegram.calls("sendMessage").pop().unwrap().said;
    assert_eq!(sent["chat_id"], CHAT);
    let text = sent["text"].as_str().unwrap();
    assert!(text.contains("Checkout Redesign") && text.contains("15.00 USD"), "{text}");
    let made = proposals(&chats, &study).await;
    assert_eq!((made.len(), &made[0]["status"]), (1, &json!("sent")));
    let proposal = made[0]["proposalId"].as_str().unwrap();
    assert_eq!(sent["reply_markup"]["inline_keyboard"][0][0]["callback_data"], format!("accept:{proposal}"));
    // no mail besides
    let before = chats.telegram.calls("sendMessage").len();
    work(&team.bench).await;
    assert_eq!(chats.telegram.calls("sendMessage").len(), before);
    // again, with other words, about the same proposal
    let body = json!({"testerId": user.id.wire(), "jobId": study, "message": "  Still free on Friday?  "});
    assert_eq!(team.admin("POST", PATH, &body).await.status, 200);
    let sent = chats.telegram.calls("sendMessage").pop().unwrap().said;
    assert_eq!(sent["text"], "Still free on Friday?");
    assert_eq!(sent["reply_markup"]["inline_keyboard"][0][1]["callback_data"], format!("decline:{proposal}"));
    assert_eq!(proposals(&chats, &study).await.len(), 1);
    let message = data(&team.admin("POST", PATH, &body).await)["messageId"].as_i64().unwrap();
    chats.tell(&press(CHAT, message, &format!("accept:{proposal}"))).await;
    assert_eq!(chats.status(proposal).await, "accepted");
    let late = team.owner("POST", PATH, &body).await;
    assert_eq!(harness::openscouter::told(&late), refused("Proposal is accepted, expected pending or sent"));
}

#[tokio::test]
async fn a_pending_proposal_becomes_sent_for_72_hours() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    let study = team.study(&json!({})).await;
    let made = team.owner("POST", "/api/proposals", &json!({"jobId": study, "testerIds": [user.id.wire()]})).await;
    let proposal = data(&made)["proposals"][0]["proposalId"].as_str().unwrap().to_owned();
    assert_eq!(chats.status(&proposal).await, "pending");
    let body = json!({"testerId": user.id.wire(), "jobId": study});
    let token = api_token(&team.bench, &team.owner, &["write"]).await;
    assert_eq!(ask(&team.bench, &token, "POST", PATH, &body).await.status, 200);
    assert_eq!(chats.status(&proposal).await, "sent");
    team.bench.advance(Duration::hours(71));
    let owner = bearer(&team.bench, "dana@example.com").await;
    let path = format!("/api/proposals/{proposal}");
    assert_eq!(data(&ask(&team.bench, &owner, "GET", &path, &Value::Null).await)["status"], "sent");
    team.bench.advance(Duration::hours(1));
    let owner = bearer(&team.bench, "dana@example.com").await;
    assert_eq!(data(&ask(&team.bench, &owner, "GET", &path, &Value::Null).await)["status"], "expired");
    let late = ask(&team.bench, &owner, "POST", PATH, &body).await;
    assert_eq!(told(&late), refused("Proposal is expired, expected pending or sent"));
}

#[tokio::test]
async fn what_is_refused() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = fitting(&team.bench, "fay@example.com").await;
    let (tester, nobody) = (user.id.wire(), "user_01k8ybdf00e8nrtzq2qw3d80n2");
    let study = team.study(&json!({})).await;
    for (body, expected) in [
        (json!({}), refused("testerId: is required")),
        (json!({"testerId": tester}), refused("jobId: is required")),
        (json!({"testerId": 1, "jobId": study}), refused("testerId: must be a string")),
        (json!({"testerId": tester, "jobId": study, "message": ""}), refused("message: must not be empty")),
        (
            json!({"testerId": tester, "jobId": study, "message": "x".repeat(4_097)}),
            refused("message: must be at most 4096 characters"),
        ),
        (
            json!({"testerId": tester, "jobId": study, "message": "🦀".repeat(2_049)}),
            refused("message: must be at most 4096 characters"),
        ),
        (json!({"testerId": "x", "jobId": study}), missing("Tester")),
        (json!({"testerId": nobody, "jobId": study}), missing("Tester")),
        (json!({"testerId": tester, "jobId": "x"}), missing("Study")),
        (json!({"testerId": tester, "jobId": study}), says(404, "Tester has not connected Telegram")),
    ] {
        assert_eq!(told(&team.owner("POST", PATH, &body).await), expected, "{body}");
    }
    let body = json!({"testerId": tester, "jobId": study});
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    assert_eq!(told(&ask(&team.bench, &other, "POST", PATH, &body).await), missing("Study"));
    let credential = bearer(&team.bench, "fay@example.com").await;
    chats.link(&credential, CHAT).await;
    let owner = person_id(&chats).await;
    assert_eq!(told(&team.owner("POST", PATH, &json!({"testerId": owner, "jobId": study})).await), missing("Tester"));
    // one who does not fit is not told
    chats.link(&team.tester, CHAT + 1).await;
    let unfit = json!({"testerId": team.user.id.wire(), "jobId": study});
    assert_eq!(told(&team.owner("POST", PATH, &unfit).await), refused("testerId: is not eligible"));
    assert_eq!(team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await.status, 200);
    assert_eq!(told(&team.owner("POST", PATH, &body).await), refused("Study is closed, expected open or in_progress"));
    assert_eq!(chats.telegram.calls("sendMessage").len(), 2, "nothing but the links");
}

/// The id of a person who is no tester.
async fn person_id(chats: &Chats) -> String {
    data(&chats.team.owner("GET", "/api/auth/me", &Value::Null).await)["userId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_chat_that_is_closed_is_linked_no_more() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, credential) = chats.linked("fay@example.com", CHAT).await;
    let study = team.study(&json!({})).await;
    chats.telegram.block(CHAT);
    let body = json!({"testerId": user.id.wire(), "jobId": study});
    for _ in 0..2 {
        assert_eq!(told(&team.owner("POST", PATH, &body).await), says(404, "Tester has not connected Telegram"));
    }
    assert!(!chats.is_linked(&credential).await);
    let made = proposals(&chats, &study).await;
    assert!(made.iter().all(|proposal| proposal["status"] == "pending"), "the tester was not told: {made:?}");
}

#[tokio::test]
async fn a_fault_of_telegrams_is_one_of_ours_and_the_call_can_be_made_again() {
    let chats = Chats::start().await;
    let team = &chats.team;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    let study = team.study(&json!({})).await;
    let body = json!({"testerId": user.id.wire(), "jobId": study});
    let text = body.to_string();
    let headers =
        [("authorization", team.owner.as_str()), ("content-type", "application/json"), ("idempotency-key", "once")];
    let function = named("openscouter-telegram-job-notify");
    for trouble in 0..3 {
        match trouble {
            0 => chats.telegram.throttle(5),
            1 => chats.telegram.refuse(400),
            _ => chats.telegram.refuse(502),
        }
        let answer = team.bench.send(function, "POST", PATH, &headers, text.as_bytes()).await.unwrap();
        assert_eq!(told(&answer), says(500, "Internal server error"));
    }
    let first = post(&team.bench, PATH, &headers[..1], &body).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let sent = post(&team.bench, PATH, &[headers[0], headers[2]], &body).await;
    let again = post(&team.bench, PATH, &[headers[0], headers[2]], &body).await;
    assert_eq!((sent.status, again.header("idempotency-replayed"), data(&sent)), (200, "true", data(&again)));
    let made = proposals(&chats, &study).await;
    assert_eq!((made.len(), &made[0]["status"]), (1, &json!("sent")));
}

#[tokio::test]
async fn succeeds() {
    let chats = Chats::start().await;
    let (user, _) = chats.linked("fay@example.com", CHAT).await;
    let study = chats.team.study(&json!({})).await;
    let answer = chats.team.owner("POST", PATH, &json!({"testerId": user.id.wire(), "jobId": study})).await;
    snapshot!("telegram-job-notify", &answer);
}
