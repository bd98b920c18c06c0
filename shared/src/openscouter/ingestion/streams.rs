//! The rules of the three streams, in the order of their tables (openscouter 11.2, 11.3). A member that an item need not
//! have is left out when it breaks its rule; the item is kept.

use std::{borrow::Cow, collections::BTreeMap};

use time::OffsetDateTime;

use super::{
    super::{
        format::parse_url,
        lists::{LANGUAGES, is_listed},
    },
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

/// When an item may have been captured, by the device's clock.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) from: OffsetDateTime,
    pub(super) to: OffsetDateTime,
}

impl Window {
    fn has(self, time: OffsetDateTime) -> bool {
        (self.from..=self.to).contains(&time)
    }
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
    /// A judge, who keeps in `batch`.
    pub(super) const fn new(stream: IngestedStream, window: Window, batch: IngestedBatch) -> Self {
        Self { stream, window, batch, address: None }
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
    if time.is_some_and(|time| !window.has(time)) {
        return Err(field.refused("is outside the session"));
    }
    if let Some(time) = time {
        kept.shown("at", epoch_millis(time));
    }
    Ok(time)
}

/// The id that the client gave the item.
fn id(field: Field<'_>, kept: &mut Kept<'_>) -> Option<ItemId> {
    const NAMED: (fn(u8) -> bool, &str) =
        (|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte), "A-Z a-z 0-9 . _ : -");
    let id = optional(field.word(64, NAMED))?;
    let own = ItemId::of(&id);
    kept.text("id", id);
    Some(own)
}

/// A member that the item does without when it breaks its rule.
fn optional<T>(judged: Judged<Option<T>>) -> Option<T> {
    judged.ok().flatten()
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
    kept.number("x", optional(x.number(-PIXELS, PIXELS)));
    kept.number("y", optional(y.number(-PIXELS, PIXELS)));
    kept.number("scrollY", optional(scroll.number(-PIXELS, PIXELS)));
    kept.number("inputLength", optional(length.number(0.0, f64::MAX)));
    if let Some([width, height]) = optional(viewport.object("viewport.", ["width", "height"]))
        && let (Some(width), Some(height)) = (side(width), side(height))
    {
        kept.shown("viewport", format_args!("{{\"width\":{width},\"height\":{height}}}"));
    }
    let own = id(own, kept);
    if let Some(task) = optional(task.text((0, 64))) {
        kept.text("taskId", task);
    }
    address(url, kept, last);
    kept.number("scrollDepth", optional(depth.share(0.0, 1.0)));
    kept.number("timeOnElementMs", optional(dwell.number(0.0, f64::MAX)));
    Ok(own)
}

/// Keeps the address of the page; `last` is that of the item before.
fn address<'a>(url: Field<'a>, kept: &mut Kept<'_>, last: &mut Option<(Cow<'a, str>, String)>) {
    let Some(sent) = optional(url.text((1, usize::MAX))) else { return };
    let known = last.take().filter(|(known, _)| *known == sent).map(|(_, address)| address);
    if let Some(address) = known.or_else(|| bare(&sent)) {
        kept.json("url", &address);
        *last = Some((sent, address));
    }
}

/// A side of the viewport, which is above 0.
fn side(field: Field<'_>) -> Option<&str> {
    let (number, sent) = optional(field.number(f64::MIN, f64::MAX))?;
    (number > 0.0).then_some(sent)
}

/// Scheme, host and path of a web address, as JSON; the rest can hold what people typed, and is cut off first.
fn bare(text: &str) -> Option<String> {
    let text = text.split(['?', '#']).next().filter(|text| text.len() <= MAX_URL || text.chars().count() <= MAX_URL)?;
    let url = parse_url(text).ok()?;
    let host = url.host_str()?;
    Some(serde_json::Value::from(format!("{}://{host}{}", url.scheme(), url.path())).to_string())
}

fn facial(item: &mut Scan<'_>, kept: &mut Kept<'_>, window: Window) -> Judged<Option<ItemId>> {
    const LABEL: (fn(u8) -> bool, &str) = (|byte| byte.is_ascii_lowercase() || byte == b'_', "a-z _");
    let [time, face, emotion, confidence, units, interval, own] = object(
        ["timestamp", "faceDetected", "emotion", "confidence", "actionUnits", "captureIntervalMs", "snapshotId"],
        item,
    )?;
    timestamp(time, kept, window)?;
    let face = optional(face.flag()).unwrap_or(true);
    kept.shown("faceDetected", face);
    let (named, sure) = (emotion.word(32, LABEL), confidence.share(0.0, 1.0));
    let (named, sure) = if face {
        emotion.required()?;
        let named = named?;
        confidence.required()?;
        (named, sure?)
    } else {
        (optional(named), optional(sure))
    };
    if let Some(emotion) = named {
        kept.text("emotion", emotion);
    }
    kept.number("confidence", sure);
    if let Some(units) = units.sent().and_then(action_units) {
        kept.json("actionUnits", &units);
    }
    kept.number("captureIntervalMs", optional(interval.integer(100.0, 60_000.0)));
    Ok(id(own, kept))
}

/// Strengths of action units, as they were sent, in the order of their numbers.
fn action_units(raw: &str) -> Option<String> {
    let mut scan = Scan::new(raw);
    if !scan.enter(b'{') {
        return None;
    }
    let mut units: BTreeMap<String, &str> = BTreeMap::new();
    while scan.more(b'}') {
        let name = serde_json::from_str(scan.name()).ok()?;
        units.insert(name, scan.value());
        if units.len() > MAX_UNITS {
            return None;
        }
    }
    let mut json = String::new();
    let mut kept = Kept::open(&mut json);
    for (name, value) in &units {
        let digits = name.strip_prefix("AU").filter(|digits| digits.len() == 2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (_, strength) = optional(Field::within("", name, value).share(0.0, 1.0))?;
        kept.json(name, strength);
    }
    kept.close();
    Some(json)
}

fn voice(item: &mut Scan<'_>, kept: &mut Kept<'_>, window: Window) -> Judged<Option<ItemId>> {
    let [time, ended, transcript, confidence, sentiment, language, own] =
        object(["timestamp", "endedAt", "transcript", "confidence", "sentiment", "language", "segmentId"], item)?;
    let start = timestamp(time, kept, window)?;
    if let Some(end) = optional(ended.time()).filter(|end| window.has(*end) && start.is_none_or(|start| start <= *end))
    {
        kept.shown("end", epoch_millis(end));
    }
    if let Some(transcript) = transcript.required()?.text((0, 5_000))? {
        kept.text("transcript", transcript);
    }
    kept.number("confidence", optional(confidence.share(0.0, 1.0)));
    kept.number("sentiment", optional(sentiment.share(-1.0, 1.0)));
    if let Some(sent) = optional(language.text((0, usize::MAX))) {
        // of a tag with a region or a script, the language
        let code = sent.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        if is_listed(LANGUAGES, &code) {
            kept.text("language", Cow::Owned(code));
        }
    }
    Ok(id(own, kept))
}
