//! Threads between users and the staff (outsend 13, 17): each a partition of its own, ranked in its user's list, and
//! named in the staff's list while it waits for an answer. Every change of a thread is one transaction.

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;
use time::OffsetDateTime;

use super::{
    BoxFuture, Page, Store, StoreError, after_lost_race,
    client::Written,
    collection::{id_of, newest_first},
    item::{Condition, Item, delete},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::model::{
    Author, Conversation, Message, Module, Silenced, Thread, ThreadId, ThreadKind, ThreadStatus, UserId, WorkItem,
};

/// Partitions that the staff's list is spread over.
const SHARDS: u8 = 8;
/// Threads that one slice of an erasure removes.
const SLICE: u32 = 25;
/// Where the check that the user is still there stands among a transaction's members.
const OWNER: usize = 0;

fn thread_pk(id: ThreadId) -> String {
    format!("THREAD#{id}")
}

fn head_key(id: ThreadId) -> (String, String) {
    (thread_pk(id), "THREAD".to_owned())
}

/// Messages are numbered, so that they sort as they came.
fn message_sk(number: u64) -> String {
    format!("MESSAGE#{number:08}")
}

fn shard_pk(shard: u8) -> String {
    format!("THREADS#{shard}")
}

fn waiting_key(id: ThreadId) -> (String, String) {
    let last = id.as_bytes().last().copied().unwrap_or_default();
    (shard_pk(last % SHARDS), format!("THREAD#{id}"))
}

fn interest_key(user: UserId, module: Module) -> (String, String) {
    (user_pk(user), format!("INTEREST#{}", module.as_str()))
}

fn list(user: UserId) -> String {
    format!("RANK#{user}#threads")
}

/// A thread's rank in its user's list: what changed last comes first (outsend 17).
fn rank(thread: &Thread) -> Vec<u8> {
    newest_first(thread.updated_at, thread.id.as_bytes())
}

fn head_item(thread: &Thread) -> Item {
    let (pk, sk) = head_key(thread.id);
    Item::new(pk, sk)
        .text("id", thread.id.to_string())
        .text("user", thread.user.to_string())
        .text("kind", thread.kind.as_str())
        .text("subject", &*thread.subject)
        .text("status", thread.status.as_str())
        .optional_text("module", thread.module.map(Module::as_str))
        .number("messages", thread.messages)
        .time("created_at", thread.created_at)
        .time("updated_at", thread.updated_at)
        .number("version", thread.version)
}

fn read_thread(item: &Item) -> Result<Thread, StoreError> {
    let reader = item.read("thread");
    Ok(Thread {
        id: reader.parsed("id", ThreadId::parse)?,
        user: reader.parsed("user", UserId::parse)?,
        kind: reader.parsed("kind", ThreadKind::parse)?,
        subject: reader.text("subject")?.to_owned(),
        status: reader.parsed("status", ThreadStatus::parse)?,
        module: reader.optional_text("module").and_then(Module::parse),
        messages: reader.number("messages")?,
        created_at: reader.time("created_at")?,
        updated_at: reader.time("updated_at")?,
        version: reader.number("version")?,
    })
}

fn message_item(thread: ThreadId, number: u64, message: &Message) -> Item {
    Item::new(thread_pk(thread), message_sk(number))
        .text("id", &*message.id)
        .text("author", message.author.as_str())
        .text("text", &*message.text)
        .time("at", message.at)
}

fn read_message(item: &Item) -> Result<Message, StoreError> {
    let reader = item.read("message");
    Ok(Message {
        id: reader.text("id")?.to_owned(),
        author: reader.parsed("author", Author::parse)?,
        text: reader.text("text")?.to_owned(),
        at: reader.time("at")?,
    })
}

fn has(conversation: &Conversation, message: &Message) -> bool {
    conversation.messages.iter().any(|known| known.id == message.id)
}

/// What became of a message.
#[derive(Debug)]
pub enum Said {
    /// It is in the thread, which is now this.
    Said(Conversation),
    /// The thread takes none, and nothing was written.
    Silenced(Silenced),
    /// The thread or its user is gone.
    Gone,
}

impl Store {
    /// Opens a thread with its first message, and queues the mail that tells the staff; `Ok(false)` when the user is
    /// gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open_thread<'a>(
        &'a self,
        thread: &'a Thread,
        message: &'a Message,
        mail: Option<&'a WorkItem>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let mail = mail.map(|mail| self.work_member(mail, thread.created_at)).transpose()?;
                match self.write_thread(None, thread, Some(message), mail).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if failed.contains(&OWNER) => return Ok(false),
                    Written::Refused(_) => {}
                }
                // the answer to an earlier attempt can have been lost
                let (pk, sk) = head_key(thread.id);
                if self.get(&self.main, pk, sk).await?.is_some() {
                    return Ok(true);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Notes a user's interest in the module of `thread`: opens that thread, or adds the message to the one that is
    /// there (outsend 13).
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_interest<'a>(
        &'a self,
        thread: &'a Thread,
        module: Module,
        message: Option<&'a Message>,
    ) -> BoxFuture<'a, Result<Said, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = interest_key(thread.user, module);
            for attempt in 0..MAX_ATTEMPTS {
                let pointer = self.get(&self.main, pk.clone(), sk.clone()).await?;
                let (known, condition, version) = match &pointer {
                    None => (None, Condition::Absent, 0_u64),
                    Some(item) => {
                        let reader = item.read("interest");
                        let version = reader.number("version")?;
                        let id = reader.parsed("thread", ThreadId::parse)?;
                        (self.conversation(id).await?, Condition::Version(version), version)
                    }
                };
                match (known, message) {
                    (Some(known), Some(message)) if !has(&known, message) => return self.say(known, message).await,
                    (Some(known), _) => return Ok(Said::Said(known)),
                    (None, _) => {}
                }
                let pointer = Item::new(pk.clone(), sk.clone())
                    .text("thread", thread.id.to_string())
                    .number("version", version + 1)
                    .put(&self.main, condition)?;
                match self.write_thread(None, thread, message, Some(pointer)).await? {
                    Written::Done => {
                        let messages = message.cloned().into_iter().collect();
                        return Ok(Said::Said(Conversation { thread: thread.clone(), messages }));
                    }
                    Written::Refused(failed) if failed.contains(&OWNER) => return Ok(Said::Gone),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Adds a message to a thread that was read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn say<'a>(&'a self, known: Conversation, message: &'a Message) -> BoxFuture<'a, Result<Said, StoreError>> {
        Box::pin(async move {
            let mut known = known;
            for attempt in 0..MAX_ATTEMPTS {
                let after = match known.thread.with(message) {
                    Ok(after) => after,
                    Err(silenced) => return Ok(Said::Silenced(silenced)),
                };
                match self.write_thread(Some(&known.thread), &after, Some(message), None).await? {
                    Written::Done => {
                        known.thread = after;
                        known.messages.push(message.clone());
                        return Ok(Said::Said(known));
                    }
                    Written::Refused(failed) if failed.contains(&OWNER) => return Ok(Said::Gone),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
                match self.conversation(known.thread.id).await? {
                    None => return Ok(Said::Gone),
                    // the answer to an earlier attempt was lost
                    Some(current) if has(&current, message) => return Ok(Said::Said(current)),
                    Some(current) => known = current,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Closes a thread; one that is closed stays as it is. `None` when there is no such thread.
    ///
    /// # Errors
    /// When the store fails.
    pub fn close_thread(&self, id: ThreadId, now: OffsetDateTime) -> BoxFuture<'_, Result<Option<Thread>, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let (pk, sk) = head_key(id);
                let Some(item) = self.get(&self.main, pk, sk).await? else { return Ok(None) };
                let thread = read_thread(&item)?;
                if thread.status == ThreadStatus::Closed {
                    return Ok(Some(thread));
                }
                let closed = thread.closed(now);
                match self.write_thread(Some(&thread), &closed, None, None).await? {
                    Written::Done => return Ok(Some(closed)),
                    Written::Refused(failed) if failed.contains(&OWNER) => return Ok(None),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Writes a thread as it becomes: its head, a message, its places in the two lists, and what belongs to the same
    /// step. Its user must be there.
    async fn write_thread(
        &self,
        before: Option<&Thread>,
        after: &Thread,
        message: Option<&Message>,
        beside: Option<TransactWriteItem>,
    ) -> Result<Written, StoreError> {
        let place = rank(after);
        let (mut changes, mut condition) = (Vec::new(), Condition::Absent);
        if let Some(before) = before {
            condition = Condition::Version(before.version);
            changes.push(Change::Remove(rank(before)));
        }
        changes.push(Change::Insert(place));
        let ranked = self.rank_changes(&list(after.user), &changes).await?;
        let Some(ranked) = ranked else { return Ok(Written::Refused(Vec::new())) };
        let mut members = vec![self.living_member(after.user)?, head_item(after).put(&self.main, condition)?];
        if let Some(message) = message {
            members.push(message_item(after.id, after.messages, message).put(&self.main, Condition::Absent)?);
        }
        let waits = |thread: &Thread| thread.status == ThreadStatus::Open;
        let (pk, sk) = waiting_key(after.id);
        match (before.is_some_and(waits), waits(after)) {
            (false, true) => members.push(Item::new(pk, sk).put(&self.main, Condition::None)?),
            (true, false) => members.push(delete(&self.main, pk, sk)?),
            _ => {}
        }
        members.extend(ranked);
        members.extend(beside);
        self.transact(members).await
    }

    /// A thread with its messages, whoever it belongs to.
    ///
    /// # Errors
    /// When the store fails.
    pub fn conversation(&self, id: ThreadId) -> BoxFuture<'_, Result<Option<Conversation>, StoreError>> {
        Box::pin(async move {
            let items = self.query(thread_pk(id), "").await?;
            let (_, head_sk) = head_key(id);
            let (mut thread, mut messages) = (None, Vec::new());
            for item in &items {
                if item.read("thread").text("sk")? == head_sk {
                    thread = Some(read_thread(item)?);
                } else {
                    messages.push(read_message(item)?);
                }
            }
            Ok(thread.map(|thread| Conversation { thread, messages }))
        })
    }

    /// A page of a user's threads: what changed last comes first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn threads_page(
        &self,
        user: UserId,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Page<Thread>, StoreError>> {
        Box::pin(async move {
            let key = |id: uuid::Uuid| head_key(ThreadId::from_bytes(id.into_bytes()));
            self.page_of(&list(user), (None, None), (offset, limit), key, read_thread).await
        })
    }

    /// The threads that wait for an answer of the staff: who has waited longest comes first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn waiting_threads(&self) -> BoxFuture<'_, Result<Vec<Thread>, StoreError>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            for shard in 0..SHARDS {
                for item in self.query(shard_pk(shard), "THREAD#").await? {
                    let read = |sk: &str| ThreadId::parse(sk.strip_prefix("THREAD#")?);
                    keys.push(head_key(item.read("waiting thread").parsed("sk", read)?));
                }
            }
            let heads = self.batch_get(keys).await?;
            let mut threads: Vec<_> = heads.iter().map(read_thread).collect::<Result<_, _>>()?;
            threads.sort_by_key(|thread| (thread.updated_at, thread.id));
            Ok(threads)
        })
    }

    /// Removes a slice of a user's threads; `Ok(true)` when none is left.
    pub(super) async fn erase_threads(&self, user: UserId) -> Result<bool, StoreError> {
        let list = list(user);
        let (_, ranks) = self.ranked_page(&list, (None, None), 0, SLICE).await?;
        for id in ranks.iter().filter_map(|rank| id_of(rank)) {
            let id = ThreadId::from_bytes(id.into_bytes());
            let head = head_key(id).1;
            self.erase_partition(thread_pk(id), "", |_, sk| (sk == head).then(|| waiting_key(id))).await?;
        }
        if ranks.is_empty() {
            self.erase_partition(list, "", |_, _| None).await?;
            return Ok(true);
        }
        let changes: Vec<_> = ranks.into_iter().map(Change::Remove).collect();
        for attempt in 0..MAX_ATTEMPTS {
            if let Some(members) = self.rank_changes(&list, &changes).await?
                && self.transact(members).await? == Written::Done
            {
                return Ok(false);
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }
}
