//! `GET /api/admin/audit`: the audit trail (openscouter 17).

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use shared::{
    http::{Response, query::Query},
    model::{Action, AuditEntry, Role, UserId},
    openscouter::{
        self, Endpoint,
        access::{ADMINS, Caller},
        envelope::Problem,
        format::{parse_time, timestamp},
        paging::Paging,
        request_context::RequestContext,
    },
    store::{AuditFilter, Drained, SharedList, StoreError},
};
use tokio::time::sleep;

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, caller| Box::pin(list(cx, caller)));

/// How long a call waits for who ranks records just now, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(25);
/// Most characters of anything's id.
const MAX_ID: usize = 64;

/// An audit record (openscouter 17).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditView<'a> {
    audit_id: String,
    action: &'static str,
    actor_id: Option<String>,
    actor_role: Option<&'static str>,
    object_id: Option<&'a str>,
    detail: &'a Value,
    request_id: &'a str,
    at: String,
}

impl<'a> AuditView<'a> {
    fn of(entry: &'a AuditEntry) -> Self {
        Self {
            audit_id: entry.id.wire(),
            action: entry.action.as_str(),
            actor_id: entry.actor.map(|actor| actor.wire()),
            actor_role: entry.role.map(Role::as_str),
            object_id: entry.object.as_deref(),
            detail: &entry.detail,
            request_id: &entry.request_id,
            at: timestamp(entry.at),
        }
    }
}

async fn list(cx: &RequestContext, _caller: Caller) -> Result<Response, Problem> {
    let query = &cx.request.query;
    let paging = Paging::read(query)?;
    let (from, to) = (time_parameter(query, "from")?, time_parameter(query, "to")?);
    // records are printed in whole seconds: those of the last second are in it
    let to = to.map(|to| to.replace_nanosecond(999_999_999).unwrap_or(to));
    let action = query.last("action").map(read_action).transpose()?;
    // an id that matches nothing gives an empty page (openscouter 2.2)
    let actor = match query.last("actorId").map(UserId::from_wire) {
        Some(None) => return Ok(paging.empty_list()),
        named => named.flatten(),
    };
    let object = query.last("objectId").map(str::to_owned);
    if object.as_ref().is_some_and(|object| object.len() > MAX_ID) {
        return Ok(paging.empty_list());
    }
    let filter = AuditFilter { action, actor, object, from, to };
    bring_up(cx).await?;
    let page = cx.context.store().audit_page(&filter, paging.offset(), paging.limit, cx.now).await?;
    let rows: Vec<_> = page.members.iter().map(AuditView::of).collect();
    Ok(paging.list(&rows, page.total))
}

/// Has everything in the lists that was recorded before the call: records are ranked by work that follows them.
async fn bring_up(cx: &RequestContext) -> Result<(), StoreError> {
    let (store, clock) = (cx.context.store(), cx.context.clock());
    let until = clock.now() + PATIENCE;
    while store.drain_left(SharedList::Audit, clock, until).await? == Drained::Held && clock.now() < until {
        sleep(STEP).await;
    }
    Ok(())
}

fn read_action(name: &str) -> Result<Action, Problem> {
    Action::parse(name).ok_or_else(|| {
        let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        Problem::invalid("action", &format!("must be one of: {}", names.join(", ")))
    })
}

fn time_parameter(query: &Query, name: &str) -> Result<Option<OffsetDateTime>, Problem> {
    let Some(text) = query.last(name) else { return Ok(None) };
    parse_time(text).map(Some).ok_or_else(|| Problem::bad(format!("{name}: must be an ISO 8601 timestamp")))
}
