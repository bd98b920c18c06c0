//! How answers show the notes on a session (openscouter 10.4).

use serde::Serialize;

use super::super::format::{millis, timestamp};
use crate::model::{Criterion, Note, Notes, TestSession, TestStatus};

/// The notes on a session (openscouter 10.4).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotesView<'a> {
    session_id: String,
    notes_confirmed: bool,
    confirmed_at: Option<String>,
    updated_at: Option<String>,
    /// The notes, in the order of time.
    pub notes: Vec<NoteView<'a>>,
}

/// A note on a session; a tester's own is about no moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoteView<'a> {
    note_id: &'a str,
    source: &'static str,
    timestamp: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    severity: Option<&'a str>,
    confidence: Option<&'a str>,
    wcag: Option<&'a Criterion>,
    text: &'a str,
    recommendation: Option<&'a str>,
    included: bool,
}

impl<'a> NotesView<'a> {
    /// The notes on a session.
    #[must_use]
    pub fn new(session: &TestSession, notes: &'a Notes) -> Self {
        Self {
            session_id: session.id.wire(),
            notes_confirmed: session.status == TestStatus::Confirmed,
            confirmed_at: session.confirmed_at.map(timestamp),
            updated_at: notes.updated_at.map(timestamp),
            notes: notes.notes.iter().map(note_view).collect(),
        }
    }
}

fn note_view(note: &Note) -> NoteView<'_> {
    let moment = note.moment.as_ref();
    NoteView {
        note_id: &note.note_id,
        source: if moment.is_some() { "analyst" } else { "tester" },
        timestamp: note.timestamp.map(millis),
        kind: moment.map(|moment| &*moment.kind),
        severity: moment.map(|moment| &*moment.severity),
        confidence: moment.map(|moment| &*moment.confidence),
        wcag: moment.map(|moment| &moment.wcag),
        text: &note.text,
        recommendation: moment.map(|moment| &*moment.recommendation),
        included: note.included,
    }
}
