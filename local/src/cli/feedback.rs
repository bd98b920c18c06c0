//! `outscout feedback`: the staff's side of the threads (outsend 17).

use serde_json::{Value, json};
use shared::{
    context::Context,
    model::{Author, Conversation, Email, Message, Silenced, Thread, ThreadId},
    outset::datetime,
    store::Said,
};

use super::{
    arguments::{Common, FeedbackCommand},
    commands::{finish, open},
    output::Failed,
};

/// Most characters of an answer, as of a user's message.
const MAX_MESSAGE: usize = 5_000;
/// Threads of a user that are read at a time.
const PAGE_LENGTH: u32 = 100;

pub(super) async fn feedback(command: FeedbackCommand) -> Result<(), Failed> {
    let (FeedbackCommand::List { common, .. }
    | FeedbackCommand::Show { common, .. }
    | FeedbackCommand::Answer { common, .. }
    | FeedbackCommand::Close { common, .. }) = &command;
    let session = open(common).await?;
    let done = perform(&session.context, &command).await;
    finish(session, common, done).await
}

async fn perform(context: &Context, command: &FeedbackCommand) -> Result<Value, Failed> {
    let store = context.store();
    match command {
        FeedbackCommand::List { user: None, .. } => {
            Ok(store.waiting_threads().await?.iter().map(thread_value).collect())
        }
        FeedbackCommand::List { user: Some(user), .. } => threads_of(context, user).await,
        FeedbackCommand::Show { id, common } => {
            let known = known(context, id).await?;
            let account = store.account(known.thread.user).await?;
            let email = account.as_ref().map(|account| account.user.email.as_str());
            Ok(shown(common, &known, email))
        }
        FeedbackCommand::Answer { id, message, .. } => answer(context, id, message.trim()).await,
        FeedbackCommand::Close { id, .. } => {
            let closed = store.close_thread(parsed(id)?, context.clock().now()).await?;
            closed.as_ref().map(thread_value).ok_or_else(|| missing(id))
        }
    }
}

fn parsed(id: &str) -> Result<ThreadId, Failed> {
    ThreadId::parse(id).ok_or_else(|| Failed::Usage(format!("{id} is not a thread id")))
}

fn missing(id: &str) -> Failed {
    Failed::NotFound(format!("no thread {id}"))
}

async fn known(context: &Context, id: &str) -> Result<Conversation, Failed> {
    context.store().conversation(parsed(id)?).await?.ok_or_else(|| missing(id))
}

async fn threads_of(context: &Context, user: &str) -> Result<Value, Failed> {
    let email = Email::parse(user).ok_or_else(|| Failed::Usage(format!("{user} is not an e-mail address")))?;
    let account = context.store().account_by_email(&email).await?;
    let account = account.ok_or_else(|| Failed::NotFound(format!("no account of {user}")))?;
    let mut threads = Vec::new();
    for offset in (0..).step_by(PAGE_LENGTH as usize) {
        let page = context.store().threads_page(account.user.id, offset, PAGE_LENGTH).await?;
        threads.extend(page.members.iter().map(thread_value));
        if offset + u64::from(PAGE_LENGTH) >= page.total {
            break;
        }
    }
    Ok(Value::Array(threads))
}

async fn answer(context: &Context, id: &str, text: &str) -> Result<Value, Failed> {
    if !(1..=MAX_MESSAGE).contains(&text.chars().count()) {
        return Err(Failed::Usage(format!("an answer has 1 to {MAX_MESSAGE} characters")));
    }
    let known = known(context, id).await?;
    let message = Message::new(Author::Staff, text.to_owned(), context.clock().now())?;
    match context.store().say(known, &message).await? {
        Said::Said(conversation) => Ok(thread_value(&conversation.thread)),
        Said::Silenced(Silenced::Closed | Silenced::Full) => {
            Err(Failed::Usage(format!("thread {id} is closed, until its user writes again")))
        }
        Said::Gone => Err(missing(id)),
    }
}

fn thread_value(thread: &Thread) -> Value {
    json!({
        "id": thread.id.to_string(),
        "kind": thread.kind.as_str(),
        "status": thread.status.as_str(),
        "messages": thread.messages,
        "created_at": datetime::format(thread.created_at),
        "updated_at": datetime::format(thread.updated_at),
        "subject": thread.subject,
    })
}

fn message_value(message: &Message) -> Value {
    json!({"at": datetime::format(message.at), "author": message.author.as_str(), "message": message.text})
}

/// A thread: one object as JSON, else a line for it and for each message.
fn shown(common: &Common, known: &Conversation, email: Option<&str>) -> Value {
    let mut thread = thread_value(&known.thread);
    let messages = known.messages.iter().map(message_value);
    if let Some(members) = thread.as_object_mut() {
        members.insert("user".to_owned(), json!(email));
        if common.json {
            members.insert("messages".to_owned(), messages.collect());
            return thread;
        }
    }
    std::iter::once(thread).chain(messages).collect()
}
