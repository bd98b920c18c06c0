//! The version of the schema that the items of the tables have: what a program reads before it works on them, and what
//! moves on when it rewrote them. No request reads it.

use super::{
    BoxFuture, Store, StoreError,
    client::Written,
    item::{Condition, Item},
    round_trips::round_trip,
};

/// The schema of the tables' items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its version.
    pub version: u64,
    /// How far the step to the next version has come, where one is under way.
    pub cursor: Option<String>,
    /// Version of this item.
    revision: u64,
}

impl Schema {
    fn item(&self) -> Item {
        let item = Item::new("SCHEMA".to_owned(), "VERSION".to_owned());
        let item = item.number("schema", self.version).number("version", self.revision);
        item.optional_text("cursor", self.cursor.as_deref())
    }
}

impl Store {
    /// The schema of the tables; `None` when they do not say, as those before the first version that did.
    ///
    /// # Errors
    /// When the store fails.
    pub fn schema(&self) -> BoxFuture<'_, Result<Option<Schema>, StoreError>> {
        Box::pin(async move {
            let found = self.get(&self.main, "SCHEMA".to_owned(), "VERSION".to_owned()).await?;
            let Some(item) = found else { return Ok(None) };
            let read = item.read("schema");
            Ok(Some(Schema {
                version: read.number("schema")?,
                cursor: read.optional_text("cursor").map(str::to_owned),
                revision: read.number("version")?,
            }))
        })
    }

    /// Writes down that the tables have `version`, and how far the step to the next one has come; `None` when somebody
    /// else wrote since `before` was read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_schema<'a>(
        &'a self,
        before: Option<&'a Schema>,
        version: u64,
        cursor: Option<String>,
    ) -> BoxFuture<'a, Result<Option<Schema>, StoreError>> {
        Box::pin(async move {
            let revision = before.map_or(0, |before| before.revision);
            let schema = Schema { version, cursor, revision: revision + 1 };
            let written = match before {
                Some(_) => self.put_version(schema.item(), revision).await?,
                None => {
                    let put = schema.item().put(&self.main, Condition::Absent)?;
                    self.transact(vec![put]).await? == Written::Done
                }
            };
            Ok(written.then_some(schema))
        })
    }

    /// Whether the main table holds nothing at all.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_empty(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let call = self.client.scan().table_name(&self.main).limit(1).consistent_read(true);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Scan", &error))?;
            Ok(output.items.unwrap_or_default().is_empty())
        })
    }
}
