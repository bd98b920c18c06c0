//! Notes on a session: read, changed and confirmed by the tester; and what people say of it (openscouter 10.2, 10.4).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    super::{
        access::{CRITICS, NOTE_READERS, TESTERS_OR_TEST, Viewer},
        agents::millis,
        endpoint::answer,
        envelope::{Problem, optional_time, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
    },
    MAX_ATTEMPTS, missing, of_action, wrong_state,
};
use crate::{
    BoxFuture,
    clock::epoch_millis,
    context::Context,
    http::{Request, Response},
    model::{FeedbackId, Note, NoteId, Notes, Role, TestSession, TestStatus},
    store::Feedback,
};

fn note_object(note: &Note) -> Value {
    let moment = note.moment.as_ref();
    json!({
        "noteId": note.note_id,
        "source": if moment.is_some() { "analyst" } else { "tester" },
        "timestamp": note.timestamp.map(millis),
        "type": moment.map(|moment| &moment.kind),
        "severity": moment.map(|moment| &moment.severity),
        "confidence": moment.map(|moment| &moment.confidence),
        "wcag": moment.map(|moment| json!(moment.wcag)),
        "text": note.text,
        "recommendation": moment.map(|moment| &moment.recommendation),
        "included": note.included,
    })
}

/// The notes of a session on the wire (openscouter 10.4).
pub fn notes_object(session: &TestSession, notes: &Notes) -> Value {
    json!({
        "sessionId": session.id.wire(),
        "notesConfirmed": session.status == TestStatus::Confirmed,
        "confirmedAt": optional_time(session.confirmed_at),
        "updatedAt": optional_time(notes.updated_at),
        "notes": notes.notes.iter().map(note_object).collect::<Vec<_>>(),
    })
}

/// `GET /api/sessions/:id/notes`
#[must_use]
pub fn get_notes(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let (caller, _, session) = of_action(cx, NOTE_READERS).await?;
            if matches!(caller.viewer(), Viewer::Owner(_)) && session.status != TestStatus::Confirmed {
                return Err(Problem::invalid("", "Session notes are not confirmed"));
            }
            let notes = cx.context.store().notes(session.id).await?;
            Ok(success(200, &notes_object(&session, &notes)))
        })
    })
}

/// `PUT /api/sessions/:id/notes`
#[must_use]
pub fn put_notes(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(put_now(cx)))
}

/// What a tester sent of a note.
struct SentNote {
    path: String,
    id: Option<String>,
    text: String,
    timestamp: Option<i64>,
    included: bool,
}

fn read(fields: &Fields) -> Result<Vec<SentNote>, Problem> {
    let mut sent = Vec::new();
    for (place, value) in fields.array("notes", 0, 200)?.iter().enumerate() {
        let path = format!("notes[{place}]");
        let note = Fields::within(&path, value)?;
        let named = |name: &str| format!("{path}.{name}");
        sent.push(SentNote {
            id: note.optional_text(&named("noteId"), 1, usize::MAX)?,
            text: note.text(&named("text"), 1, 4_000)?,
            timestamp: note.optional_time(&named("timestamp"))?.map(epoch_millis),
            included: note.optional_flag(&named("included"))?.unwrap_or(true),
            path,
        });
    }
    Ok(sent)
}

/// The tester's view over the notes that there are: what an analyst wrote stays, left out of the report if the
/// tester left it out.
fn replaced(sent: &[SentNote], before: &Notes, cx: &RequestContext) -> Result<Notes, Problem> {
    let mut used = HashSet::new();
    let mut notes = Vec::new();
    for note in sent {
        let known = match &note.id {
            None => None,
            Some(id) => {
                let known = before.notes.iter().find(|known| known.note_id == *id);
                let known = known.filter(|_| used.insert(id.as_str()));
                Some(known.ok_or_else(|| Problem::invalid(&format!("{}.noteId", note.path), "is unknown"))?)
            }
        };
        let moment = known.and_then(|known| known.moment.clone());
        notes.push(Note {
            note_id: known.map_or_else(|| NoteId::at(cx.now).wire(), |known| known.note_id.clone()),
            timestamp: match (&moment, known) {
                (Some(_), Some(known)) => known.timestamp,
                _ => note.timestamp,
            },
            moment,
            text: note.text.clone(),
            included: note.included,
        });
    }
    let left = before.notes.iter().filter(|known| known.moment.is_some() && !used.contains(known.note_id.as_str()));
    notes.extend(left.map(|known| Note { included: false, ..known.clone() }));
    let mut notes = Notes { notes, updated_at: Some(cx.now), version: before.version + 1 };
    notes.sort();
    Ok(notes)
}

async fn put_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, fields, mut session) = of_action(cx, TESTERS_OR_TEST).await?;
    let sent = read(&fields)?;
    let store = cx.context.store();
    for _ in 0..MAX_ATTEMPTS {
        let before = store.notes(session.id).await?;
        let notes = replaced(&sent, &before, cx)?;
        if session.status == TestStatus::Confirmed {
            return Err(wrong_state(&session, "active, paused, completed or analyzed"));
        }
        let next = session.with(|_| {});
        if store.put_notes(&session, &next, &notes, cx.now).await? {
            return Ok(success(200, &notes_object(&next, &notes)));
        }
        session = store.test_session(session.id).await?.ok_or_else(missing)?;
    }
    Err(Problem::Crash("the notes kept changing".to_owned()))
}

/// `POST /api/sessions/:id/confirm`
#[must_use]
pub fn confirm_session(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(confirm_now(cx)))
}

async fn confirm_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (_, _, session) = of_action(cx, TESTERS_OR_TEST).await?;
    let rule = move |session: &TestSession| match session.status {
        TestStatus::Confirmed => Ok(super::Step::Stay),
        TestStatus::Analyzed => Ok(super::Step::Move(
            Box::new(session.with(|next| {
                next.status = TestStatus::Confirmed;
                next.confirmed_at = Some(cx.now);
            })),
            None,
        )),
        _ => Err(wrong_state(session, "analyzed")),
    };
    let session = super::advance(cx, session, rule).await?;
    let data = json!({
        "sessionId": session.id.wire(),
        "status": session.status.as_str(),
        "notesConfirmed": true,
        "confirmedAt": optional_time(session.confirmed_at),
    });
    Ok(success(200, &data))
}

/// `POST /api/sessions/:id/feedback`
#[must_use]
pub fn give_feedback(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(feedback_now(cx)))
}

async fn feedback_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(CRITICS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let session = super::seen(cx, &caller, cx.path_segment(3)).await?;
        fields.required("rating")?;
        let rating = fields.optional_integer("rating", 1, 5)?.unwrap_or(1);
        let comment = fields.optional_text("comment", 0, 2_000)?;
        if session.status.is_running() {
            return Err(wrong_state(&session, "completed, analyzed or confirmed"));
        }
        let role = if matches!(caller.viewer(), Viewer::Tester(_)) { Role::Tester } else { Role::Business };
        let feedback =
            Feedback { id: FeedbackId::at(cx.now), session: session.id, role, rating, comment, created_at: cx.now };
        if !cx.context.store().give_feedback(&feedback, session.tester).await? {
            return Err(Problem::invalid("", "Feedback was already given"));
        }
        let data = json!({
            "feedbackId": feedback.id.wire(),
            "sessionId": session.id.wire(),
            "authorRole": role.as_str(),
            "rating": rating,
            "comment": feedback.comment,
            "createdAt": timestamp(feedback.created_at),
        });
        Ok(success(201, &data))
    })
    .await
}
