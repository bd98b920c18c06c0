//! Threads with the staff on the wire, and how endpoints find them (outsend 17).

use serde::Serialize;

use super::{
    access::Caller, envelope::Problem, format::timestamp, limits::Policy, messages::Detail,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    model::{Conversation, Message, Module, Silenced, Thread, ThreadId},
    store::{Said, StoreError},
};

/// Threads that a user opens (outsend 5.1).
pub const POLICY: Policy = Policy::new("feedback", 20, 3_600);
/// Most characters of a message.
pub const MAX_MESSAGE: usize = 5_000;

/// A thread, with its messages where they are asked for (outsend 17).
#[derive(Debug, Serialize)]
pub struct ThreadView<'a> {
    id: String,
    kind: &'static str,
    subject: &'a str,
    status: &'static str,
    module_slug: Option<&'static str>,
    message_count: u64,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<MessageView<'a>>>,
}

/// A message of a thread.
#[derive(Debug, Serialize)]
struct MessageView<'a> {
    id: &'a str,
    author: &'static str,
    message: &'a str,
    created_at: String,
}

impl<'a> MessageView<'a> {
    fn new(message: &'a Message) -> Self {
        Self {
            id: &message.id,
            author: message.author.as_str(),
            message: &message.text,
            created_at: timestamp(message.at),
        }
    }
}

/// A thread of a list.
#[must_use]
pub fn view(thread: &Thread) -> ThreadView<'_> {
    ThreadView {
        id: thread.id.to_string(),
        kind: thread.kind.as_str(),
        subject: &thread.subject,
        status: thread.status.as_str(),
        module_slug: thread.module.map(Module::as_str),
        message_count: thread.messages,
        created_at: timestamp(thread.created_at),
        updated_at: timestamp(thread.updated_at),
        messages: None,
    }
}

/// A thread with its messages.
#[must_use]
pub fn whole(conversation: &Conversation) -> ThreadView<'_> {
    let messages = conversation.messages.iter().map(MessageView::new).collect();
    ThreadView { messages: Some(messages), ..view(&conversation.thread) }
}

/// The thread that a path names, whoever it belongs to: nothing of it is seen before its owner is known to ask.
#[derive(Debug)]
pub struct NamedThread(Result<Option<Conversation>, StoreError>);

/// Reads the thread that the path's `thread` names, while it is found out who calls. A malformed id is like an unknown
/// one (outsend 2.2).
#[must_use]
pub fn named(cx: &RequestContext) -> BoxFuture<'_, NamedThread> {
    Box::pin(async {
        NamedThread(match ThreadId::parse(cx.path("thread")) {
            Some(id) => cx.context.store().conversation(id).await,
            None => Ok(None),
        })
    })
}

impl NamedThread {
    /// The thread, if it is the caller's.
    ///
    /// # Errors
    /// 404 when there is none, or when it is somebody else's; when the store failed.
    pub fn owned_by(self, caller: &Caller) -> Result<Conversation, Problem> {
        let known = self.0?.filter(|known| known.thread.user == caller.account.user.id);
        known.ok_or_else(|| Detail::NoThread.into())
    }
}

/// The thread that a message of its user is in now.
///
/// # Errors
/// 400 when the thread is full; 404 when it is gone.
pub fn said(said: Said) -> Result<Conversation, Problem> {
    match said {
        Said::Said(conversation) => Ok(conversation),
        Said::Silenced(Silenced::Full | Silenced::Closed) => Err(Detail::ThreadFull(Thread::MAX_MESSAGES).into()),
        Said::Gone => Err(Detail::NoThread.into()),
    }
}
