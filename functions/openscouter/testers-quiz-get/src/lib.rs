//! `GET /api/testers/quiz`: the active quiz as testers take it (openscouter 18).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::TESTERS,
        envelope::{Problem, success},
        quiz::{QuizView, missing},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, _| Box::pin(get(cx)));

async fn get(cx: &RequestContext) -> Result<Response, Problem> {
    let quiz = cx.context.store().quiz().await?.ok_or_else(missing)?;
    Ok(success(200, &QuizView::without_key(&quiz)))
}
