//! `GET /api/sessions/:id`: a session with what agents made of it (openscouter 10.1).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{ANY_READER_OR_TEST, Caller},
        envelope::{Problem, success},
        request_context::RequestContext,
        test_sessions::{SessionView, latest_jobs, seen},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER_OR_TEST, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let session = seen(cx, &caller, cx.path("id")).await?;
    let jobs = latest_jobs(cx, std::slice::from_ref(&session)).await?;
    Ok(success(200, &SessionView::new(&session, &caller, &jobs)))
}
