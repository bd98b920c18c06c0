//! `POST /api/proposals/:id/decline`: the tester does not take part; nobody minds (openscouter 14.1).

use serde::Serialize;
use shared::{
    http::Response,
    model::Role,
    openscouter::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, success},
        fields::Fields,
        proposals::{missing, visible, wrong_state},
        request_context::RequestContext,
    },
    store::Declined,
};

/// Active testers, in person.
const ACTIVE_TESTERS: Access = Access::of(&[Role::Tester]);

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ACTIVE_TESTERS, |cx, caller| Box::pin(decline(cx, caller)));

/// What was declined.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeclinedView {
    proposal_id: String,
    status: &'static str,
}

async fn decline(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let proposal = visible(cx, caller.viewer()).await?;
    match cx.context.store().decline_proposal(proposal.id, &caller.account.user, cx.now).await? {
        Declined::Done(proposal) => {
            let view = DeclinedView { proposal_id: proposal.id.wire(), status: proposal.status.as_str() };
            Ok(success(200, &view))
        }
        Declined::Missing => Err(missing()),
        Declined::Stands(status) => Err(wrong_state(status, "sent or accepted")),
        Declined::Started => Err(Problem::invalid("", "Session has already started")),
    }
}
