//! `POST /api/modules-registry/{slug}/interest`: a vote for a module that is not there yet (outsend 13).

use serde::Serialize;

use shared::{
    http::Response,
    model::Module,
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        fields::{Fields, object},
        limits::Policy,
        messages::Detail,
        request_context::RequestContext,
    },
    ulid,
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(FEEDBACK), |cx, caller| Box::pin(vote(cx, caller)));

/// Threads that a user opens (outsend 5.1).
const FEEDBACK: Policy = Policy::new("feedback", 20, 3_600);
/// Most characters of a message.
const MAX_MESSAGE: usize = 5_000;

#[derive(Serialize)]
struct Vote {
    ok: bool,
    slug: &'static str,
    thread_id: String,
}

async fn vote(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let body = object(&cx.request, false)?;
    let module = Module::parse(cx.path("slug")).ok_or(Detail::NoModule)?;
    let mut fields = Fields::new(body);
    let message = fields.optional_text("message", 0, MAX_MESSAGE);
    fields.finish()?;
    if module.available() {
        return Err(Detail::ModuleAvailable.into());
    }
    let message = message.filter(|message| !message.trim().is_empty());
    let slug = module.as_str();
    let ids = (format!("fb_{}", ulid::generate(cx.now)?), format!("fbm_{}", ulid::generate(cx.now)?));
    let store = cx.context.store();
    let thread_id = store.add_interest(caller.account.user.id, slug, ids, message.as_deref(), cx.now).await?;
    Ok(json_answer(200, &Vote { ok: true, slug, thread_id }))
}
