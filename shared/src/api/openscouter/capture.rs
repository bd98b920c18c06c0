//! What test sessions send: events, facial snapshots and voice (openscouter 11).

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use time::{Duration, OffsetDateTime};

use super::{
    auth::CAPTURERS,
    call::{Call, answer},
    envelope::{Problem, success},
    fields::{Fields, check_media},
    rights::LANGUAGES,
    test_sessions::{LEEWAY, seen, wrong_state},
    text::parse_time,
};
use crate::{
    api::{Answer, ApiRequest},
    clock::epoch_millis,
    context::Context,
    model::{CapturedStream, TestSession},
    serve::BoxFuture,
    store::Captured,
};

/// Most items of a batch.
const MOST_ITEMS: usize = 500;
const KINDS: [&str; 7] = ["click", "scroll", "input", "focus", "blur", "navigation", "error"];

/// `POST /api/data/events`
#[must_use]
pub fn capture_events(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(capture(call, CapturedStream::Events)))
}

/// `POST /api/data/facial`
#[must_use]
pub fn capture_facial(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(capture(call, CapturedStream::Facial)))
}

/// `POST /api/data/voice`
#[must_use]
pub fn capture_voice(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(capture(call, CapturedStream::Voice)))
}

/// The body without its items being taken apart: they are judged one by one.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default, rename = "sessionId")]
    session: Option<Value>,
    #[serde(borrow, default)]
    batch: Option<&'a RawValue>,
}

/// The session's id and the items.
fn read(request: &ApiRequest) -> Result<(String, Vec<Value>), Problem> {
    check_media(request, "application/json")?;
    let malformed = |_| Problem::bad("Malformed JSON body");
    let body = if request.body.is_empty() { b"{}".as_slice() } else { &*request.body };
    let object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let (session, batch) = match serde_json::from_slice::<Body<'_>>(body) {
        Ok(body) if object => (body.session, body.batch.map(RawValue::get)),
        // what is no object, or has a key twice
        _ => {
            let fields = Fields::read(request)?;
            return named(&fields);
        }
    };
    let mut object = Map::new();
    object.extend(session.map(|session| ("sessionId".to_owned(), session)));
    let fields = Fields::new(object);
    let session = fields.text("sessionId", 1, usize::MAX)?;
    let Some(batch) = batch.filter(|text| *text != "null") else {
        return Err(Problem::invalid("batch", "is required"));
    };
    if !batch.starts_with('[') {
        return Err(Problem::invalid("batch", "must be an array"));
    }
    let items: Vec<Value> = serde_json::from_str(batch).map_err(malformed)?;
    if items.len() > MOST_ITEMS {
        return Err(Problem::invalid("batch", &format!("must contain at most {MOST_ITEMS} items")));
    }
    Ok((session, items))
}

fn named(fields: &Fields) -> Result<(String, Vec<Value>), Problem> {
    let session = fields.text("sessionId", 1, usize::MAX)?;
    Ok((session, fields.array("batch", 0, MOST_ITEMS)?.to_vec()))
}

/// When an item may have been captured.
#[derive(Clone, Copy)]
struct Window {
    from: OffsetDateTime,
    to: OffsetDateTime,
}

async fn capture(call: &Call, stream: CapturedStream) -> Result<Answer, Problem> {
    let caller = call.caller(CAPTURERS).await?;
    call.once(&caller.key(), &[], async {
        let (id, items) = read(&call.request)?;
        let session = seen(call, &caller, &id).await?;
        if !session.status.is_running() {
            return Err(wrong_state(&session, "active or paused"));
        }
        let (taken, name) = match stream {
            CapturedStream::Events => (session.records.events, "interaction"),
            CapturedStream::Facial => (session.records.facial, "facial"),
            CapturedStream::Voice => (session.records.voice, "voice"),
        };
        if !taken {
            return Err(Problem::invalid("", &format!("Study does not record {name} data")));
        }
        if stream == CapturedStream::Facial {
            camera(call, &session).await?;
        }
        let window = Window { from: session.created_at - Duration::seconds(60), to: call.now + LEEWAY };
        let (mut kept, mut rejections) = (Vec::with_capacity(items.len()), Vec::new());
        for (index, item) in items.iter().enumerate() {
            match judge(stream, item, window) {
                Ok(item) => kept.push(item),
                Err(reason) => rejections.push(json!({"index": index, "reason": reason})),
            }
        }
        let duplicates = call.context.store().keep_captured(&session, stream, &kept, call.now).await?;
        let data = json!({
            "sessionId": session.id.wire(),
            "accepted": kept.len(),
            "rejected": rejections.len(),
            "rejections": rejections,
            "duplicates": duplicates,
        });
        Ok(success(200, &data))
    })
    .await
}

