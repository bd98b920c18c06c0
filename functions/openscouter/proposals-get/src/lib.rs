//! `GET /api/proposals/:id`: a proposal (openscouter 14.1).

use shared::{
    http::Response,
    model::ProposalId,
    openscouter::{
        self, Endpoint,
        access::Caller,
        envelope::{Problem, success},
        proposals::{ProposalView, READERS, is_visible, missing},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), READERS, |cx, caller| Box::pin(get(cx, caller)));

async fn get(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let id = ProposalId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let known = cx.context.store().proposal(id).await?;
    let proposal = known.filter(|proposal| is_visible(caller.viewer(), proposal)).ok_or_else(missing)?;
    Ok(success(200, &ProposalView::of(&proposal, cx.now)))
}
