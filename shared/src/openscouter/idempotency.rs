//! Requests that come again (openscouter 2.10).

use serde_json::Value;

use super::{envelope::Problem, request_context::RequestContext};
use crate::{
    BoxFuture,
    http::Response,
    store::{Claim, IdempotencyRecord, Replay},
};

impl RequestContext {
    /// Step 9: does `work` once for each `Idempotency-Key` of a caller (openscouter 2.10). Of what the answer shows
    /// once, the members `secrets` of its data, the record has `null`.
    ///
    /// # Errors
    /// 422 when the key is malformed, was used for another request or is in use, and what `work` says.
    pub fn idempotent<'a>(
        &'a self,
        who: &'a str,
        secrets: &'a [&'a str],
        work: impl Future<Output = Result<Response, Problem>> + Send + 'a,
    ) -> BoxFuture<'a, Result<Response, Problem>> {
        self.claimed(who, secrets, Box::pin(work))
    }

    /// [`RequestContext::idempotent`], compiled once.
    fn claimed<'a>(
        &'a self,
        who: &'a str,
        secrets: &'a [&'a str],
        work: BoxFuture<'a, Result<Response, Problem>>,
    ) -> BoxFuture<'a, Result<Response, Problem>> {
        Box::pin(async move {
            let Some(key) = self.request.header("idempotency-key") else { return work.await };
            if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Problem::invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters"));
            }
            let record = [who, &self.request.method, &self.request.path, &key].join("\n");
            let record = IdempotencyRecord::new("openscouter/", &record, &self.request.body);
            let store = self.context.store();
            match store.claim_idempotency(&record, self.now).await? {
                Claim::First => {}
                Claim::Finished(replay) => {
                    let answer =
                        Response::empty(replay.status).header("Content-Type", "application/json").body(replay.body);
                    return Ok(answer.header("Idempotency-Replayed", "true"));
                }
                Claim::InProgress => {
                    return Err(Problem::invalid("Idempotency-Key", "a request with this key is in progress"));
                }
                Claim::OtherRequest => {
                    return Err(Problem::invalid("Idempotency-Key", "was used with a different payload"));
                }
            }
            let outcome = work.await;
            match &outcome {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let mut body: Value = crate::json::parse(answer.body.as_bytes()).unwrap_or_default();
                    for secret in secrets {
                        if let Some(member) = body.pointer_mut(&format!("/data/{secret}")) {
                            *member = Value::Null;
                        }
                    }
                    let replay = Replay { status: answer.status, body: body.to_string(), etag: None };
                    // what was done is done: who is told so has no reason to do it again
                    if let Err(error) = store.finish_idempotency(&record, &replay, self.now).await {
                        tracing::error!(cause = %error, "answer not recorded");
                    }
                }
                _ => store.release_idempotency(&record).await?,
            }
            outcome
        })
    }
}
