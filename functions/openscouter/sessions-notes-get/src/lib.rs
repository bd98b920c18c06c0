//! `GET /api/sessions/:id/notes`: the notes on a session; the owner sees them once they are confirmed (openscouter 3.8,
//! 10.4).

use shared::{
    http::Response,
    model::TestStatus,
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, EVERYBODY, Scope, Viewer},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        test_sessions::{NotesView, seen},
    },
};

/// Who may call (openscouter 4).
const ACCESS: Access = Access::of(EVERYBODY).tokens(Scope::Read).or_test();

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACCESS, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let session = seen(cx, &caller, cx.path("id")).await?;
    if matches!(caller.viewer(), Viewer::Owner(_)) && session.status != TestStatus::Confirmed {
        return Err(Problem::invalid("", "Session notes are not confirmed"));
    }
    let notes = cx.context.store().notes(session.id).await?;
    Ok(success(200, &NotesView::new(&session, &notes)))
}
