//! `GET /api/proposals/:id`: a proposal (openscouter 14.1).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::Caller,
        envelope::{Problem, success},
        proposals::{ProposalView, READERS, visible},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), READERS, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let proposal = visible(cx, caller.viewer()).await?;
    Ok(success(200, &ProposalView::of(&proposal, cx.now)))
}
