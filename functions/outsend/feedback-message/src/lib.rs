//! `POST /api/feedback/{id}/messages`: adds to a thread, which is open again then (outsend 17).

use shared::{
    http::Response,
    model::{Author, Message},
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        feedback::{MAX_MESSAGE, NamedThread, named, said, whole},
        fields::{Fields, object},
        limits::Policy,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<NamedThread> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(CONTACT), named, |cx, caller, thread| {
        Box::pin(add(cx, caller, thread))
    });

/// Messages that a user adds (outsend 5.1).
const CONTACT: Policy = Policy::new("contact", 10, 3_600);

async fn add(cx: &RequestContext, caller: Caller, thread: NamedThread) -> Result<Response, Problem> {
    let body = object(&cx.request, true)?;
    let known = thread.owned_by(&caller)?;
    let mut fields = Fields::new(body);
    let message = fields.trimmed("message", 1, MAX_MESSAGE);
    fields.finish()?;
    let message = Message::new(Author::User, message.unwrap_or_default(), cx.now)?;
    let conversation = said(cx.context.store().say(known, &message).await?)?;
    Ok(json_answer(200, &whole(&conversation)))
}
