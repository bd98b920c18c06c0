//! One consumer of a job's stream.

use std::{collections::VecDeque, io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use time::OffsetDateTime;

use shared::{
    context::Context,
    http::ByteStream,
    model::{Job, JobId, JobStatus, Locale, UserId},
    outsend::{authentication::PresentedCredential, messages::Detail},
    store::StoreError,
};

use crate::event;

/// How often the log is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Looks at the log from one `status` to the next: two seconds.
const LOOKS_PER_STATUS: u32 = 4;
/// A stream's longest life; the platform may end it before (outsend 10).
const MAX_LIFE: time::Duration = time::Duration::hours(6);

/// One consumer. It is asked for its next piece when the last one was taken, so that a slow reader holds nothing up
/// and nothing piles up for it.
pub(crate) struct Watch {
    context: Context,
    credential: PresentedCredential,
    user: UserId,
    job: JobId,
    /// `seq` of the last log line that was sent.
    seen: u64,
    looks: u32,
    /// What the caller reads.
    language: Locale,
    /// The job as the request found it: the first `status` goes out at once.
    first: Option<Job>,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl Watch {
    /// Watches `job`, whose owner's `credential` is looked at again and again. Log lines up to `seen` are not sent.
    pub(crate) fn new(
        context: Context,
        credential: PresentedCredential,
        job: Job,
        seen: u64,
        language: Locale,
    ) -> Self {
        let (user, id, ready) = (job.user, job.id, VecDeque::new());
        Self { context, credential, user, job: id, seen, looks: 0, language, first: Some(job), ready, ended: false }
    }

    /// The stream's bytes; it began at `began`.
    pub(crate) fn into_stream(self, began: OffsetDateTime) -> ByteStream {
        stream::unfold(self, move |watch| Box::pin(watch.next(began))).boxed()
    }

    async fn next(mut self, began: OffsetDateTime) -> Option<(io::Result<Bytes>, Self)> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some((Ok(piece), self));
            }
            if self.ended {
                return None;
            }
            if self.first.is_none() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            let now = self.context.clock().now();
            if now - began >= MAX_LIFE {
                return None;
            }
            let looked = match self.first.take() {
                Some(job) => self.open(&job, now).await,
                None => self.look(now).await,
            };
            if let Err(error) = looked {
                tracing::error!(job = %self.job, cause = %error, "stream cut off");
                self.end(self.failure("internal", &Detail::Server));
            }
        }
    }

    /// The end of a stream that cannot go on.
    fn failure(&self, code: &str, why: &Detail) -> Bytes {
        event::failure(code, &why.text(self.language))
    }

    fn end(&mut self, last: Bytes) {
        self.ready.push_back(last);
        self.ended = true;
    }

    /// The snapshot goes first, then what the client has not read yet.
    async fn open(&mut self, job: &Job, now: OffsetDateTime) -> Result<(), StoreError> {
        self.ready.push_back(event::first(job, now));
        self.log(job, now).await?;
        if !job.status.is_active() {
            self.end(event::done(job, now));
        }
        Ok(())
    }

    /// Gathers what is new; now and then with a snapshot, when the caller may still see it.
    async fn look(&mut self, now: OffsetDateTime) -> Result<(), StoreError> {
        let Some(job) = self.context.store().job(self.user, self.job).await? else {
            self.end(self.failure("not_found", &Detail::NoJob));
            return Ok(());
        };
        self.looks += 1;
        let turn = self.looks.is_multiple_of(LOOKS_PER_STATUS);
        if turn && let Some(refusal) = self.refusal(now).await? {
            self.end(refusal);
            return Ok(());
        }
        self.log(&job, now).await?;
        let ended = !job.status.is_active();
        if turn || ended {
            self.ready.push_back(event::status(&job, now));
        }
        if ended {
            self.end(event::done(&job, now));
        }
        Ok(())
    }

    /// Why the caller may see no more, if they may not.
    async fn refusal(&self, now: OffsetDateTime) -> Result<Option<Bytes>, StoreError> {
        let principal = self.context.store().principal(self.credential.credential(), now).await?;
        Ok(match principal {
            None => Some(self.failure("unauthorized", &Detail::AuthRequired)),
            Some(principal) if !principal.is_active() => Some(self.failure("forbidden", &Detail::Deactivated)),
            Some(_) => None,
        })
    }

    /// The log lines that were not sent yet; what has outlived its retention has none any more.
    async fn log(&mut self, job: &Job, now: OffsetDateTime) -> Result<(), StoreError> {
        while self.seen < job.log_last && job.status_at(now) != JobStatus::Expired {
            let lines = self.context.store().job_log(self.job, self.seen, job.log_last).await?;
            let Some((last, _)) = lines.last() else { break };
            self.seen = *last;
            self.ready.extend(lines.iter().map(|(seq, line)| event::log(*seq, line)));
        }
        Ok(())
    }
}
