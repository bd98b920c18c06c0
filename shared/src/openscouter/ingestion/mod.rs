//! What test sessions send: events, facial snapshots and voice (openscouter 11).

mod fields;
mod scan;
mod streams;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, io::Read as _};

use flate2::read::MultiGzDecoder;
use serde::{Serialize, de::IgnoredAny};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use self::{
    fields::{Field, text_of},
    scan::Scan,
    streams::{Judge, Window},
};
use super::{
    access::{Caller, Viewer},
    endpoint::Outcome,
    envelope::{Problem, success},
    fields::{Fields, MAX_BODY, check_media, check_size},
    request_context::RequestContext,
    test_sessions::{LEEWAY, seen, wrong_state},
};
use crate::{
    http::Request,
    json,
    model::{IngestedStream, TestSession},
    secret::sha256_hex,
    store::IngestedBatch,
};

/// States in which a session takes in.
const RUNNING: &str = "active or paused";
/// Most items of a batch.
const MAX_ITEMS: usize = 500;

/// What a page sends while it closes is a beacon, whose type is that of text.
const MEDIA: [&str; 2] = ["application/json", "text/plain"];
/// Seconds by which a device's clock may seem to be off because the batch was on its way.
const ON_THE_WAY: i64 = 1;

/// The body's bytes, out of their packing (openscouter 11.1).
fn unpacked(request: &Request) -> Result<Cow<'_, [u8]>, Problem> {
    check_media(request, &MEDIA)?;
    let encoding = request.header("content-encoding").unwrap_or_default();
    let encoding = encoding.trim();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        return Ok(Cow::Borrowed(if request.body.is_empty() { b"{}" } else { &*request.body }));
    }
    if !["gzip", "x-gzip"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
        return Err(Problem::bad("Unsupported content encoding"));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BODY).unwrap_or(u64::MAX) + 1;
    let read = MultiGzDecoder::new(&*request.body).take(most).read_to_end(&mut bytes);
    read.map_err(|_| Problem::bad("Malformed JSON body"))?;
    check_size(&bytes)?;
    Ok(Cow::Owned(bytes))
}

/// The body's members as they were sent: items are judged one by one, also those that no value could hold.
struct Body<'a> {
    session: Field<'a>,
    batch: Field<'a>,
    sent_at: Field<'a>,
}

impl<'a> Body<'a> {
    /// Step 8 of the checks.
    fn read(bytes: &'a [u8]) -> Result<Self, Problem> {
        let malformed = || Problem::bad("Malformed JSON body");
        let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
        json::check_depth(bytes).map_err(|_| malformed())?;
        // what is valid is not looked at in this way again
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| malformed())?;
        let members = Field::of("", ["sessionId", "batch", "sentAt"], &mut Scan::new(text));
        let [session, batch, sent_at] = members.ok_or_else(|| Problem::invalid("body", "must be an object"))?;
        Ok(Self { session, batch, sent_at })
    }

    /// By how much the device's clock is behind ours, in whole seconds: so it is the same for most of its batches,
    /// however long each was on its way.
    fn shift(&self, now: OffsetDateTime) -> Result<Duration, Problem> {
        let sent = self.sent_at.time().map_err(|reason| Problem::invalid("", &reason))?;
        let shift =
            sent.map_or(0, |sent| (now - sent + Duration::milliseconds(500)).whole_milliseconds().div_euclid(1_000));
        let shift = i64::try_from(shift).unwrap_or_default();
        Ok(Duration::seconds(if shift.abs() > ON_THE_WAY { shift } else { 0 }))
    }

    /// The session's id and the items' text (step 11).
    fn fields(&self) -> Result<(String, &'a str), Problem> {
        let mut object = Map::new();
        if let Some(session) = self.session.sent() {
            let id = text_of(session).ok_or_else(|| Problem::invalid("sessionId", "must be a string"))?;
            object.insert("sessionId".to_owned(), Value::String(id.into_owned()));
        }
        let session = Fields::new(object).text("sessionId", 1, usize::MAX)?;
        let batch = self.batch.sent().ok_or_else(|| Problem::invalid("batch", "is required"))?;
        let mut items = Scan::new(batch);
        if !items.enter(b'[') {
            return Err(Problem::invalid("batch", "must be an array"));
        }
        let mut count = 0;
        while items.more(b']') {
            items.value();
            count += 1;
        }
        if count > MAX_ITEMS {
            return Err(Problem::invalid("batch", &format!("must contain at most {MAX_ITEMS} items")));
        }
        Ok((session, batch))
    }
}

