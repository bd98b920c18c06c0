//! `POST /api/sessions/:id/confirm`: the tester stands by the notes (openscouter 5.2, 10.4).

use serde::Serialize;

use shared::{
    http::Response,
    model::{TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS_OR_TEST},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
        test_sessions::{seen, update, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS_OR_TEST, |cx, caller| Box::pin(confirm(cx, caller)));

/// A session whose notes are confirmed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Confirmed {
    session_id: String,
    status: &'static str,
    notes_confirmed: bool,
    confirmed_at: Option<String>,
}

async fn confirm(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let session = seen(cx, &caller, cx.path("id")).await?;
    let rule = |session: &TestSession| match session.status {
        TestStatus::Confirmed => Ok(None),
        TestStatus::Analyzed => Ok(Some(session.with(|next| {
            next.status = TestStatus::Confirmed;
            next.confirmed_at = Some(cx.now);
        }))),
        _ => Err(wrong_state(session, "analyzed")),
    };
    let session = update(cx, session, &rule).await?;
    let view = Confirmed {
        session_id: session.id.wire(),
        status: session.status.as_str(),
        notes_confirmed: true,
        confirmed_at: session.confirmed_at.map(timestamp),
    };
    Ok(success(200, &view))
}
