//! `POST /api/mcp` and `POST /api/mcp/mcp`: the MCP server that assistants connect to (openscouter 19). One message comes,
//! one answer goes: nothing is kept between two requests, in either family of the protocol.

mod arguments;
mod draft;
mod message;
mod protocol;
mod results;
mod studies;
mod test_sessions;
mod tools;

use serde_json::Value;
use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        access::{Access, Caller, Grant},
        envelope::Problem,
        request_context::RequestContext,
    },
};

use self::{
    message::{Call, Fault, Message},
    protocol::{Family, NEWEST_WITH_HANDSHAKE, WITH_HANDSHAKE},
    results::{Discovered, Empty, Initialized, Listed},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), Access::mcp(Grant::Read), |cx, caller| Box::pin(serve(cx, caller)));

async fn serve(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let call = match Message::read(&cx.request) {
        Ok(Message::Call(call)) => call,
        // nothing is to be done for one: the answers are complete when they go
        Ok(Message::Notification) => return Ok(Response::empty(202)),
        Err(fault) => return fault.answer(None),
    };
    let family = match Family::of(&cx.request, &call) {
        Ok(family) => family,
        Err(fault) => return fault.answer(Some(&call.id)),
    };
    match (family, &*call.method) {
        (Family::Handshake, "initialize") => initialize(&call),
        (Family::Handshake, "ping") => results::answer(family, &call.id, &Empty {}),
        (Family::Stateless, "server/discover") => results::answer(family, &call.id, &Discovered::new()),
        (_, "tools/list") => list(family, &call),
        (_, "tools/call") => tool(cx, &caller, family, &call).await,
        (Family::Handshake, _) => Fault::method(200).answer(Some(&call.id)),
        (Family::Stateless, _) => Fault::method(404).answer(Some(&call.id)),
    }
}

/// The handshake: the client's version if it is known, else the newest (openscouter 19.1).
fn initialize(call: &Call) -> Result<Response, Problem> {
    let Some(asked) = call.params.get("protocolVersion").and_then(Value::as_str) else {
        return Fault::params("protocolVersion: must be a string").answer(Some(&call.id));
    };
    let version = WITH_HANDSHAKE.into_iter().find(|known| *known == asked).unwrap_or(NEWEST_WITH_HANDSHAKE);
    results::answer(Family::Handshake, &call.id, &Initialized::new(version))
}

/// All tools, whatever was granted: one page.
fn list(family: Family, call: &Call) -> Result<Response, Problem> {
    if call.params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
        return Fault::params("cursor: is unknown").answer(Some(&call.id));
    }
    let tools = tools::definitions()?;
    results::answer(family, &call.id, &Listed::new(family, &tools))
}

/// What a tool answers. What it refuses is a result, too, so that a model can read it.
async fn tool(cx: &RequestContext, caller: &Caller, family: Family, call: &Call) -> Result<Response, Problem> {
    let Some(name) = call.params.get("name").and_then(Value::as_str) else {
        return Fault::params("name: must be a string").answer(Some(&call.id));
    };
    let arguments = match call.params.get("arguments") {
        None | Some(Value::Null) => serde_json::Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Fault::params("arguments: must be an object").answer(Some(&call.id)),
    };
    let Some(tool) = tools::Tool::named(name) else {
        return Fault::params(&format!("Unknown tool: {name}")).answer(Some(&call.id));
    };
    let result = match tools::run(cx, caller, tool, arguments).await {
        Ok(content) => results::Called::success(content),
        Err(Problem::Refused(404, _)) => results::Called::failure("not found".to_owned()),
        Err(Problem::Refused(_, text)) => results::Called::failure(text),
        Err(problem) => return Err(problem),
    };
    results::answer(family, &call.id, &result)
}
