//! `DELETE /api/tokens/:id`: revokes an API token (openscouter 8).

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, TokenId},
    openscouter::{
        self, Endpoint,
        access::{Caller, OWNERS},
        envelope::{Problem, success},
        format::timestamp,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), OWNERS, |cx, caller| Box::pin(delete(cx, caller)));

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    token_id: String,
    revoked_at: String,
}

async fn delete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let missing = || Problem::not_found("Token");
    let id = TokenId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let store = cx.context.store();
    let token = store.api_token(id).await?.filter(|token| token.works_at(cx.now)).ok_or_else(missing)?;
    if caller.sees().is_some_and(|organization| organization != token.organization) {
        return Err(missing());
    }
    let audit = cx.record(Action::TokenRevoked, Some(&caller.account.user), Some(id.wire()), json!({}));
    if !store.revoke_token(&token, Some(&audit)).await? {
        return Err(missing());
    }
    Ok(success(200, &Revoked { token_id: id.wire(), revoked_at: timestamp(cx.now) }))
}
