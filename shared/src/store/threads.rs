//! Threads between a user and the staff; so far those that a vote for a module opens (outsend 13, 17).

use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::model::UserId;

/// A thread with its messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// `fb_` and a ULID.
    pub id: String,
    /// The module that it is about.
    pub module: String,
    /// When it was opened.
    pub created_at: OffsetDateTime,
    /// When the last message came.
    pub updated_at: OffsetDateTime,
    /// Id, text and time of each message.
    pub messages: Vec<(String, String, OffsetDateTime)>,
}

fn message_sk(thread: &str, message: &str) -> String {
    format!("THREAD#{thread}#{message}")
}

impl Store {
    /// Notes a user's interest in a module: opens the thread, or adds to the one that is there. Gives its id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_interest<'a>(
        &'a self,
        user: UserId,
        module: &'a str,
        (thread, message): (String, String),
        text: Option<&'a str>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let known = self.get(&self.main, user_pk(user), format!("INTEREST#{module}")).await?;
                let (id, created, version) = match &known {
                    None => (thread.clone(), now, 0),
                    Some(item) => {
                        let reader = item.read("interest");
                        (reader.text("thread")?.to_owned(), reader.time("created_at")?, reader.number("version")?)
                    }
                };
                if known.is_some() && text.is_none() {
                    return Ok(id);
                }
                let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
                let interest = Item::new(user_pk(user), format!("INTEREST#{module}"))
                    .text("thread", &*id)
                    .time("created_at", created)
                    .time("updated_at", now)
                    .number("version", version + 1);
                let mut members = vec![interest.put(&self.main, condition)?];
                if let Some(text) = text {
                    let item = Item::new(user_pk(user), message_sk(&id, &message)).text("text", text).time("at", now);
                    members.push(item.put(&self.main, Condition::None)?);
                }
                if self.transact(members).await? == Written::Done {
                    return Ok(id);
                }
                // the answer to this very write can have been lost
                if text.is_some() && self.get(&self.main, user_pk(user), message_sk(&id, &message)).await?.is_some() {
                    return Ok(id);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// A user's threads, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn threads(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Thread>, StoreError>> {
        Box::pin(async move {
            let mut threads = Vec::new();
            for item in self.query(user_pk(user), "INTEREST#").await? {
                let reader = item.read("interest");
                let id = reader.text("thread")?.to_owned();
                let prefix = message_sk(&id, "");
                let mut messages = Vec::new();
                for item in self.query(user_pk(user), &prefix).await? {
                    let reader = item.read("message");
                    let id = reader.parsed("sk", |sk| sk.strip_prefix(&prefix).map(str::to_owned))?;
                    messages.push((id, reader.text("text")?.to_owned(), reader.time("at")?));
                }
                threads.push(Thread {
                    id,
                    module: reader.parsed("sk", |sk| sk.strip_prefix("INTEREST#").map(str::to_owned))?,
                    created_at: reader.time("created_at")?,
                    updated_at: reader.time("updated_at")?,
                    messages,
                });
            }
            threads.sort_by(|one, other| one.id.cmp(&other.id));
            Ok(threads)
        })
    }
}
