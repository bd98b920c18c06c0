//! Files that jobs found and keep for their owner (outsend 8.5), in the hot table: which there are, and where no bucket
//! holds them, what is in them.

use time::OffsetDateTime;

use super::{BoxFuture, Store, StoreError, chunked::PART, item::Item};
use crate::model::{AssetName, UserId};

/// The names of a user's files.
fn names_pk(user: UserId) -> String {
    format!("ASSETS#{user}")
}

/// The parts of a file.
fn parts_pk(user: UserId, name: &AssetName) -> String {
    format!("ASSET#{user}#{}", name.as_str())
}

impl Store {
    /// Notes that a file of a user is kept until `end`, and keeps its content here, if it is given, in as many items as it
    /// needs. Safe to do twice: a name stands for one content.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_asset<'a>(
        &'a self,
        (user, name): (UserId, &'a AssetName),
        content: Option<&'a [u8]>,
        end: OffsetDateTime,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let parts = content.unwrap_or_default().chunks(PART);
            let count = parts.len();
            let parts = parts.enumerate().map(|(place, part)| {
                Item::new(parts_pk(user, name), format!("PART#{place:03}"))
                    .bytes("content", part.to_vec())
                    .number("parts", count)
                    .gone_after(end)
            });
            // what is noted is found again, whether its parts came to be or not
            let noted = Item::new(names_pk(user), name.as_str().to_owned()).gone_after(end);
            self.batch_put_in(&self.hot, vec![noted]).await?;
            self.batch_put_in(&self.hot, parts.collect()).await
        })
    }

    /// Whether a file of a user is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has_asset<'a>(&'a self, user: UserId, name: &'a AssetName) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.get(&self.hot, names_pk(user), name.as_str().to_owned()).await?.is_some()) })
    }

    /// The content of a file that is kept here; `None` when a part of it is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub fn asset<'a>(
        &'a self,
        user: UserId,
        name: &'a AssetName,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            let (mut content, mut count, mut found) = (Vec::new(), 0, 0);
            for part in self.query_in(&self.hot, parts_pk(user, name), "PART#").await? {
                let reader = part.read("asset");
                content.extend_from_slice(reader.bytes("content")?);
                count = reader.number("parts")?;
                found += 1;
            }
            Ok((found > 0 && found == count).then_some(content))
        })
    }

    /// The names of files of a user, whether their time has passed or not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn assets_of(&self, user: UserId) -> BoxFuture<'_, Result<Vec<AssetName>, StoreError>> {
        Box::pin(async move {
            let items = self.query_in(&self.hot, names_pk(user), "").await?;
            let name = |item: &Item| Ok(AssetName::parse(item.read("asset").text("sk")?));
            items.iter().filter_map(|item| name(item).transpose()).collect()
        })
    }

    /// Forgets a file of a user, its name last, so that a removal that broke off is found again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_asset<'a>(&'a self, user: UserId, name: &'a AssetName) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let parts = self.query_in(&self.hot, parts_pk(user, name), "").await?;
            let key = |part: &Item| Ok((part.pk().to_owned(), part.read("asset").text("sk")?.to_owned()));
            self.batch_delete_in(&self.hot, parts.iter().map(key).collect::<Result<_, StoreError>>()?).await?;
            self.batch_delete_in(&self.hot, vec![(names_pk(user), name.as_str().to_owned())]).await
        })
    }
}
