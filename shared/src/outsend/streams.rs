//! Answers that last (outsend 10): a user holds a few of each kind at a time, whatever credentials they have.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};

use super::{access::Caller, envelope::Problem, messages::Detail, request_context::RequestContext};
use crate::{
    BoxFuture,
    context::Context,
    http::ByteStream,
    store::{Lasting, Leased, Place},
};

/// Most answers of a kind that a user holds at a time (outsend 10).
const MAX_HELD: usize = 10;
/// How often a holder renews its lease, which lasts three times as long.
const RENEWAL: Duration = Duration::from_secs(20);

/// A place that is held until this is dropped. Somebody else has it when it could not be renewed in time.
#[derive(Debug)]
pub struct Held {
    over: oneshot::Sender<()>,
    lost: Arc<AtomicBool>,
    keeper: JoinHandle<()>,
}

/// Takes a place for an answer of the caller's. When the store fails the answer is given all the same, as with the rate
/// limits.
///
/// # Errors
/// 429 when the caller's user holds as many already.
pub fn hold<'a>(
    cx: &'a RequestContext,
    caller: &'a Caller,
    kind: Lasting,
) -> BoxFuture<'a, Result<Option<Held>, Problem>> {
    Box::pin(async move {
        let place = Place::new(caller.account.user.id, kind);
        match cx.context.store().lease(&place, MAX_HELD, cx.now).await {
            Ok(Leased::Held) => Ok(Some(Held::new(cx.context.clone(), place))),
            Ok(Leased::Full(seconds)) => Err(Detail::StreamsHeld { most: MAX_HELD, seconds }.into()),
            Err(error) => {
                tracing::error!(cause = %error, "stream not counted");
                Ok(None)
            }
        }
    })
}

impl Held {
    fn new(context: Context, place: Place) -> Self {
        let (over, ended) = oneshot::channel();
        let lost = Arc::new(AtomicBool::new(false));
        // beside the stream, which a slow reader lets stand still
        let keeper = tokio::spawn(keep(context, place, ended, Arc::clone(&lost)));
        Self { over, lost, keeper }
    }

    async fn end(self) {
        drop(self.over);
        // what it comes to is in the log
        let _ = self.keeper.await;
    }
}

/// Renews a lease until the answer is over, and gives the place back.
async fn keep(context: Context, place: Place, mut ended: oneshot::Receiver<()>, lost: Arc<AtomicBool>) {
    loop {
        tokio::select! {
            _ = &mut ended => break,
            () = sleep(RENEWAL) => {}
        }
        match context.store().lease(&place, MAX_HELD, context.clock().now()).await {
            Ok(Leased::Held) => {}
            Ok(Leased::Full(_)) => {
                lost.store(true, Ordering::Relaxed);
                return;
            }
            Err(error) => tracing::warn!(cause = %error, "lease of a stream not renewed"),
        }
    }
    if let Err(error) = context.store().release_lease(&place).await {
        tracing::warn!(cause = %error, "place of a stream is free later");
    }
}

/// An answer's bytes, whose place is given back behind the last one, or when nobody reads them any more.
#[must_use]
pub fn holding(held: Option<Held>, pieces: ByteStream) -> ByteStream {
    let Some(held) = held else { return pieces };
    stream::unfold((pieces, held), |(mut pieces, held)| async move {
        let next = if held.lost.load(Ordering::Relaxed) { None } else { pieces.next().await };
        match next {
            Some(piece) => Some((piece, (pieces, held))),
            None => {
                held.end().await;
                None
            }
        }
    })
    .boxed()
}
