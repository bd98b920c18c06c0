//! Telegram (openscouter 15): which chat is which tester's, one to one, named at both ends; and the updates that were
//! heard, each with what it brought about in one transaction, so that one that comes again changes nothing.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Item, check, delete, delete_where},
    retry::MAX_ATTEMPTS,
    tokens::Token,
    user_items::user_pk,
    webhook_events::{seen_item, seen_key},
};
use crate::model::{TokenKind, UserId};

/// The updates' source.
const SOURCE: &str = "telegram";
/// Where a tester's link stands, in the tester's partition.
const LINK: &str = "TELEGRAM";

/// A chat that is a tester's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelegramLink {
    /// The tester.
    pub tester: UserId,
    /// Telegram's id of the private chat.
    pub chat: i64,
    /// Since when.
    pub linked_at: OffsetDateTime,
}

/// What became of a code that was sent in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// The chat is the tester's from now on.
    Done(UserId),
    /// The code is none, or works no more.
    Void,
    /// The update was heard before.
    Heard,
}

fn link_key(tester: UserId) -> (String, String) {
    (user_pk(tester), LINK.to_owned())
}

fn chat_key(chat: i64) -> (String, String) {
    (format!("TELEGRAM#{chat}"), LINK.to_owned())
}

fn read_link(tester: UserId, item: &Item) -> Result<TelegramLink, StoreError> {
    let reader = item.read("link with Telegram");
    Ok(TelegramLink { tester, chat: reader.number("chat")?, linked_at: reader.time("linked_at")? })
}

/// What an item of a link said when it was read; `None` when there was none.
fn said(item: Option<&Item>, name: &'static str) -> Option<(&'static str, AttributeValue)> {
    item.and_then(|item| item.0.get(name)).map(|value| (name, value.clone()))
}

impl Store {
    /// The chat of a tester.
    ///
    /// # Errors
    /// When the store fails.
    pub fn telegram_link(&self, tester: UserId) -> BoxFuture<'_, Result<Option<TelegramLink>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = link_key(tester);
            let item = self.get(&self.main, pk, sk).await?;
            item.as_ref().map(|item| read_link(tester, item)).transpose()
        })
    }

    /// Whose a chat is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn telegram_tester(&self, chat: i64) -> BoxFuture<'_, Result<Option<UserId>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = chat_key(chat);
            let item = self.get(&self.main, pk, sk).await?;
            item.as_ref().map(|item| item.read("chat").parsed("tester", UserId::parse)).transpose()
        })
    }

    /// The member that marks an update as heard: it fails when it was.
    pub(super) fn heard_member(&self, update: i64, now: OffsetDateTime) -> Result<TransactWriteItem, StoreError> {
        seen_item(SOURCE, &update.to_string(), now).put_unless_live(&self.hot, now)
    }

    /// Whether an update was heard in the last thirty days.
    ///
    /// # Errors
    /// When the store fails.
    pub fn was_heard(&self, update: i64, now: OffsetDateTime) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = seen_key(SOURCE, &update.to_string());
            let item = self.get(&self.hot, pk, sk).await?;
            Ok(item.map(|item| item.read("mark").time("expires_at")).transpose()?.is_some_and(|end| now < end))
        })
    }

    /// Marks an update that changes nothing as heard; `Ok(false)` when it was heard before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hear_update(&self, update: i64, now: OffsetDateTime) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                match self.transact(vec![self.heard_member(update, now)?]).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(false),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Links a chat with the tester whose code was sent in it, by the code's hash, and uses the code up. An older chat of
    /// the tester's, and an older tester of the chat's, are linked no more.
    ///
    /// # Errors
    /// When the store fails; then nothing was heard.
    pub fn link_telegram<'a>(
        &'a self,
        (chat, hash): (i64, &'a str),
        update: i64,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<Linking, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let token = self.token(hash, TokenKind::Telegram, now).await?;
                let account = match &token {
                    Some(token) => self.account(token.user).await?,
                    None => None,
                };
                let alive = |token: &Token| account.as_ref().is_some_and(|account| token.lives_for(&account.user));
                let Some(token) = token.filter(alive) else {
                    return Ok(if self.hear_update(update, now).await? { Linking::Void } else { Linking::Heard });
                };
                let members = self.linking_members(&token, (chat, update), now).await?;
                match self.transact(members).await? {
                    Written::Done => return Ok(Linking::Done(token.user)),
                    Written::Refused(failed) if failed.contains(&0) => return Ok(Linking::Heard),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The mark first, then the code, the account that it is of, both ends, and the ends that go.
    async fn linking_members(
        &self,
        token: &Token,
        (chat, update): (i64, i64),
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let tester = token.user;
        let ((link, of_link), (end, of_end)) = (link_key(tester), chat_key(chat));
        let known = self.get(&self.main, link.clone(), of_link.clone()).await?;
        let held = self.get(&self.main, end.clone(), of_end.clone()).await?;
        let mut members = vec![
            self.heard_member(update, now)?,
            self.use_token(token)?,
            // a mark that the user was deleted has no address
            check(&self.main, (user_pk(tester), "USER".to_owned()), "attribute_exists(#name)", Some("email"), [])?,
        ];
        let linked = Item::new(link, of_link).number("chat", chat).time("linked_at", now);
        members.push(linked.put_where(&self.main, said(known.as_ref(), "chat"))?);
        let named = Item::new(end, of_end).text("tester", tester.to_string());
        members.push(named.put_where(&self.main, said(held.as_ref(), "tester"))?);
        if let Some(known) = known.as_ref().map(|item| read_link(tester, item)).transpose()?
            && known.chat != chat
        {
            let (pk, sk) = chat_key(known.chat);
            members.push(delete(&self.main, pk, sk)?);
        }
        if let Some(other) = held.map(|item| item.read("chat").parsed("tester", UserId::parse)).transpose()?
            && other != tester
        {
            let (pk, sk) = link_key(other);
            members.push(delete(&self.main, pk, sk)?);
        }
        Ok(members)
    }

    /// Ends a tester's link with a chat, once for the update that asks for it, if one does; `Ok(false)` when there is no
    /// such link, or the update was heard before.
    ///
    /// # Errors
    /// When the store fails; then nothing was heard.
    pub fn unlink_telegram(
        &self,
        tester: UserId,
        chat: i64,
        update: Option<i64>,
        now: OffsetDateTime,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                if self.telegram_link(tester).await?.is_none_or(|link| link.chat != chat) {
                    return Ok(false);
                }
                let (link, end) = (link_key(tester), chat_key(chat));
                let of_chat = AttributeValue::N(chat.to_string());
                let of_tester = AttributeValue::S(tester.to_string());
                let mut members = vec![
                    delete_where(&self.main, link, ("chat", of_chat))?,
                    delete_where(&self.main, end, ("tester", of_tester))?,
                ];
                members.extend(update.map(|update| self.heard_member(update, now)).transpose()?);
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if failed.contains(&2) => return Ok(false),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// What names a tester's chat, for the deletion.
    pub(super) fn telegram_chat(item: &Item) -> Option<(String, String)> {
        item.read("link with Telegram").number("chat").ok().map(chat_key)
    }

    /// Which of these testers have a chat.
    pub(super) async fn with_telegram(
        &self,
        testers: &[UserId],
    ) -> Result<std::collections::HashSet<String>, StoreError> {
        let items = self.batches(testers.iter().map(|tester| link_key(*tester)).collect()).await?;
        Ok(items.iter().map(|item| item.pk().to_owned()).collect())
    }
}
