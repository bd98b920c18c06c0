//! OAuth connections (openscouter 8).

use serde_json::{Value, json};

use super::{
    access::OWNERS,
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    format::timestamp,
    paging::Paging,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, Connection, ConnectionId},
};

pub fn connection_object(connection: &Connection) -> Value {
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
pub fn list_connections(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(OWNERS).await?;
            let paging = Paging::read(&cx.request.query)?;
            let store = cx.context.store();
            let page = store.connections_page(caller.sees(), paging.offset(), paging.limit).await?;
            let rows: Vec<_> = page.members.iter().map(connection_object).collect();
            Ok(paging.list(&rows, page.total))
        })
    })
}

/// `DELETE /api/connections/:id`
#[must_use]
pub fn delete_connection(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(delete_now(cx)))
}

async fn delete_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(OWNERS).await?;
    let missing = || Problem::not_found("Connection");
    let id = ConnectionId::from_wire(cx.path_id()).ok_or_else(missing)?;
    let store = cx.context.store();
    let connection = store.connection(id).await?.ok_or_else(missing)?;
    if caller.sees().is_some_and(|organization| organization != connection.organization) {
        return Err(missing());
    }
    let audit = cx.record(Action::ConnectionRevoked, Some(&caller.account.user), Some(id.wire()), json!({}));
    if !store.end_connection(&connection, Some(&audit)).await? {
        return Err(missing());
    }
    Ok(success(200, &json!({"connectionId": id.wire(), "revokedAt": timestamp(cx.now)})))
}
