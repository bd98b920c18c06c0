//! `DELETE /api/admin/approvals/:id`: an approval is withdrawn (openscouter 12.4, 17).

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, ApprovalId},
    openscouter::{
        self, Endpoint,
        access::Caller,
        approvals::{ADMINS_IN_PERSON, approval_view},
        envelope::{Problem, success},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS_IN_PERSON, |cx, caller| Box::pin(revoke(cx, caller)));

async fn revoke(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let missing = || Problem::not_found("Approval");
    let id = ApprovalId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let user = &caller.account.user;
    let audit = cx.record(Action::ApprovalRevoked, Some(user), Some(id.wire()), json!({}));
    let approval = cx.context.store().revoke_approval(id, &audit).await?.ok_or_else(missing)?;
    Ok(success(200, &approval_view(&approval)))
}
