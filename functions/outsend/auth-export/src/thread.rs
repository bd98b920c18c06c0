//! A thread with the staff, with its messages (outsend 17).

use serde::Serialize;

use shared::{outsend::format::timestamp, store::Thread};

/// A thread. So far only votes for modules open one (outsend 13).
#[derive(Serialize)]
pub(crate) struct ThreadView<'a> {
    id: &'a str,
    kind: &'static str,
    subject: &'a str,
    status: &'static str,
    module_slug: &'a str,
    message_count: usize,
    created_at: String,
    updated_at: String,
    messages: Vec<MessageView<'a>>,
}

/// A message of a thread; the user wrote it.
#[derive(Serialize)]
struct MessageView<'a> {
    id: &'a str,
    author: &'static str,
    message: &'a str,
    created_at: String,
}

impl<'a> ThreadView<'a> {
    pub(crate) fn new(thread: &'a Thread) -> Self {
        let messages = thread.messages.iter();
        let messages =
            messages.map(|(id, message, at)| MessageView { id, author: "user", message, created_at: timestamp(*at) });
        Self {
            id: &thread.id,
            kind: "interest",
            subject: &thread.module,
            status: "open",
            module_slug: &thread.module,
            message_count: thread.messages.len(),
            created_at: timestamp(thread.created_at),
            updated_at: timestamp(thread.updated_at),
            messages: messages.collect(),
        }
    }
}
