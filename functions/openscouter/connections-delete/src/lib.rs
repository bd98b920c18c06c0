//! `DELETE /api/connections/:id`: ends an OAuth connection (openscouter 8).

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, ConnectionId},
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
    connection_id: String,
    revoked_at: String,
}

async fn delete(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let missing = || Problem::not_found("Connection");
    let id = ConnectionId::from_wire(cx.path("id")).ok_or_else(missing)?;
    let store = cx.context.store();
    let connection = store.connection(id).await?.filter(|known| known.lives_at(cx.now)).ok_or_else(missing)?;
    if caller.sees().is_some_and(|organization| organization != connection.organization) {
        return Err(missing());
    }
    let audit = cx.record(Action::ConnectionRevoked, Some(&caller.account.user), Some(id.wire()), json!({}));
    if !store.end_connection(&connection, Some(&audit)).await? {
        return Err(missing());
    }
    Ok(success(200, &Revoked { connection_id: id.wire(), revoked_at: timestamp(cx.now) }))
}
