//! `GET /api/events`: what happened to the caller's jobs, pipelines and monitors, oldest first (outsend 16.1).

use serde::Serialize;

use shared::{
    http::Response,
    model::{EventName, FeedEventId},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        events::{Envelope, NAMES},
        fields::Paging,
        messages::Fault,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ANY, |cx, caller| Box::pin(list(cx, caller)));

/// Most events of an answer, and how many when nothing is said.
const LIMITS: (u32, u32) = (500, 100);

#[derive(Serialize)]
struct Events {
    events: Vec<Envelope>,
    next: Option<String>,
    has_more: bool,
}

/// What the query asks for.
struct Asked {
    after: Option<FeedEventId>,
    names: Vec<EventName>,
    limit: usize,
}

async fn list(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let Asked { after, names, limit } = asked(cx)?;
    let store = cx.context.store();
    let page = store.events_after(caller.account.user.id, after, &names, limit, cx.now).await?;
    let (next, has_more) = (page.next.map(|id| id.to_string()), page.has_more);
    let events: Result<Vec<_>, _> = page.events.iter().map(Envelope::of).collect();
    let events = events.map_err(|error| Problem::Crash(error.to_string()))?;
    Ok(json_answer(200, &Events { events, next, has_more }))
}

/// What the query asks for; 422 when it cannot be read.
fn asked(cx: &RequestContext) -> Result<Asked, Problem> {
    let (query, mut faults) = (&cx.request.query, Vec::new());
    let after = query.last("after").map(FeedEventId::parse);
    if after == Some(None) {
        faults.push(("after".to_owned(), Fault::Format));
    }
    let paging = Paging::read(query, LIMITS.0, LIMITS.1, &mut faults);
    faults.retain(|(field, _)| field != "offset");
    let names = query.pairs().iter().filter(|(name, _)| name == "event").map(|(_, value)| EventName::parse(value));
    let names: Option<Vec<_>> = names.collect();
    if names.is_none() {
        faults.push(("event".to_owned(), Fault::OneOf(NAMES)));
    }
    let limit = usize::try_from(paging.limit).unwrap_or(0);
    let asked = Asked { after: after.flatten(), names: names.unwrap_or_default(), limit };
    if faults.is_empty() { Ok(asked) } else { Err(Problem::Invalid(faults)) }
}
