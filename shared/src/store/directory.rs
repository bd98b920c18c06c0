//! Directories: the unexpired keys of an owner in one item with a version, so that two creations cannot
//! both take the last place under a cap.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

use super::{
    Store, StoreError,
    item::{Condition, Item},
};
use crate::clock::epoch_micros;

impl Store {
    /// The entries of a directory and its version, which is 0 where there is none yet.
    pub(super) async fn directory(&self, (pk, sk): &(String, String)) -> Result<(Vec<Entry>, u64), StoreError> {
        let Some(item) = self.get(&self.main, pk.clone(), sk.clone()).await? else {
            return Ok((Vec::new(), 0));
        };
        let reader = item.read("key directory");
        let entries = reader.text("entries")?.split_terminator(' ').map(Entry::read);
        let entries = entries.collect::<Option<_>>().ok_or_else(|| reader.malformed("entries"))?;
        Ok((entries, reader.number("version")?))
    }

    /// The transaction member that writes a directory over the version that was read.
    pub(super) fn put_directory(
        &self,
        (pk, sk): &(String, String),
        entries: &[Entry],
        version: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        let text: Vec<_> = entries.iter().map(Entry::write).collect();
        let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
        Item::new(pk.clone(), sk.clone())
            .text("entries", text.join(" "))
            .number("version", version + 1)
            .put(&self.main, condition)
    }
}

/// A key in its owner's directory: `id`, `id:end` or `id:end:generation`; the end, which can be empty, in microseconds
/// since the Unix epoch.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) end: Option<i64>,
    /// The owner's count of ended credentials at the creation.
    pub(super) generation: u64,
}

impl Entry {
    /// Whether the key has not expired at `now`.
    pub(super) fn lives_at(&self, now: OffsetDateTime) -> bool {
        self.end.is_none_or(|end| epoch_micros(now) < end)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let id = parts.next()?.to_owned();
        let end = parts.next().filter(|end| !end.is_empty()).map(str::parse).transpose().ok()?;
        let generation = parts.next().map_or(Ok(0), str::parse).ok()?;
        Some(Self { id, end, generation })
    }

    fn write(&self) -> String {
        let end = self.end.map(|end| end.to_string());
        match (end, self.generation) {
            (None, 0) => self.id.clone(),
            (Some(end), 0) => format!("{}:{end}", self.id),
            (end, generation) => format!("{}:{}:{generation}", self.id, end.unwrap_or_default()),
        }
    }
}
