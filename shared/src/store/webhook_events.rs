//! Events that other services send (openscouter 16.3): each once in thirty days; the table's stream is the bus that
//! brings them on.

use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    item::{Condition, Item},
    retry::MAX_ATTEMPTS,
};
use crate::{
    model::{EventId, WebhookEvent},
    secret::sha256_hex,
};

/// How long an event is known again.
const KNOWN: Duration = Duration::days(30);

pub(super) fn seen_key(source: &str, key: &str) -> (String, String) {
    (format!("SEEN#{source}#{}", sha256_hex(key.as_bytes())), "SEEN".to_owned())
}

/// The mark that an event was accepted at `now`, by its sender's id.
pub(super) fn seen_item(source: &str, key: &str, now: OffsetDateTime) -> Item {
    let end = now + KNOWN;
    let (pk, sk) = seen_key(source, key);
    Item::new(pk, sk).time("expires_at", end).number("ttl", end.unix_timestamp())
}

impl Store {
    /// Accepts an event unless it was accepted before; `Ok(false)` then.
    ///
    /// # Errors
    /// When the store fails.
    pub fn accept_event<'a>(
        &'a self,
        event: &'a WebhookEvent,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let end = now + KNOWN;
            let (pk, sk) = seen_key(&event.source, &event.key);
            for attempt in 0..MAX_ATTEMPTS {
                let seen = seen_item(&event.source, &event.key, now).text("event", event.id.to_string());
                let item = Item::new(format!("EVENT#{}", event.id), "EVENT".to_owned())
                    .text("id", event.id.to_string())
                    .text("source", &*event.source)
                    .text("key", &*event.key)
                    .text("kind", &*event.kind)
                    .text("data", event.data.to_string())
                    .time("received_at", now)
                    .number("ttl", end.unix_timestamp());
                let members = vec![seen.put_unless_live(&self.hot, now)?, item.put(&self.main, Condition::Absent)?];
                match self.transact(members).await? {
                    Written::Done => return Ok(true),
                    Written::Refused(failed) if failed.contains(&0) => {
                        // the first answer to this very write can have been lost
                        let known = self.get(&self.hot, pk, sk).await?;
                        let ours = known.as_ref().and_then(|known| known.read("event").optional_text("event"));
                        return Ok(ours.and_then(EventId::parse) == Some(event.id));
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }
}
