//! What the visits of a run share: the network, the hosts, and what was read already.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use robotxt::Robots;
use tokio::{sync::Semaphore, time::Instant};

use super::{host::Hosts, page::Page};
use crate::{Assets, Network};

/// How long a page is taken as it was read; then the server is asked whether it is still the same.
const FRESH: Duration = Duration::from_secs(10);
/// About how many bytes of pages are kept.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// How long a visit may take, and how much it asks of a host (outsend 11.5).
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// A request.
    pub(super) request: Duration,
    /// A site, all in all.
    pub(super) site: Duration,
    /// The pause between two requests to a host, at least and at most.
    pub(super) pause: (Duration, Duration),
    /// How long a step gathers rows: a commit for each would cost more than the page.
    pub(super) gather: Duration,
}

impl Default for Caps {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { request: seconds(15), site: seconds(20), pause: (seconds(1), seconds(10)), gather: seconds(1) }
    }
}

/// What visits share.
pub(super) struct World {
    pub(super) network: Arc<dyn Network>,
    pub(super) hosts: Arc<dyn Hosts>,
    pub(super) assets: Arc<dyn Assets>,
    pub(super) caps: Caps,
    /// Images are taken apart one at a time: each can be large.
    pub(super) decoding: Semaphore,
    closing: AtomicBool,
    robots: Mutex<HashMap<String, Arc<Robots>>>,
    pages: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    pages: HashMap<String, (Arc<Page>, Instant)>,
    bytes: usize,
}

/// A page that was read before.
pub(super) enum Known {
    /// Just now.
    Fresh(Arc<Page>),
    /// It is worth asking whether it changed.
    Old(Arc<Page>),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(super) fn new(network: Arc<dyn Network>, hosts: Arc<dyn Hosts>, assets: Arc<dyn Assets>) -> Self {
        let (robots, pages) = (Mutex::default(), Mutex::default());
        let (caps, decoding, closing) = (Caps::default(), Semaphore::new(1), AtomicBool::new(false));
        Self { network, hosts, assets, caps, decoding, closing, robots, pages }
    }

    /// No visit is begun from now on.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    pub(super) fn robots(&self, origin: &str) -> Option<Arc<Robots>> {
        locked(&self.robots).get(origin).cloned()
    }

    pub(super) fn keep_robots(&self, origin: String, robots: Arc<Robots>) {
        locked(&self.robots).insert(origin, robots);
    }

    pub(super) fn page(&self, url: &str) -> Option<Known> {
        let kept = locked(&self.pages);
        let (page, read) = kept.pages.get(url)?;
        let page = Arc::clone(page);
        Some(if read.elapsed() < FRESH { Known::Fresh(page) } else { Known::Old(page) })
    }

    pub(super) fn keep_page(&self, url: String, page: &Arc<Page>) {
        let mut kept = locked(&self.pages);
        if kept.bytes + page.html.len() > MAX_KEPT {
            *kept = Kept::default();
        }
        kept.bytes += page.html.len();
        kept.pages.insert(url, (Arc::clone(page), Instant::now()));
    }

    /// With other caps.
    #[cfg(test)]
    pub(super) fn with(self, caps: Caps) -> Self {
        Self { caps, ..self }
    }

    /// Lets the pages that were read be older.
    #[cfg(test)]
    pub(super) fn age_pages(&self, time: Duration) {
        for (_, read) in locked(&self.pages).pages.values_mut() {
            *read = read.checked_sub(time).unwrap();
        }
    }
}
