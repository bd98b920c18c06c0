//! Where files are kept that jobs found (outsend 8.5): in a bucket where one is configured, else in the store.

use std::time::Duration;

use crate::{
    BoxFuture,
    context::Context,
    http_client::Limits,
    model::{AssetName, UserId},
    signed::Service,
    store::Store,
};

/// What a call of the bucket may take: the largest file is 5 MiB.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 6 * 1024 * 1024 };

/// The files of all users.
#[derive(Clone, Debug)]
pub struct Assets {
    context: Context,
    bucket: Option<Bucket>,
}

#[derive(Clone, Debug)]
struct Bucket {
    service: Service,
    name: String,
}

impl Bucket {
    async fn call(&self, method: &'static str, key: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), String> {
        let path = format!("{}/{key}", self.name);
        let (status, answer) = self.service.exchange(LIMITS, method, &path, Vec::new(), body).await?;
        match status {
            200 | 204 | 404 => Ok((status, answer.into())),
            _ => Err(format!("{method} of an object: status {status}")),
        }
    }
}

fn key(user: UserId, name: &AssetName) -> String {
    format!("brand-assets/{user}/{}", name.as_str())
}

impl Assets {
    /// The files, as the context's settings say where they are. Opens no connection yet.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let (settings, store) = (&context.settings().assets, &context.settings().store);
        let bucket = settings
            .bucket
            .as_ref()
            .map(|name| Bucket { service: Service::of(store, "s3", settings.endpoint.as_deref()), name: name.clone() });
        Self { context: context.clone(), bucket }
    }

    fn store(&self) -> &Store {
        self.context.store()
    }

    /// Keeps a file for a user, for as long as the settings say from now on. Safe to do twice.
    ///
    /// # Errors
    /// When the bucket or the store fails.
    pub fn keep<'a>(
        &'a self,
        user: UserId,
        name: &'a AssetName,
        content: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let end = self.context.clock().now() + self.context.settings().assets.kept;
            let here = match &self.bucket {
                Some(bucket) => {
                    bucket.call("PUT", &key(user, name), content).await?;
                    None
                }
                None => Some(content),
            };
            let noted = self.store().keep_asset((user, name), here.as_deref(), end).await;
            noted.map_err(|error| error.to_string())
        })
    }

    /// The content of a file that a user has ([`Store::has_asset`]); `None` when it is not there any more.
    ///
    /// # Errors
    /// When the bucket or the store fails.
    pub fn content<'a>(&'a self, user: UserId, name: &'a AssetName) -> BoxFuture<'a, Result<Option<Vec<u8>>, String>> {
        Box::pin(async move {
            match &self.bucket {
                Some(bucket) => {
                    let (status, content) = bucket.call("GET", &key(user, name), Vec::new()).await?;
                    Ok((status == 200).then_some(content))
                }
                None => self.store().asset(user, name).await.map_err(|error| error.to_string()),
            }
        })
    }

    /// Removes all files of a user. Safe to do twice.
    ///
    /// # Errors
    /// When the bucket or the store fails.
    pub fn erase(&self, user: UserId) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            for name in self.store().assets_of(user).await.map_err(|error| error.to_string())? {
                if let Some(bucket) = &self.bucket {
                    bucket.call("DELETE", &key(user, &name), Vec::new()).await?;
                }
                self.store().drop_asset(user, &name).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
    }
}
