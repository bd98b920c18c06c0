//! `POST /api/proposals/:id/decline`: the tester does not take part; nobody minds (openscouter 14.1).

use serde::Serialize;
use shared::{
    http::Response,
    model::{ProposalId, Role},
    openscouter::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, success},
        fields::Fields,
        proposals::{
            answers::{self, AnswerError},
            missing,
        },
        request_context::RequestContext,
    },
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
    let id = ProposalId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let declined = answers::decline(cx, &caller.account.user, id, None).await.map_err(AnswerError::problem)?;
    Ok(success(200, &DeclinedView { proposal_id: declined.id.wire(), status: declined.status.as_str() }))
}
