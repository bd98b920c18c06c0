//! OAuth connections (openscouter 8).

use serde_json::{Value, json};

use super::{
    auth::OWNERS,
    call::{Call, answer},
    envelope::{Problem, list, optional_time, success},
    fields::Paging,
    text::timestamp,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{Action, Connection, ConnectionId},
    serve::BoxFuture,
};

pub(super) fn connection_object(connection: &Connection) -> Value {
    let scopes: Vec<_> = Connection::scope(connection.draft).split(' ').collect();
    json!({
        "connectionId": connection.id.wire(),
        "clientName": connection.client_name,
        "organizationId": connection.organization.wire(),
        "scopes": scopes,
        "audience": connection.audience,
        "createdAt": timestamp(connection.created_at),
        "lastUsedAt": optional_time(connection.last_used_at),
    })
}

/// `GET /api/connections`
#[must_use]
pub fn list_connections(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            let caller = call.caller(OWNERS).await?;
            let paging = Paging::read(&call.request.query)?;
            let store = call.context.store();
            let page = store.connections_page(caller.sees(), paging.offset(), paging.limit).await?;
            let rows: Vec<_> = page.members.iter().map(connection_object).collect();
            Ok(list(&rows, paging.page, paging.limit, page.total))
        })
    })
}

/// `DELETE /api/connections/:id`
#[must_use]
pub fn delete_connection(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(delete_now(call)))
}

async fn delete_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(OWNERS).await?;
    let missing = || Problem::not_found("Connection");
    let id = ConnectionId::from_wire(call.path_id()).ok_or_else(missing)?;
    let store = call.context.store();
    let connection = store.connection(id).await?.ok_or_else(missing)?;
    if caller.sees().is_some_and(|organization| organization != connection.organization) {
        return Err(missing());
    }
    let audit = call.record(Action::ConnectionRevoked, Some(&caller.account.user), Some(id.wire()), json!({}));
    if !store.end_connection(&connection, Some(&audit)).await? {
        return Err(missing());
    }
    Ok(success(200, &json!({"connectionId": id.wire(), "revokedAt": timestamp(call.now)})))
}
