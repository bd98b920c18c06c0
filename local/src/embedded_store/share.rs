//! Requests come before work in the background: while there are any, such work uses the store at most half of the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The least pause: what the runtime's timer can tell.
const LEAST: Duration = Duration::from_millis(1);

tokio::task_local! {
    /// What is done in the background.
    static ASIDE: ();
}

/// How many requests are under way.
#[derive(Debug, Default)]
pub(super) struct Share(AtomicUsize);

/// A request that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Request(Arc<Share>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Share {
    /// One more request.
    pub(super) fn request(self: &Arc<Self>) -> Request {
        self.0.fetch_add(1, Ordering::Relaxed);
        Request(Arc::clone(self))
    }

    /// Rests after a call of the store that took so long, if it was made in the background while there are requests.
    pub(super) async fn make_way(&self, took: Duration) {
        if self.0.load(Ordering::Relaxed) > 0 && ASIDE.try_with(|()| ()).is_ok() {
            tokio::time::sleep(took.max(LEAST)).await;
        }
    }
}

/// Does work in the background.
pub(super) async fn aside<T>(work: impl Future<Output = T>) -> T {
    ASIDE.scope((), work).await
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Longer than a busy machine is away.
    const PAUSE: Duration = Duration::from_secs(2);

    #[tokio::test]
    async fn what_is_in_the_background_makes_way_while_there_are_requests() {
        let share = Arc::new(Share::default());
        let pause = async |share: &Share| {
            let began = Instant::now();
            share.make_way(PAUSE).await;
            began.elapsed() >= PAUSE
        };
        assert!(!aside(pause(&share)).await, "nobody is there");
        let request = share.request();
        let another = share.request();
        assert!(!pause(&share).await, "a request makes way for nobody");
        assert!(aside(pause(&share)).await);
        drop((request, another));
        assert!(!aside(pause(&share)).await, "they are answered");
    }
}
