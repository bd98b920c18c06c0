//! `GET /api/reports/:id`: a report on a session or a study (openscouter 13).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{ANY_READER, Caller},
        envelope::Problem,
        reports::{read, seen},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_READER, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let report = seen(cx, &caller, cx.path("id")).await?;
    read(cx, &caller, &report).await
}
