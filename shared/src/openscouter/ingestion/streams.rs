//! The rules of the three streams, in the order of their tables (openscouter 11.2, 11.3).

use std::{borrow::Cow, collections::BTreeMap};

use time::OffsetDateTime;

use super::{
    super::lists::{LANGUAGES, is_listed},
    fields::{Field, Judged, Kept},
    scan::Scan,
};
use crate::{
    clock::epoch_millis,
    model::IngestedStream,
    store::{IngestedBatch, ItemId},
};

const KINDS: [&str; 7] = ["click", "scroll", "input", "focus", "blur", "navigation", "error"];
const PIXELS: f64 = 10_000_000.0;
/// Most characters of a URL (openscouter 2.1).
const MAX_URL: usize = 2_048;
/// Most action units of a snapshot.
const MAX_UNITS: usize = 40;

/// When an item may have been captured.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) from: OffsetDateTime,
    pub(super) to: OffsetDateTime,
}

/// Judges a batch item by item, and keeps what is valid.
pub(super) struct Judge<'a> {
    stream: IngestedStream,
    window: Window,
    batch: IngestedBatch,
    /// The last address, as it was sent and as it is kept: what follows on a page has the same one.
    address: Option<(Cow<'a, str>, String)>,
}

impl<'a> Judge<'a> {
    /// A judge of a batch of about so many bytes.
    pub(super) fn new(stream: IngestedStream, window: Window, bytes: usize) -> Self {
        Self { stream, window, batch: IngestedBatch::with_capacity(bytes), address: None }
    }

    /// What was kept.
    pub(super) fn kept(self) -> IngestedBatch {
        self.batch
    }

    /// Keeps the item that is next, or tells its first violation; it is passed in any case.
    pub(super) fn judge(&mut self, item: &mut Scan<'a>) -> Judged<()> {
        let Self { stream, window, batch, address } = self;
        batch.add(|json| {
            let mut kept = Kept::open(json);
            let id = match stream {
                IngestedStream::Events => event(item, &mut kept, *window, address)?,
                IngestedStream::Facial => facial(item, &mut kept, *window)?,
                IngestedStream::Voice => voice(item, &mut kept, *window)?,
            };
            kept.close();
            Ok(id)
        })
    }
}

/// An item's members.
fn object<'a, const N: usize>(names: [&'a str; N], item: &mut Scan<'a>) -> Judged<[Field<'a>; N]> {
    Field::of("", names, item).ok_or_else(|| "must be an object".to_owned())
}

/// The item's own time, which lies within the session.
fn timestamp(field: Field<'_>, kept: &mut Kept<'_>, window: Window) -> Judged<Option<OffsetDateTime>> {
    let time = field.required()?.time()?;
    if time.is_some_and(|time| time < window.from || time > window.to) {
        return Err(field.refused("is outside the session"));
    }
    if let Some(time) = time {
        kept.shown("at", epoch_millis(time));
    }
    Ok(time)
}

/// The id that the client gave the item.
fn id(field: Field<'_>, kept: &mut Kept<'_>) -> Judged<Option<ItemId>> {
    const NAMED: (fn(u8) -> bool, &str) =
        (|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte), "A-Z a-z 0-9 . _ : -");
    let id = field.word(64, NAMED)?;
    Ok(id.map(|id| {
        let own = ItemId::of(&id);
        kept.text("id", id);
        own
    }))
}

fn event<'a>(
    item: &mut Scan<'a>,
    kept: &mut Kept<'_>,
    window: Window,
    last: &mut Option<(Cow<'a, str>, String)>,
) -> Judged<Option<ItemId>> {
    let [kind, selector, time, x, y, scroll, length, viewport, own, task, url, depth, dwell] = object(
        [
            "eventType",
            "targetSelector",
            "timestamp",
            "x",
            "y",
            "scrollY",
            "inputLength",
            "viewport",
            "eventId",
            "taskId",
            "url",
            "scrollDepth",
            "timeOnElementMs",
        ],
        item,
    )?;
    let named = kind.required()?.text((0, usize::MAX))?.unwrap_or_default();
    if !KINDS.contains(&&*named) {
        return Err(kind.refused(&format!("must be one of: {}", KINDS.join(", "))));
    }
    kept.text("eventType", named);
    if let Some(selector) = selector.required()?.text((1, 1_024))? {
        kept.text("targetSelector", selector);
    }
    timestamp(time, kept, window)?;
    kept.number("x", x.number(-PIXELS, PIXELS)?);
    kept.number("y", y.number(-PIXELS, PIXELS)?);
    kept.number("scrollY", scroll.number(-PIXELS, PIXELS)?);
    kept.number("inputLength", length.number(0.0, f64::MAX)?);
    if let Some([width, height]) = viewport.object("viewport.", ["width", "height"])? {
        let (width, height) = (side(width)?, side(height)?);
        kept.shown("viewport", format_args!("{{\"width\":{width},\"height\":{height}}}"));
    }
    let own = id(own, kept)?;
    if let Some(task) = task.text((0, 64))? {
        kept.text("taskId", task);
    }
    if let Some(sent) = url.text((1, MAX_URL))? {
        let known = last.take().filter(|(known, _)| *known == sent);
        let address = match known {
            Some((_, address)) => address,
            None => bare(&sent).map_err(|reason| url.refused(reason))?,
        };
        kept.json("url", &address);
        *last = Some((sent, address));
    }
    kept.number("scrollDepth", depth.number(0.0, 1.0)?);
    kept.number("timeOnElementMs", dwell.number(0.0, f64::MAX)?);
    Ok(own)
}

