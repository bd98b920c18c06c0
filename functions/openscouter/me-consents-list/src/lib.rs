//! `GET /api/me/consents`: the tester's consents, and the version of the text that is asked for (openscouter 18).

use serde::Serialize;

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        consents::ConsentView,
        envelope::{Problem, success},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(list(cx, caller)));

/// All consents of a tester.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Consents<'a> {
    current_version: &'a str,
    consents: Vec<ConsentView>,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let consents = cx.context.store().consents(caller.account.user.id).await?;
    let view = Consents {
        current_version: &cx.context.settings().openscouter.consent_version,
        consents: consents.iter().map(ConsentView::new).collect(),
    };
    Ok(success(200, &view))
}