/// What became of a batch (openscouter 11.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchView {
    session_id: String,
    accepted: usize,
    rejected: usize,
    rejections: Vec<Rejection>,
    duplicates: u32,
}

/// An item that was not kept: its index in the batch, and its first violation.
#[derive(Serialize)]
struct Rejection {
    index: usize,
    reason: String,
}

/// Takes in a batch of a stream: each item is judged alone (openscouter 11).
///
/// # Errors
/// When the body, the session or the whole batch is refused.
pub fn ingest(cx: &RequestContext, caller: Caller, stream: IngestedStream) -> Outcome<'_> {
    Box::pin(async move {
        let bytes = unpacked(&cx.request)?;
        let body = Body::read(&bytes)?;
        cx.idempotent(&caller.key(), &[], async {
            let (id, batch) = body.fields()?;
            let shift = body.shift(cx.now)?;
            let session = recording(cx, &caller, &id, stream).await?;
            // by the device's clock, as the items' times are
            let within = |time: OffsetDateTime| time.checked_sub(shift).unwrap_or(time);
            let window =
                Window { from: within(session.created_at - Duration::seconds(60)), to: within(cx.now + LEEWAY) };
            let kept = IngestedBatch::with_capacity(
                bytes.len(),
                i64::try_from(shift.whole_milliseconds()).unwrap_or_default(),
            );
            let (batch, rejections) = judged(stream, window, batch, kept);
            let name = batch_name(cx, &caller);
            let store = cx.context.store();
            let Some(duplicates) = store.keep_ingested(&session, stream, &batch, name, cx.now).await? else {
                let session = seen(cx, &caller, &id).await?;
                return Err(wrong_state(&session, RUNNING));
            };
            let view = BatchView {
                session_id: session.id.wire(),
                accepted: batch.len(),
                rejected: rejections.len(),
                rejections,
                duplicates,
            };
            Ok(success(200, &view))
        })
        .await
    })
}

/// The items of a batch's text that are kept, and those that are not.
fn judged(stream: IngestedStream, window: Window, text: &str, kept: IngestedBatch) -> (IngestedBatch, Vec<Rejection>) {
    let mut judge = Judge::new(stream, window, kept);
    let mut rejections = Vec::new();
    let mut items = Scan::new(text);
    items.enter(b'[');
    let mut index = 0;
    while items.more(b']') {
        if let Err(reason) = judge.judge(&mut items) {
            rejections.push(Rejection { index, reason });
        }
        index += 1;
    }
    (judge.kept(), rejections)
}

/// What a batch is called when its request can come again: if the record of the first one is lost, the batch itself
/// still tells that it is there (openscouter 2.10).
fn batch_name(cx: &RequestContext, caller: &Caller) -> Option<String> {
    let key = cx.request.header("idempotency-key")?;
    let name = sha256_hex([caller.key().as_str(), &key].join("\n").as_bytes());
    name.get(..32).map(str::to_owned)
}

/// The session, if it takes in this stream now.
async fn recording(
    cx: &RequestContext,
    caller: &Caller,
    id: &str,
    stream: IngestedStream,
) -> Result<TestSession, Problem> {
    let store = cx.context.store();
    // a tester sends to their own sessions alone: what they want is read beside the session
    let own = match caller.viewer() {
        Viewer::Tester(tester) if stream == IngestedStream::Facial => Some(tester),
        _ => None,
    };
    let profile = async {
        match own {
            Some(tester) => store.profile(tester).await.map(Some),
            None => Ok(None),
        }
    };
    let (session, profile) = futures_util::future::join(seen(cx, caller, id), profile).await;
    let session = session?;
    if !session.status.is_running() {
        return Err(wrong_state(&session, RUNNING));
    }
    let (taken, name) = match stream {
        IngestedStream::Events => (session.records.events, "interaction"),
        IngestedStream::Facial => (session.records.facial, "facial"),
        IngestedStream::Voice => (session.records.voice, "voice"),
    };
    if !taken {
        return Err(Problem::invalid("", &format!("Study does not record {name} data")));
    }
    if stream == IngestedStream::Facial {
        let (profile, _) = match profile? {
            Some(profile) => profile,
            None => store.profile(session.tester).await?,
        };
        if profile.get("cameraOptOut").and_then(Value::as_bool) == Some(true) {
            return Err(Problem::invalid("", "Tester has opted out of facial capture"));
        }
    }
    Ok(session)
}
