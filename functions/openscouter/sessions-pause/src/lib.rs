//! `POST /api/sessions/:id/pause`: interrupts an active session (openscouter 5.2, 10.3).

use shared::{
    http::Response,
    model::{TestSession, TestStatus},
    openscouter::{
        self, Endpoint,
        access::{ANY_WRITER_OR_TEST, Caller},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        test_sessions::{StateView, seen, update, wrong_state},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_WRITER_OR_TEST, |cx, caller| Box::pin(pause(cx, caller)));

async fn pause(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let session = seen(cx, &caller, cx.path("id")).await?;
    let rule = |session: &TestSession| match session.status {
        TestStatus::Active => Ok(Some(session.paused(cx.now))),
        _ => Err(wrong_state(session, "active")),
    };
    let paused = update(cx, session, &rule).await?;
    Ok(success(200, &StateView::new(&paused)))
}