/// A side of the viewport, which is there and above 0.
fn side(field: Field<'_>) -> Judged<&str> {
    match field.required()?.number(f64::MIN, f64::MAX)? {
        Some((number, sent)) if number > 0.0 => Ok(sent),
        _ => Err(field.refused("must be at least 1")),
    }
}

/// Scheme, host and path of a web address, as JSON; the rest can hold what people typed.
fn bare(text: &str) -> Result<String, &'static str> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or("must be an http or https URL")?;
    let host = url.host_str().ok_or("must be an http or https URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain credentials");
    }
    Ok(serde_json::Value::from(format!("{}://{host}{}", url.scheme(), url.path())).to_string())
}

fn facial(item: &mut Scan<'_>, kept: &mut Kept<'_>, window: Window) -> Judged<Option<ItemId>> {
    const LABEL: (fn(u8) -> bool, &str) = (|byte| byte.is_ascii_lowercase() || byte == b'_', "a-z _");
    let [time, face, emotion, confidence, units, interval, own] = object(
        ["timestamp", "faceDetected", "emotion", "confidence", "actionUnits", "captureIntervalMs", "snapshotId"],
        item,
    )?;
    timestamp(time, kept, window)?;
    let face = face.flag()?.unwrap_or(true);
    kept.shown("faceDetected", face);
    let emotion = if face { emotion.required()? } else { emotion };
    if let Some(emotion) = emotion.word(32, LABEL)? {
        kept.text("emotion", emotion);
    }
    let confidence = if face { confidence.required()? } else { confidence };
    kept.number("confidence", confidence.number(0.0, 1.0)?);
    if let Some(raw) = units.sent() {
        kept.json("actionUnits", &action_units(units, raw)?);
    }
    kept.number("captureIntervalMs", interval.integer(100.0, 60_000.0)?);
    id(own, kept)
}

/// Strengths of action units, as they were sent, in the order of their numbers.
fn action_units(field: Field<'_>, raw: &str) -> Judged<String> {
    let named = || field.refused("must have keys of AU and two digits");
    let mut scan = Scan::new(raw);
    if !scan.enter(b'{') {
        return Err(field.refused("must be an object"));
    }
    let mut units: BTreeMap<String, &str> = BTreeMap::new();
    while scan.more(b'}') {
        let name = serde_json::from_str(scan.name()).map_err(|_| named())?;
        units.insert(name, scan.value());
        if units.len() > MAX_UNITS {
            return Err(field.refused(&format!("must contain at most {MAX_UNITS} items")));
        }
    }
    let mut json = String::new();
    let mut kept = Kept::open(&mut json);
    for (name, value) in &units {
        let digits = name.strip_prefix("AU").filter(|digits| digits.len() == 2);
        if !digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(named());
        }
        let unit = Field::within("actionUnits.", name, value);
        let (_, strength) = unit.number(0.0, 1.0)?.ok_or_else(|| unit.refused("must be a number"))?;
        kept.json(name, strength);
    }
    kept.close();
    Ok(json)
}

fn voice(item: &mut Scan<'_>, kept: &mut Kept<'_>, window: Window) -> Judged<Option<ItemId>> {
    let [time, ended, transcript, confidence, sentiment, language, own] =
        object(["timestamp", "endedAt", "transcript", "confidence", "sentiment", "language", "segmentId"], item)?;
    let start = timestamp(time, kept, window)?;
    if let Some(end) = ended.time()? {
        if start.is_some_and(|start| end < start) {
            return Err(ended.refused("must not be before timestamp"));
        }
        kept.shown("end", epoch_millis(end));
    }
    if let Some(transcript) = transcript.required()?.text((0, 5_000))? {
        kept.text("transcript", transcript);
    }
    kept.number("confidence", confidence.number(0.0, 1.0)?);
    kept.number("sentiment", sentiment.number(-1.0, 1.0)?);
    if let Some(code) = language.text((0, usize::MAX))? {
        if !is_listed(LANGUAGES, &code) {
            return Err(language.refused("must be an ISO 639-1 code"));
        }
        kept.text("language", code);
    }
    id(own, kept)
}
