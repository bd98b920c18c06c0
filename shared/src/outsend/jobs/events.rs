//! The live stream of a job (outsend 10).

use std::{collections::VecDeque, io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    super::{
        access::Access, account::timestamp, authentication, endpoint::answer, envelope::Problem, messages::Detail,
        request_context::RequestContext,
    },
    owned,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Job, JobId, JobStatus, UserId},
    store::{LogLine, StoreError},
};

/// How often the log is looked at.
const POLL: Duration = Duration::from_millis(500);
/// Looks at the log from one `status` to the next: two seconds.
const LOOKS: u32 = 4;
/// A stream's longest life; the platform may end it before (outsend 10).
const LONGEST: time::Duration = time::Duration::hours(6);

/// `GET /api/jobs/{id}/stream`
#[must_use]
pub fn stream(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(stream_now(cx)))
}

async fn stream_now(cx: &RequestContext) -> Result<Response, Problem> {
    let (user, job) = owned(cx, Access::ANY).await?;
    let job = job.map_err(|_| Problem::from(Detail::NoJob))?;
    let last = cx.request.header("last-event-id").and_then(|text| text.trim().parse::<u64>().ok());
    let watch = Watch {
        context: cx.context.clone(),
        credential: authentication::presented(cx).ok_or(Detail::AuthRequired)?,
        user,
        job: job.id,
        seen: last.unwrap_or(job.log_last).min(job.log_last),
        began: cx.now,
        looks: 0,
        first: Some(job),
        ready: VecDeque::from([Bytes::from_static(b"retry: 3000\n\n")]),
        ended: false,
    };
    Ok(Response::empty(200)
        .header("Content-Type", "text/event-stream")
        .header("Cache-Control", "no-cache, no-transform")
        .header("X-Accel-Buffering", "no")
        .stream(stream::unfold(watch, |watch| Box::pin(watch.next())).boxed()))
}

/// One consumer of a job's stream. It is asked for its next piece when the last one was taken, so that a slow reader
/// holds nothing up and nothing piles up for it.
struct Watch {
    context: Context,
    credential: authentication::PresentedCredential,
    user: UserId,
    job: JobId,
    /// `seq` of the last log line that was sent.
    seen: u64,
    began: time::OffsetDateTime,
    looks: u32,
    /// The job as the request found it: the first `status` goes out at once.
    first: Option<Job>,
    ready: VecDeque<Bytes>,
    ended: bool,
}

fn event(name: &str, id: Option<u64>, data: &Value) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

fn status(job: &Job, now: time::OffsetDateTime) -> Bytes {
    let data = json!({
        "id": job.id.to_string(),
        "status": job.status_at(now).as_str(),
        "processed_points": job.processed,
        "grid_points_count": job.planned.unwrap_or(0),
        "results_count": job.results,
        "error_count": job.errors,
        "download_available": job.has_file(now),
        "query_stats": {},
    });
    event("status", None, &data)
}

fn log(seq: u64, line: &LogLine) -> Bytes {
    let data = json!({"message": line.message, "level": line.level.as_str(), "timestamp": timestamp(line.at)});
    event("log", Some(seq), &data)
}

fn done(job: &Job, now: time::OffsetDateTime) -> Bytes {
    let duration = match (job.started_at, job.completed_at) {
        (Some(started), Some(completed)) => completed.unix_timestamp() - started.unix_timestamp(),
        _ => 0,
    };
    let data = json!({
        "id": job.id.to_string(),
        "status": job.status_at(now).as_str(),
        "results_count": job.results,
        "duration_seconds": duration.max(0),
    });
    event("done", None, &data)
}

fn failure(code: &str, message: &str) -> Bytes {
    event("error", None, &json!({"code": code, "message": message}))
}

impl Watch {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some((Ok(piece), self));
            }
            if self.ended {
                return None;
            }
            if self.first.is_none() {
                tokio::time::sleep(POLL).await;
            }
            let now = self.context.clock().now();
            if now - self.began >= LONGEST {
                return None;
            }
            if let Err(error) = self.look(now).await {
                tracing::error!(job = %self.job, cause = %error, "stream cut off");
                self.end(failure("internal", "Internal server error."));
            }
        }
    }

    fn end(&mut self, last: Bytes) {
        self.ready.push_back(last);
        self.ended = true;
    }

    /// Gathers what is new.
    async fn look(&mut self, now: time::OffsetDateTime) -> Result<(), StoreError> {
        let store = self.context.store().clone();
        let opened = self.first.is_some();
        let job = match self.first.take() {
            Some(job) => job,
            None => {
                let Some(job) = store.job(self.user, self.job).await? else {
                    self.end(failure("not_found", "Job not found."));
                    return Ok(());
                };
                job
            }
        };
        if !opened {
            self.looks += 1;
        }
        let turn = opened || self.looks.is_multiple_of(LOOKS);
        if turn && !opened {
            match store.principal(self.credential.credential(), now).await? {
                None => {
                    self.end(failure("unauthorized", "Authentication required."));
                    return Ok(());
                }
                Some(holder) if !holder.is_active() => {
                    self.end(failure("forbidden", "Account is deactivated."));
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        let terminal = !job.status.is_active();
        if opened {
            // the snapshot goes first, then what the client has not read yet
            self.ready.push_back(status(&job, now));
        }
        // what has outlived its retention has no log any more
        while self.seen < job.log_last && job.status_at(now) != JobStatus::Expired {
            let lines = store.job_log(self.job, self.seen, job.log_last).await?;
            let Some((last, _)) = lines.last() else { break };
            self.seen = *last;
            self.ready.extend(lines.iter().map(|(seq, line)| log(*seq, line)));
        }
        if terminal {
            if !opened {
                self.ready.push_back(status(&job, now));
            }
            self.end(done(&job, now));
        } else if turn && !opened {
            self.ready.push_back(status(&job, now));
        }
        Ok(())
    }
}
