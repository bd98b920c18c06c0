//! `POST /api/feedback`: opens a thread with the staff (outsend 17).

use shared::{
    http::Response,
    model::{Author, Conversation, Message, Thread, ThreadKind, WorkItem},
    outsend::{
        self, Endpoint,
        access::{Access, Caller},
        envelope::{Problem, json_answer},
        feedback::{self, MAX_MESSAGE, whole},
        fields::{Fields, object},
        messages::{Detail, Fault},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::endpoint(env!("CARGO_PKG_NAME"), Access::ACTIVE.under(feedback::POLICY), |cx, caller| {
        Box::pin(create(cx, caller))
    });

/// Most characters of a subject.
const MAX_SUBJECT: usize = 200;
/// What a user may say that a thread is about: votes for modules have a route of their own.
const KINDS: &str = "bug, idea, question, other";

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let subject = fields.trimmed("subject", 1, MAX_SUBJECT);
    let message = fields.trimmed("message", 1, MAX_MESSAGE);
    let kind = kind(&mut fields);
    fields.finish_in(&["subject", "message", "kind"])?;
    let user = caller.account.user.id;
    let message = Message::new(Author::User, message.unwrap_or_default(), cx.now)?;
    let thread = Thread::new(user, kind, subject.unwrap_or_default(), cx.now)?;
    let thread = thread.with(&message).map_err(|_| Detail::ThreadFull(Thread::MAX_MESSAGES))?;
    let mail = cx.context.settings().mail.feedback.is_some().then(|| WorkItem::feedback(thread.id));
    if !cx.context.store().open_thread(&thread, &message, mail.as_ref()).await? {
        return Err(Detail::AuthRequired.into());
    }
    Ok(json_answer(200, &whole(&Conversation { thread, messages: vec![message] })))
}

fn kind(fields: &mut Fields) -> ThreadKind {
    let Some(text) = fields.optional_text("kind", 0, usize::MAX) else { return ThreadKind::Other };
    let kind = ThreadKind::parse(&text).filter(|kind| *kind != ThreadKind::Interest);
    kind.unwrap_or_else(|| {
        fields.fault("kind", Fault::OneOf(KINDS));
        ThreadKind::Other
    })
}
