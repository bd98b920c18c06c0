//! `GET /api/me/erasure`: the person's request to be forgotten (openscouter 18).

use serde::Serialize;

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller},
        envelope::{Problem, success},
        erasures::ErasureView,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(get(cx, caller)));

/// A request, and when it was met.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pending {
    #[serde(flatten)]
    request: ErasureView,
    /// Always missing: whoever can still ask has not been erased.
    completed_at: Option<String>,
}

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let erasure = cx.context.store().erasure_of(caller.account.user.id).await?;
    let erasure = erasure.ok_or_else(|| Problem::not_found("Erasure request"))?;
    Ok(success(200, &Pending { request: ErasureView::new(&erasure), completed_at: None }))
}
