//! A stub of Telegram's Bot API, written from its published contract (core.telegram.org/bots/api): methods, the token in the
//! path, types and limits of what is said, and answers in its form. It knows the chats whose people began to talk to the
//! bot, and can be told to throttle, to refuse, to break, or to take its time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::{Map, Value, json};

/// The bot's token.
pub const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
/// The bot's name.
pub const BOT: &str = "outscout_test_bot";
/// What the bot's webhook calls carry.
pub const SECRET: &str = "of-the-webhook_1";

/// A call that the stub took.
#[derive(Clone, Debug)]
pub struct Call {
    /// As in `sendMessage`.
    pub method: String,
    /// What it said.
    pub said: Value,
    /// When it came.
    pub at: Instant,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Vec<Call>,
    /// What was wrong with calls.
    wrong: Vec<String>,
    /// Chats whose people do not let the bot say anything.
    blocked: BTreeSet<i64>,
    /// Answers to come in the place of those to `sendMessage`: status, and seconds to wait.
    troubles: Vec<(u16, Option<u32>)>,
    /// Keyboards of the messages that were sent, by chat and id.
    keyboards: BTreeMap<(i64, i64), Value>,
    /// How long each answer takes.
    delay: Duration,
}

/// The stub.
#[derive(Clone, Debug, Default)]
pub struct Telegram(Arc<Mutex<Inner>>);