/// Refuses facial snapshots of a tester who does not want any.
async fn camera(call: &Call, session: &TestSession) -> Result<(), Problem> {
    let (profile, _) = call.context.store().profile(session.tester).await?;
    if profile.get("cameraOptOut").and_then(Value::as_bool) == Some(true) {
        return Err(Problem::invalid("", "Tester has opted out of facial capture"));
    }
    Ok(())
}

/// An item under judgement: its fields, and what is kept of them, as JSON.
struct Item<'a> {
    fields: &'a Map<String, Value>,
    kept: String,
}

type Judged<T> = Result<T, String>;

impl<'a> Item<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Judged<&'a Value> {
        self.get(name).ok_or_else(|| format!("Missing required field: {name}"))
    }

    fn keep(&mut self, name: &str, value: &impl serde::Serialize) {
        self.kept.push(if self.kept.is_empty() { '{' } else { ',' });
        let _ = write!(self.kept, "\"{name}\":{}", serde_json::to_string(value).unwrap_or_default());
    }

    fn text(&self, name: &str, value: &'a Value, (least, most): (usize, usize)) -> Judged<&'a str> {
        let text = value.as_str().ok_or_else(|| format!("{name}: must be a string"))?.trim();
        if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(format!("{name}: must not contain control characters"));
        }
        let length = text.chars().count();
        if length == 0 && least > 0 {
            return Err(format!("{name}: must not be empty"));
        }
        if length > most {
            return Err(format!("{name}: must be at most {most} characters"));
        }
        Ok(text)
    }

    fn time(&self, name: &str, value: &Value) -> Judged<OffsetDateTime> {
        let text = value.as_str().ok_or_else(|| format!("{name}: must be a string"))?;
        parse_time(text.trim()).ok_or_else(|| format!("{name}: must be an ISO 8601 timestamp"))
    }

    /// The item's own time, which lies within the session.
    fn timestamp(&mut self, window: Window) -> Judged<OffsetDateTime> {
        let time = self.time("timestamp", self.required("timestamp")?)?;
        if time < window.from || time > window.to {
            return Err("timestamp: is outside the session".to_owned());
        }
        self.keep("at", &epoch_millis(time));
        Ok(time)
    }

    fn as_number(name: &str, value: &Value, least: f64, most: f64) -> Judged<f64> {
        let number = value.as_f64().ok_or_else(|| format!("{name}: must be a number"))?;
        if number < least {
            return Err(format!("{name}: must be at least {least}"));
        }
        if number > most {
            return Err(format!("{name}: must be at most {most}"));
        }
        Ok(number)
    }

    fn number(&mut self, name: &str, least: f64, most: f64) -> Judged<()> {
        let Some(value) = self.get(name) else { return Ok(()) };
        Self::as_number(name, value, least, most)?;
        self.keep(name, value);
        Ok(())
    }

    /// The id that the client gave the item.
    fn id(&mut self, name: &str) -> Judged<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| format!("{name}: must be a string"))?;
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
        if !fits {
            return Err(format!("{name}: must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -"));
        }
        self.keep("id", &text);
        Ok(Some(text.to_owned()))
    }
}

/// Judges an item: what is kept of it, or its first violation.
fn judge(stream: CapturedStream, item: &Value, window: Window) -> Judged<Captured> {
    let fields = item.as_object().ok_or("must be an object")?;
    let mut item = Item { fields, kept: String::with_capacity(128) };
    let id = match stream {
        CapturedStream::Events => event(&mut item, window)?,
        CapturedStream::Facial => facial(&mut item, window)?,
        CapturedStream::Voice => voice(&mut item, window)?,
    };
    item.kept.push('}');
    Ok(Captured { id, json: item.kept })
}

const PIXELS: f64 = 10_000_000.0;

