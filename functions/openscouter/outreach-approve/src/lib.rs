//! `POST /api/outreach/:id/approve`: a draft is to be sent at the next full hour that is far enough away; nothing is sent
//! here (openscouter 14.2).

use serde::Serialize;
use shared::{
    http::Response,
    model::Outreach,
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNING_WRITERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        outreach::{change, owned},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNING_WRITERS, |cx, caller| Box::pin(approve(cx, caller)));

/// What was approved.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApprovedView {
    outreach_id: String,
    status: &'static str,
    scheduled_send_at: Option<String>,
    approved_at: Option<String>,
}

async fn approve(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    Fields::read(&cx.request)?;
    let id = owned(cx, caller.viewer()).await?.id();
    let message = change(cx, id, &|draft: &Outreach| draft.approved(cx.now)).await?;
    let view = ApprovedView {
        outreach_id: id.wire(),
        status: message.status.as_str(),
        scheduled_send_at: message.send_at.map(timestamp),
        approved_at: message.approved_at.map(timestamp),
    };
    Ok(success(200, &view))
}
