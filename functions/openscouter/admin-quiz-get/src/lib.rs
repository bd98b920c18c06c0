//! `GET /api/admin/quiz`: the active quiz with the right answers (openscouter 17).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::ADMINS,
        envelope::{Problem, success},
        quiz::{QuizView, missing},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, _| Box::pin(get(cx)));

async fn get(cx: &RequestContext) -> Result<Response, Problem> {
    let quiz = cx.context.store().quiz().await?.ok_or_else(missing)?;
    Ok(success(200, &QuizView::with_key(&quiz)))
}
