//! Pictures of pages, which a service that the configuration names takes (outsend 12.10, 18.3).

use std::time::Duration;

use url::Url;

use super::{images, world::World};
use crate::{
    Fault,
    module::{Level, Line},
    services::Call,
};

/// How long a picture may take.
const WITHIN: Duration = Duration::from_secs(20);
/// Most bytes of one.
const MOST: usize = 5 * 1024 * 1024;

/// What takes pictures; without a service there are none.
pub(super) struct Camera(Option<Url>);

/// What became of a picture.
#[derive(Debug, Default)]
pub(super) struct Shot {
    /// Where it is served from; `None` when there is none.
    pub(super) path: Option<String>,
    /// Requests that were made for it.
    pub(super) requests: u64,
}

impl Camera {
    pub(super) fn of(service: Option<&str>) -> Result<Self, Fault> {
        let parsed = service.map(Url::parse).transpose();
        parsed.map(Self).map_err(|_| Fault::Internal("SCREENSHOT_URL is no address".to_owned()))
    }

    /// What the log says when there is no service.
    pub(super) fn note(&self) -> Option<Line> {
        let message = "No screenshots: no service that takes them is configured.".to_owned();
        self.0.is_none().then_some(Line { level: Level::Warn, message })
    }

    /// Has a picture taken of a page that was read, and keeps it.
    pub(super) async fn take(&self, world: &World, page: &Url) -> Result<Shot, Fault> {
        let Some(mut service) = self.0.clone() else { return Ok(Shot::default()) };
        service.query_pairs_mut().append_pair("url", page.as_str());
        let call = Call { most: MOST, ..Call::get(&service, WITHIN) };
        let path = match world.network.call(call).await {
            Ok(answer) if answer.status == 200 => images::keep(world, answer.body).await?.map(|(_, path)| path),
            _ => None,
        };
        Ok(Shot { path, requests: 1 })
    }
}