fn event(item: &mut Item<'_>, window: Window) -> Judged<Option<String>> {
    let kind = item.required("eventType")?.as_str().ok_or("eventType: must be a string")?.trim();
    if !KINDS.contains(&kind) {
        return Err(format!("eventType: must be one of: {}", KINDS.join(", ")));
    }
    item.keep("eventType", &kind);
    let selector = item.text("targetSelector", item.required("targetSelector")?, (1, 1_024))?;
    item.keep("targetSelector", &selector);
    item.timestamp(window)?;
    for name in ["x", "y", "scrollY"] {
        item.number(name, -PIXELS, PIXELS)?;
    }
    item.number("inputLength", 0.0, f64::MAX)?;
    if let Some(viewport) = item.get("viewport") {
        let sides = viewport.as_object().ok_or("viewport: must be an object")?;
        let mut kept = Map::new();
        for name in ["width", "height"] {
            let path = format!("viewport.{name}");
            let value = sides.get(name).filter(|value| !value.is_null());
            let value = value.ok_or_else(|| format!("Missing required field: {path}"))?;
            if Item::as_number(&path, value, f64::MIN, f64::MAX)? <= 0.0 {
                return Err(format!("{path}: must be above 0"));
            }
            kept.insert(name.to_owned(), value.clone());
        }
        item.keep("viewport", &kept);
    }
    let id = item.id("eventId")?;
    if let Some(task) = item.get("taskId") {
        let task = item.text("taskId", task, (0, 64))?;
        item.keep("taskId", &task);
    }
    if let Some(value) = item.get("url") {
        let url = bare_url(item.text("url", value, (1, 2_048))?)?;
        item.keep("url", &url);
    }
    item.number("scrollDepth", 0.0, 1.0)?;
    item.number("timeOnElementMs", 0.0, f64::MAX)?;
    Ok(id)
}

/// Scheme, host and path of a web address; the rest can hold what people typed.
fn bare_url(text: &str) -> Judged<String> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = url.ok_or("url: must be an http or https URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("url: must not contain credentials".to_owned());
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url.into())
}

fn facial(item: &mut Item<'_>, window: Window) -> Judged<Option<String>> {
    item.timestamp(window)?;
    let face = match item.get("faceDetected") {
        None => true,
        Some(value) => value.as_bool().ok_or("faceDetected: must be a boolean")?,
    };
    item.keep("faceDetected", &face);
    let emotion = if face { Some(item.required("emotion")?) } else { item.get("emotion") };
    if let Some(value) = emotion {
        let text = value.as_str().ok_or("emotion: must be a string")?;
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !fits {
            return Err("emotion: must be 1 to 32 of the characters a-z _".to_owned());
        }
        item.keep("emotion", &text);
    }
    if face {
        item.required("confidence")?;
    }
    item.number("confidence", 0.0, 1.0)?;
    if let Some(units) = item.get("actionUnits") {
        let units = units.as_object().ok_or("actionUnits: must be an object")?;
        if units.len() > 40 {
            return Err("actionUnits: must contain at most 40 items".to_owned());
        }
        for (name, value) in units {
            let digits =
                name.strip_prefix("AU").is_some_and(|rest| rest.len() == 2 && rest.bytes().all(|b| b.is_ascii_digit()));
            if !digits {
                return Err("actionUnits: must have keys of AU and two digits".to_owned());
            }
            Item::as_number(&format!("actionUnits.{name}"), value, 0.0, 1.0)?;
        }
        item.keep("actionUnits", units);
    }
    if let Some(value) = item.get("captureIntervalMs") {
        if !value.is_i64() && !value.is_u64() {
            return Err("captureIntervalMs: must be an integer".to_owned());
        }
        Item::as_number("captureIntervalMs", value, 100.0, 60_000.0)?;
        item.keep("captureIntervalMs", value);
    }
    item.id("snapshotId")
}

fn voice(item: &mut Item<'_>, window: Window) -> Judged<Option<String>> {
    let start = item.timestamp(window)?;
    if let Some(value) = item.get("endedAt") {
        let end = item.time("endedAt", value)?;
        if end < start {
            return Err("endedAt: must not be before timestamp".to_owned());
        }
        item.keep("end", &epoch_millis(end));
    }
    let transcript = item.text("transcript", item.required("transcript")?, (0, 5_000))?;
    item.keep("transcript", &transcript);
    item.number("confidence", 0.0, 1.0)?;
    item.number("sentiment", -1.0, 1.0)?;
    if let Some(value) = item.get("language") {
        let text = value.as_str().ok_or("language: must be a string")?.trim();
        if !LANGUAGES.lines().any(|line| line == text) {
            return Err("language: must be an ISO 639-1 code".to_owned());
        }
        item.keep("language", &text);
    }
    item.id("segmentId")
}