impl Telegram {
    /// Starts one; the variables that lead to it.
    pub async fn start() -> (Self, Vec<(&'static str, String)>) {
        let stub = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(stub.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let variables = vec![
            ("OUTSCOUT_TELEGRAM_BASE_URL", url),
            ("OUTSCOUT_TELEGRAM_BOT_TOKEN", TOKEN.to_owned()),
            ("OUTSCOUT_TELEGRAM_BOT_NAME", BOT.to_owned()),
            ("OUTSCOUT_TELEGRAM_WEBHOOK_SECRET", SECRET.to_owned()),
        ];
        (stub, variables)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls of a method so far. Nothing was wrong with any call.
    #[must_use]
    pub fn calls(&self, method: &str) -> Vec<Call> {
        let inner = self.lock();
        assert_eq!(inner.wrong, [""; 0], "calls that are none of the Bot API's");
        inner.calls.iter().filter(|call| call.method == method).cloned().collect()
    }

    /// The texts that a chat was sent.
    #[must_use]
    pub fn texts(&self, chat: i64) -> Vec<String> {
        let sent = self.calls("sendMessage").into_iter().filter(|call| call.said["chat_id"] == chat);
        sent.map(|call| call.said["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The person of a chat lets the bot say nothing any more.
    pub fn block(&self, chat: i64) {
        self.lock().blocked.insert(chat);
    }

    /// The next message comes to nothing, with this status.
    pub fn refuse(&self, status: u16) {
        self.lock().troubles.push((status, None));
    }

    /// The next message is one too many: it may be sent again after so many seconds.
    pub fn throttle(&self, seconds: u32) {
        self.lock().troubles.push((429, Some(seconds)));
    }

    /// Each answer takes this long from now on.
    pub fn slow(&self, delay: Duration) {
        self.lock().delay = delay;
    }
}

fn failed(status: u16, description: &str) -> (StatusCode, Json<Value>) {
    let body = json!({"ok": false, "error_code": status, "description": description});
    (StatusCode::from_u16(status).unwrap(), Json(body))
}

async fn answer(
    State(stub): State<Telegram>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let delay = stub.lock().delay;
    tokio::time::sleep(delay).await;
    let mut inner = stub.lock();
    let Some((token, name)) = uri.path().strip_prefix("/bot").and_then(|path| path.split_once('/')) else {
        inner.wrong.push(format!("no bot's path: {} letters", uri.path().len()));
        return failed(404, "Not Found");
    };
    if token != TOKEN {
        inner.wrong.push("another token".to_owned());
        return failed(401, "Unauthorized");
    }
    let json = headers.get("content-type").is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    if method != Method::POST || !json {
        inner.wrong.push(format!("{name}: {method}, json: {json}"));
        return failed(400, "Bad Request: unsupported form");
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Err(wrong) = check(name, &said) {
        inner.wrong.push(format!("{name}: {wrong}"));
        return failed(400, &format!("Bad Request: {wrong}"));
    }
    inner.calls.push(Call { method: name.to_owned(), said: said.clone(), at: Instant::now() });
    match name {
        "sendMessage" => send(&mut inner, &said),
        "editMessageReplyMarkup" => edit(&mut inner, &said),
        _ => (StatusCode::OK, Json(json!({"ok": true, "result": true}))),
    }
}

fn message(chat: i64, id: i64, said: &Value) -> Value {
    let bot = json!({"id": 110_201_543, "is_bot": true, "first_name": "outscout", "username": BOT});
    let chat = json!({"id": chat, "first_name": "Tess", "type": "private"});
    let mut message = json!({"message_id": id, "from": bot, "chat": chat, "date": 1_773_651_600, "text": said["text"]});
    if !said["reply_markup"].is_null() {
        message["reply_markup"] = said["reply_markup"].clone();
    }
    json!({"ok": true, "result": message})
}

fn send(inner: &mut Inner, said: &Value) -> (StatusCode, Json<Value>) {
    let chat = said["chat_id"].as_i64().unwrap();
    if !inner.troubles.is_empty() {
        let (status, wait) = inner.troubles.remove(0);
        let Some(wait) = wait else { return failed(status, "Bad Request: chat not found") };
        let (status, Json(mut body)) = failed(status, &format!("Too Many Requests: retry after {wait}"));
        body["parameters"] = json!({"retry_after": wait});
        return (status, Json(body));
    }
    if inner.blocked.contains(&chat) {
        return failed(403, "Forbidden: bot was blocked by the user");
    }
    let id = i64::try_from(inner.keyboards.len()).unwrap() + 1;
    inner.keyboards.insert((chat, id), said["reply_markup"]["inline_keyboard"].clone());
    (StatusCode::OK, Json(message(chat, id, said)))
}

fn edit(inner: &mut Inner, said: &Value) -> (StatusCode, Json<Value>) {
    let place = (said["chat_id"].as_i64().unwrap(), said["message_id"].as_i64().unwrap());
    let next = said["reply_markup"]["inline_keyboard"].clone();
    match inner.keyboards.get_mut(&place) {
        None => failed(400, "Bad Request: message to edit not found"),
        Some(keyboard) if *keyboard == next => failed(400, "Bad Request: message is not modified"),
        Some(keyboard) => {
            *keyboard = next;
            (StatusCode::OK, Json(message(place.0, place.1, said)))
        }
    }
}

/// What a method takes, each with whether it must be said.
fn check(method: &str, said: &Value) -> Result<(), String> {
    let said = said.as_object().ok_or("no object")?;
    let known: &[(&str, bool)] = match method {
        "sendMessage" => &[
            ("chat_id", true),
            ("text", true),
            ("link_preview_options", false),
            ("reply_markup", false),
            ("parse_mode", false),
            ("disable_notification", false),
            ("protect_content", false),
        ],
        "answerCallbackQuery" => &[("callback_query_id", true), ("text", false), ("show_alert", false)],
        "editMessageReplyMarkup" => &[("chat_id", true), ("message_id", true), ("reply_markup", false)],
        _ => return Err("no such method".to_owned()),
    };
    if let Some((name, _)) = known.iter().find(|(name, required)| *required && !said.contains_key(*name)) {
        return Err(format!("{name} is missing"));
    }
    for (name, value) in said {
        if !known.iter().any(|(known, _)| known == name) {
            return Err(format!("{name} is unknown"));
        }
        let fits = match &**name {
            "chat_id" | "message_id" => value.is_i64(),
            "text" if method == "answerCallbackQuery" => length(value).is_some_and(|length| length <= 200),
            "text" => length(value).is_some_and(|length| (1..=4_096).contains(&length)),
            "callback_query_id" => length(value).is_some_and(|length| length > 0),
            "show_alert" | "disable_notification" | "protect_content" => value.is_boolean(),
            "parse_mode" => ["MarkdownV2", "HTML"].contains(&value.as_str().unwrap_or_default()),
            "link_preview_options" => value["is_disabled"].is_boolean(),
            _ => value.as_object().is_some_and(is_keyboard),
        };
        if !fits {
            return Err(format!("{name} is not allowed"));
        }
    }
    Ok(())
}

/// How long a text is, in the units of UTF-16 that Telegram counts.
fn length(value: &Value) -> Option<usize> {
    value.as_str().map(|text| text.encode_utf16().count())
}

/// Whether a reply markup is an inline keyboard: rows of buttons that each have a text and one thing that they do.
fn is_keyboard(markup: &Map<String, Value>) -> bool {
    let button = |button: &Value| {
        let Some(button) = button.as_object() else { return false };
        let text = button.get("text").and_then(length).is_some_and(|length| length > 0);
        let data = button.get("callback_data").and_then(Value::as_str);
        text && button.len() == 2 && data.is_some_and(|data| (1..=64).contains(&data.len()))
    };
    let row = |row: &Value| row.as_array().is_some_and(|row| !row.is_empty() && row.iter().all(button));
    let rows = markup.get("inline_keyboard").and_then(Value::as_array);
    markup.len() == 1 && rows.is_some_and(|rows| rows.iter().all(row))
}
