//! Where files are kept that jobs found (outsend 8.5): in a bucket where one is configured, else in the store.

use std::time::Duration;

use futures_util::future::try_join_all;
use time::OffsetDateTime;

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

/// How often a call is made, and the pause before the second time, which doubles.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// Files that are removed at a time.
const AT_A_TIME: usize = 8;

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
    /// One call, made again when the bucket is busy or out of reach.
    async fn call(&self, method: &'static str, key: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), String> {
        let path = format!("{}/{key}", self.name);
        let (mut pause, mut attempt) = (PAUSE, 1);
        loop {
            let cause = match self.service.exchange(LIMITS, method, &path, Vec::new(), body.clone()).await {
                Ok((status @ (200 | 204 | 404), answer)) => return Ok((status, answer.into())),
                Ok((status, _)) => {
                    let cause = format!("{method} of an object: status {status}");
                    if status != 429 && status < 500 {
                        return Err(cause);
                    }
                    cause
                }
                Err(cause) => cause,
            };
            if attempt == ATTEMPTS {
                return Err(cause);
            }
            tokio::time::sleep(pause).await;
            (pause, attempt) = (pause * 2, attempt + 1);
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
            let here = if self.bucket.is_none() { Some(content.as_slice()) } else { None };
            // what is noted is found again, whether the object came to be or not
            let noted = self.store().keep_asset((user, name), here, end).await;
            noted.map_err(|error| error.to_string())?;
            match &self.bucket {
                Some(bucket) => bucket.call("PUT", &key(user, name), content).await.map(|_| ()),
                None => Ok(()),
            }
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

    /// Removes files of a user until `until`: whether there were some, and `None` when there are more. Safe to do twice.
    ///
    /// # Errors
    /// When the bucket or the store fails.
    pub fn erase(&self, user: UserId, until: OffsetDateTime) -> BoxFuture<'_, Result<Option<bool>, String>> {
        Box::pin(async move {
            let names = self.store().assets_of(user).await.map_err(|error| error.to_string())?;
            for some in names.chunks(AT_A_TIME) {
                if self.context.clock().now() >= until {
                    return Ok(None);
                }
                try_join_all(some.iter().map(|name| self.remove(user, name))).await?;
            }
            Ok(Some(!names.is_empty()))
        })
    }

    async fn remove(&self, user: UserId, name: &AssetName) -> Result<(), String> {
        if let Some(bucket) = &self.bucket {
            bucket.call("DELETE", &key(user, name), Vec::new()).await?;
        }
        self.store().drop_asset(user, name).await.map_err(|error| error.to_string())
    }
}
