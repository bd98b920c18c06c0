//! Testers and the bot, for the tests of Telegram (openscouter 15).

use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};

use super::{
    ask, data, post,
    proposals::fitting,
    team::Team,
    telegram::{SECRET, Telegram},
};
use crate::{Answer, Bench};

/// Where updates go.
pub const WEBHOOK: &str = "/api/telegram/webhook";

static UPDATES: AtomicI64 = AtomicI64::new(987_654_321);

/// A team over a bench whose Bot API is a stub.
#[derive(Debug)]
pub struct Chats {
    /// The team.
    pub team: Team,
    /// The Bot API.
    pub telegram: Telegram,
}

/// A text in a private chat, as an update with a number of its own.
#[must_use]
pub fn text(chat: i64, text: &str) -> Value {
    json!({"update_id": UPDATES.fetch_add(1, Ordering::Relaxed), "message": {"message_id": 1, "date": 1_773_651_600,
        "from": {"id": chat, "is_bot": false, "first_name": "Tess", "username": "tess", "language_code": "en"},
        "chat": {"id": chat, "type": "private", "first_name": "Tess", "username": "tess"}, "text": text}})
}

/// A button that was pressed below a message of a private chat.
#[must_use]
pub fn press(chat: i64, message: i64, button: &str) -> Value {
    json!({"update_id": UPDATES.fetch_add(1, Ordering::Relaxed), "callback_query": {"id": "4382bfdwdsb323b2d9",
        "from": {"id": chat, "is_bot": false, "first_name": "Tess"}, "chat_instance": "-3788", "data": button,
        "message": {"message_id": message, "date": 1_773_651_600, "text": "x",
            "chat": {"id": chat, "type": "private", "first_name": "Tess"}}}})
}

/// Sends an update as Telegram does, to a bench.
pub async fn tell(bench: &Bench, update: &Value) -> Answer {
    post(bench, WEBHOOK, &[("x-telegram-bot-api-secret-token", SECRET)], update).await
}

impl Chats {
    /// The team.
    pub async fn start() -> Self {
        let (telegram, variables) = Telegram::start().await;
        let mut variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("OUTSCOUT_OPENSCOUTER_PUBLIC_URL", "http://openscouter.test"));
        Self { team: Team::over(Bench::with(&variables).await.unwrap()).await, telegram }
    }

    /// Sends an update that is heard.
    pub async fn tell(&self, update: &Value) {
        let answer = tell(&self.team.bench, update).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})), "{}", answer.body);
    }

    /// A code of a tester's.
    pub async fn code(&self, credential: &str) -> String {
        let made = ask(&self.team.bench, credential, "POST", "/api/telegram/link-code", &Value::Null).await;
        assert_eq!(made.status, 201, "{}", made.body);
        data(&made)["code"].as_str().unwrap().to_owned()
    }

    /// Links a chat with a tester.
    pub async fn link(&self, credential: &str, chat: i64) {
        let code = self.code(credential).await;
        self.tell(&text(chat, &format!("/start {code}"))).await;
        assert!(self.is_linked(credential).await);
    }

    /// Whether a tester's profile shows a chat.
    pub async fn is_linked(&self, credential: &str) -> bool {
        let profile = data(&ask(&self.team.bench, credential, "GET", "/api/me/profile", &Value::Null).await);
        profile["telegramConnected"].as_bool().unwrap()
    }

    /// A tester who fits, with a chat.
    pub async fn linked(&self, email: &str, chat: i64) -> (shared::model::User, String) {
        let (user, credential) = fitting(&self.team.bench, email).await;
        self.link(&credential, chat).await;
        (user, credential)
    }

    /// How a proposal stands for its owner.
    pub async fn status(&self, proposal: &str) -> Value {
        data(&self.team.owner("GET", &format!("/api/proposals/{proposal}"), &Value::Null).await)["status"].clone()
    }
}
