//! `PUT /api/sessions/:id/notes`: the tester's view over the notes on a session (openscouter 10.4).

use std::collections::HashSet;

use shared::{
    clock::epoch_millis,
    http::Response,
    model::{Note, NoteId, Notes, TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS_OR_TEST},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        test_sessions::{NotesView, consent_withdrawn, missing, seen, wrong_state},
    },
    store::UpdateError,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS_OR_TEST, |cx, caller| Box::pin(put(cx, caller)));

async fn put(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let session = seen(cx, &caller, cx.path("id")).await?;
    let sent = read(&fields)?;
    let rule = |session: &TestSession, before: &Notes, withdrawn: bool| {
        let notes = replaced(&sent, before, cx)?;
        if session.status == TestStatus::Confirmed {
            return Err(wrong_state(session, "active, paused, completed or analyzed"));
        }
        if withdrawn {
            return Err(consent_withdrawn());
        }
        Ok(notes)
    };
    match cx.context.store().update_notes(session, cx.now, &rule).await {
        Ok((session, notes)) => Ok(success(200, &NotesView::new(&session, &notes))),
        Err(UpdateError::NotFound) => Err(missing()),
        Err(UpdateError::Refused(problem)) => Err(problem),
        Err(UpdateError::Store(error)) => Err(error.into()),
    }
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
    for (index, value) in fields.array("notes", 0, 200)?.iter().enumerate() {
        let path = format!("notes[{index}]");
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
