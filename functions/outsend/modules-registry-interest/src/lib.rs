//! `POST /api/modules-registry/{slug}/interest`: a vote for a module that is not there yet (outsend 13).

use serde::Serialize;

use shared::{
    http::Response,
    model::{Author, Message, Module, Thread, ThreadKind},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        feedback::{self, MAX_MESSAGE, said},
        fields::{Fields, object},
        messages::Detail,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(feedback::POLICY), |cx, caller| {
        Box::pin(vote(cx, caller))
    });

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
    if module.available(cx.context.settings().modules) {
        return Err(Detail::ModuleAvailable.into());
    }
    let slug = module.as_str();
    let user = caller.account.user.id;
    let message = message.filter(|message| !message.trim().is_empty());
    let message = message.map(|text| Message::new(Author::User, text, cx.now)).transpose()?;
    let thread = Thread { module: Some(module), ..Thread::new(user, ThreadKind::Interest, slug.to_owned(), cx.now)? };
    let opened = match &message {
        Some(message) => thread.with(message).map_err(|_| Detail::ThreadFull(Thread::MAX_MESSAGES))?,
        None => thread,
    };
    let voted = said(cx.context.store().add_interest(&opened, module, message.as_ref()).await?)?;
    Ok(json_answer(200, &Vote { ok: true, slug, thread_id: voted.thread.id.to_string() }))
}
