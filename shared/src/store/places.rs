//! What a geocoder found (outsend 12.1): kept, so that nobody asks it twice. In the hot table.

use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError,
    chunked::{PART, compress, decompress},
    item::Item,
};
use crate::model::Found;

/// How long what was found is kept.
const KEPT: Duration = Duration::days(90);
/// How long it is kept that nothing was found.
const KEPT_NONE: Duration = Duration::days(1);

fn found_key(lookup: &str) -> (String, String) {
    (format!("PLACE#{lookup}"), "PLACE".to_owned())
}

impl Store {
    /// What was found for a lookup in the last 90 days: `None` when nobody asked, `Some(None)` when there was nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn kept_place<'a>(&'a self, lookup: &'a str) -> BoxFuture<'a, Result<Option<Option<Found>>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = found_key(lookup);
            let Some(item) = self.get(&self.hot, pk, sk).await? else { return Ok(None) };
            let reader = item.read("place");
            let text = decompress(reader.bytes("found")?).ok_or_else(|| reader.malformed("found"))?;
            serde_json::from_slice(&text).map(Some).map_err(|_| reader.malformed("found"))
        })
    }

    /// Keeps what was found for a lookup, unless somebody else just did. What is too long for an item is not kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_place<'a>(
        &'a self,
        lookup: &'a str,
        found: Option<&'a Found>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let text = serde_json::to_vec(&found)
                .map_err(|error| StoreError::Call { operation: "pack", cause: error.to_string() })?;
            let packed = compress(&text)?;
            if packed.len() > PART {
                return Ok(());
            }
            let (pk, sk) = found_key(lookup);
            let kept = if found.is_some() { KEPT } else { KEPT_NONE };
            let item = Item::new(pk, sk).bytes("found", packed).gone_after(now + kept);
            self.transact(vec![item.put_over_ended(&self.hot, now)?]).await.map(|_| ())
        })
    }
}
