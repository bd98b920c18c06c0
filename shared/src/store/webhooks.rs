//! Webhooks of a user (outsend 16.1). The feed's head names them all, so that their number is held, and so that what is
//! published goes to exactly those that are there. Secrets lie apart, where only what signs reads them.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use time::OffsetDateTime;

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    feed::{Head, feed_pk, head_item},
    item::{Condition, Item, check, delete},
    retry::MAX_ATTEMPTS,
    user_items::user_pk,
};
use crate::{
    clock::epoch_micros,
    model::{Attempt, EventName, UserId, Webhook},
};

/// What the sort keys of webhooks begin with.
pub(super) const WEBHOOK: &str = "HOOK#";

pub(super) fn webhook_key(user: UserId, id: &str) -> (String, String) {
    (feed_pk(user), format!("{WEBHOOK}{id}"))
}

/// The partition of a user's secrets.
pub(super) fn secrets_pk(user: UserId) -> String {
    format!("HOOKSECRET#{user}")
}

pub(super) fn secret_key(user: UserId, id: &str) -> (String, String) {
    (secrets_pk(user), id.to_owned())
}

fn webhook_item(user: UserId, webhook: &Webhook) -> Item {
    let (pk, sk) = webhook_key(user, &webhook.id);
    let names: Vec<_> = webhook.events.iter().map(|name| name.as_str().to_owned()).collect();
    let item = Item::new(pk, sk)
        .text("id", &*webhook.id)
        .text("url", &*webhook.url)
        .texts("events", &names)
        .number("active", u8::from(webhook.active))
        .time("created_at", webhook.created_at)
        .optional_text("disabled_reason", webhook.disabled_reason.as_deref())
        .optional_time("last_delivery_at", webhook.last_delivery_at)
        .optional_time("failing_since", webhook.failing_since)
        .number("slow", u8::from(webhook.slow));
    match webhook.last_status_code {
        Some(status) => item.number("last_status_code", status),
        None => item,
    }
}

pub(super) fn read_webhook(item: &Item) -> Result<Webhook, StoreError> {
    let reader = item.read("webhook");
    Ok(Webhook {
        id: reader.text("id")?.to_owned(),
        url: reader.text("url")?.to_owned(),
        events: reader.texts("events").iter().filter_map(|name| EventName::parse(name)).collect(),
        active: reader.flag("active")?,
        disabled_reason: reader.optional_text("disabled_reason").map(str::to_owned),
        created_at: reader.time("created_at")?,
        last_delivery_at: reader.optional_time("last_delivery_at")?,
        last_status_code: reader.number("last_status_code").ok(),
        failing_since: reader.optional_time("failing_since")?,
        // those from before this was noted have none
        slow: reader.number::<u8>("slow").is_ok_and(|slow| slow > 0),
    })
}

impl Store {
    /// A user's webhooks, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn webhooks(&self, user: UserId) -> BoxFuture<'_, Result<Vec<Webhook>, StoreError>> {
        Box::pin(async move {
            let items = self.query(feed_pk(user), WEBHOOK).await?;
            items.iter().map(read_webhook).collect()
        })
    }

    /// Makes a webhook with its secret, unless the user has `most` already; `Ok(false)` then.
    ///
    /// # Errors
    /// When the store fails, or the account is gone.
    pub fn create_webhook<'a>(
        &'a self,
        user: UserId,
        webhook: &'a Webhook,
        secret: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let head = self.feed_head(user).await?;
                if head.webhooks.iter().any(|(id, _)| *id == webhook.id) {
                    // the answer to this very write was lost
                    return Ok(true);
                }
                if head.webhooks.len() >= most {
                    return Ok(false);
                }
                let mut next = Head { version: head.version + 1, ..head.clone() };
                next.webhooks.push((webhook.id.clone(), 0));
                let (pk, sk) = secret_key(user, &webhook.id);
                let members = vec![
                    head_item(user, &next).put(&self.main, head.condition())?,
                    webhook_item(user, webhook).put(&self.main, Condition::Absent)?,
                    Item::new(pk, sk).text("secret", secret).put(&self.main, Condition::Absent)?,
                    self.living_member(user)?,
                ];
                if self.transact(members).await? == Written::Done {
                    return Ok(true);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The transaction member that holds as long as an account is there.
    pub(super) fn living_member(&self, user: UserId) -> Result<TransactWriteItem, StoreError> {
        check(&self.main, (user_pk(user), "USER".to_owned()), "attribute_exists(#name)", Some("id"), [])
    }

    /// Removes a webhook with its secret; `Ok(false)` when there is none. What is on its way is dropped, and its log
    /// ends by itself.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_webhook<'a>(&'a self, user: UserId, id: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                let head = self.feed_head(user).await?;
                if head.sent(id).is_none() {
                    // by an earlier attempt whose answer was lost, or long before
                    return Ok(attempt > 0);
                }
                let mut next = Head { version: head.version + 1, ..head.clone() };
                next.webhooks.retain(|(known, _)| known != id);
                let (listed, secret) = (webhook_key(user, id), secret_key(user, id));
                let members = vec![
                    head_item(user, &next).put(&self.main, head.condition())?,
                    delete(&self.main, listed.0, listed.1)?,
                    delete(&self.main, secret.0, secret.1)?,
                ];
                if self.transact(members).await? == Written::Done {
                    return Ok(true);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// The transaction member that notes an attempt with a webhook that is still there: when, what was answered, since
    /// when it fails, whether it took long, and whether it is disabled by it.
    pub(super) fn attempted_member(
        &self,
        user: UserId,
        webhook: &Webhook,
        attempt: &Attempt,
        now: OffsetDateTime,
    ) -> Result<TransactWriteItem, StoreError> {
        let (pk, sk) = webhook_key(user, &webhook.id);
        let number = |value: i64| AttributeValue::N(value.to_string());
        let mut set = vec!["last_delivery_at = :now, slow = :slow".to_owned()];
        let mut remove = Vec::new();
        let mut update = Update::builder()
            .table_name(&self.main)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(sk))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", number(epoch_micros(now)))
            .expression_attribute_values(":slow", number(attempt.was_slow().into()));
        match attempt.status {
            Some(status) => {
                set.push("last_status_code = :status".to_owned());
                update = update.expression_attribute_values(":status", number(status.into()));
            }
            None => remove.push("last_status_code"),
        }
        if attempt.succeeded() {
            remove.push("failing_since");
        } else {
            set.push("failing_since = if_not_exists(failing_since, :now)".to_owned());
        }
        if let Some(reason) = webhook.disabled_by(attempt, now) {
            set.push("active = :no, disabled_reason = :reason".to_owned());
            update = update
                .expression_attribute_values(":no", number(0))
                .expression_attribute_values(":reason", AttributeValue::S(reason.to_owned()));
        }
        let mut expression = format!("SET {}", set.join(", "));
        if !remove.is_empty() {
            expression = format!("{expression} REMOVE {}", remove.join(", "));
        }
        let update = update.update_expression(expression).build();
        let update = update.map_err(|error| StoreError::Call { operation: "Update", cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
