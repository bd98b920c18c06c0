//! The registry of modules, and votes for those that are not there yet (outsend 13).

use serde_json::{Value, json};

use super::{
    access::Access,
    account::timestamp,
    authentication,
    endpoint::answer,
    envelope::{Problem, json_answer},
    fields::{Fields, object},
    limits::FEEDBACK,
    messages::Detail,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{
        Module,
        registry::{Entry, MODULES},
    },
    store::Thread,
    ulid,
};

/// Most characters of a message.
const MAX_MESSAGE: usize = 5_000;

fn entry_object(entry: &Entry) -> Value {
    json!({
        "slug": entry.slug,
        "category": entry.category,
        "label": {"fr": entry.label.0, "en": entry.label.1},
        "needs": entry.needs,
        "produces": entry.produces,
        "pipelinable": entry.module != Module::DeliveryCheck,
        "is_on_demand": false,
        "coming_soon": false,
        "alpha_unavailable": !entry.module.available(),
        "api_endpoint": entry.api_endpoint,
        "progress_unit": entry.units.0,
        "result_unit": entry.units.1,
    })
}

/// A thread with its messages (outsend 17).
pub fn thread_object(thread: &Thread) -> Value {
    let messages: Vec<_> = thread
        .messages
        .iter()
        .map(|(id, text, at)| json!({"id": id, "author": "user", "message": text, "created_at": timestamp(*at)}))
        .collect();
    json!({
        "id": thread.id,
        "kind": "interest",
        "subject": thread.module,
        "status": "open",
        "module_slug": thread.module,
        "message_count": messages.len(),
        "created_at": timestamp(thread.created_at),
        "updated_at": timestamp(thread.updated_at),
        "messages": messages,
    })
}

/// `GET /api/modules-registry`
#[must_use]
pub fn list_modules(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(list_now(cx)))
}

async fn list_now(cx: &RequestContext) -> Result<Response, Problem> {
    authentication::anybody(cx).await?;
    let modules: Vec<_> = MODULES.iter().map(entry_object).collect();
    Ok(json_answer(200, &json!({"modules": modules})).header("Cache-Control", "public, max-age=60"))
}

/// `POST /api/modules-registry/{slug}/interest`
#[must_use]
pub fn vote(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(vote_now(cx)))
}

async fn vote_now(cx: &RequestContext) -> Result<Response, Problem> {
    let account = cx.caller(Access::ACTIVE.under(FEEDBACK)).await?.account;
    let body = object(&cx.request, false)?;
    let module = cx.request.path.split('/').nth(3).and_then(Module::parse).ok_or(Detail::NoModule)?;
    let mut fields = Fields::new(body);
    let message = fields.optional_text("message", 0, MAX_MESSAGE);
    fields.finish()?;
    if module.available() {
        return Err(Detail::ModuleAvailable.into());
    }
    let message = message.filter(|message| !message.trim().is_empty());
    let ids = (format!("fb_{}", ulid::generate(cx.now)?), format!("fbm_{}", ulid::generate(cx.now)?));
    let store = cx.context.store();
    let thread = store.add_interest(account.user.id, module.as_str(), ids, message.as_deref(), cx.now).await?;
    Ok(json_answer(200, &json!({"ok": true, "slug": module.as_str(), "thread_id": thread})))
}
