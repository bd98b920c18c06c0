//! One request on its way through the checks, in the contract's order (openscouter 2.5).

use std::sync::OnceLock;

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    auth::{self, Access, Caller},
    envelope::{Problem, success},
    limits::{Counted, Policy, UNAUTHENTICATED},
    routes::ROUTES,
    text::is_allowed_origin,
};
use crate::{
    api::{Answer, ApiRequest, outset::rules::origin, routes::methods},
    context::Context,
    limits::{Limits, Verdict},
    model::{Action, AuditEntry, AuditId, User},
    secret::sha256_hex,
    serve::BoxFuture,
    store::{Claim, Replay},
};

/// A request with what was found out about it so far.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) context: Context,
    pub(super) request: ApiRequest,
    pub(super) now: OffsetDateTime,
    /// What the rate policy said, for the headers of every answer.
    counted: OnceLock<Counted>,
}

/// Answers a request: preflight and route here, the rest in `work`.
pub(super) fn answer<F>(context: Context, request: ApiRequest, work: F) -> BoxFuture<'static, Answer>
where
    F: for<'a> FnOnce(&'a Call) -> BoxFuture<'a, Result<Answer, Problem>> + Send + 'static,
{
    Box::pin(async move {
        let now = context.clock().now();
        let call = Call { context, request, now, counted: OnceLock::new() };
        let mut answer = match call.routed() {
            Ok(Some(preflight)) => preflight,
            Ok(None) => work(&call).await.unwrap_or_else(Problem::answer),
            Err(problem) => problem.answer(),
        };
        if let Some(counted) = call.counted.get() {
            answer = counted.headers(answer);
        }
        if answer.headers.iter().all(|(name, _)| *name != "Cache-Control") {
            answer = answer.header("Cache-Control", "no-store");
        }
        if call.context.settings().openscouter.production {
            answer = answer.header("Strict-Transport-Security", "max-age=31536000");
        }
        call.cors(answer)
    })
}

impl Call {
    /// Steps 2 and 3; an answer when the request is a preflight.
    fn routed(&self) -> Result<Option<Answer>, Problem> {
        if self.request.method == "OPTIONS" {
            let answer = success(200, &Value::Null);
            if self.allowed_origin().is_none() {
                return Ok(Some(answer));
            }
            let headers = "Authorization, Content-Type, Idempotency-Key, x-webhook-secret";
            return Ok(Some(
                answer
                    .header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
                    .header("Access-Control-Allow-Headers", headers)
                    .header("Access-Control-Max-Age", "86400"),
            ));
        }
        let Some(methods) = methods(ROUTES, &self.request.path) else {
            return Err(Problem::Refused(404, "Route not found".to_owned()));
        };
        if !methods.contains(&self.request.method.as_str()) {
            return Err(Problem::Method(format!("{}, OPTIONS", methods.join(", "))));
        }
        Ok(None)
    }

    /// The request's origin, if pages of it may call (openscouter 2.9).
    fn allowed_origin(&self) -> Option<String> {
        let settings = &self.context.settings().openscouter;
        let origin = self.request.header("origin")?;
        is_allowed_origin(&origin, &settings.cors_base_domain, settings.production).then_some(origin)
    }

    fn cors(&self, answer: Answer) -> Answer {
        if !self.request.headers.contains_key("origin") {
            return answer;
        }
        let answer = answer.header("Vary", "Origin");
        match self.allowed_origin() {
            None => answer,
            Some(origin) => answer
                .header("Access-Control-Allow-Origin", origin)
                .header("Access-Control-Allow-Credentials", "true")
                .header("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy"),
        }
    }

    /// The public base URL, without `/api`: the issuer of tokens (openscouter 1.3).
    pub(super) fn base(&self) -> String {
        let configured = self.context.settings().openscouter.public_url.as_deref();
        let origin = origin::public_origin(
            configured,
            self.request.header("x-forwarded-proto").as_deref(),
            None,
            self.request.header("host").as_deref(),
        );
        if configured.is_some() { origin } else { origin + &self.request.prefix }
    }

    /// The last segment of the path.
    pub(super) fn path_id(&self) -> &str {
        self.request.path.rsplit('/').next().unwrap_or_default()
    }

    /// A segment of the path; `/api/jobs/:id/launch` has `:id` as its third.
    pub(super) fn path_segment(&self, place: usize) -> &str {
        self.request.path.split('/').nth(place).unwrap_or_default()
    }

    /// Notes what a policy said, and refuses the request when it is over the limit.
    pub(super) fn settle(&self, policy: Policy, verdict: Verdict) -> Result<(), Problem> {
        let _ = self.counted.set(Counted { policy, verdict });
        if verdict.passed { Ok(()) } else { Err(Problem::Limited("Rate limit exceeded", verdict.reset_seconds)) }
    }

    /// Steps 4 and 5 of an anonymous endpoint: counts the request for its address. A failure of the counter lets
    /// the request through (openscouter 2.8).
    pub(super) async fn anonymous(&self) -> Result<(), Problem> {
        let bucket = format!("openscouter/address/{}", crate::limits::counted_address(&self.request.source_ip));
        self.charge(UNAUTHENTICATED, &bucket, 1).await
    }

    /// Counts a request under a policy; a failure of the counter lets it through.
    pub(super) async fn charge(&self, policy: Policy, bucket: &str, cost: u32) -> Result<(), Problem> {
        match self.context.limits().take_many(bucket, cost, policy.limit, self.now).await {
            Ok(taken) => self.settle(policy, Limits::verdict(taken, policy.limit, self.now)),
            Err(error) => {
                tracing::error!(cause = %error, "request not counted");
                Ok(())
            }
        }
    }

    /// Steps 4 to 7 of an endpoint that only some may call.
    pub(super) async fn caller(&self, access: Access) -> Result<Caller, Problem> {
        auth::caller(self, access).await
    }

    /// A record of what was done, for the audit trail.
    pub(super) fn record(
        &self,
        action: Action,
        actor: Option<&User>,
        object: Option<String>,
        detail: Value,
    ) -> AuditEntry {
        AuditEntry {
            id: AuditId::at(self.now),
            action,
            actor: actor.map(|user| user.id),
            role: actor.map(|user| user.role),
            object,
            detail,
            request_id: self.request.request_id.clone(),
            at: self.now,
        }
    }

    /// Step 9: does `work` once for each `Idempotency-Key` of a caller (openscouter 2.10). Of what the answer shows
    /// once, the members `secrets` of its data, the record has `null`.
    pub(super) async fn once<'a>(
        &'a self,
        who: &str,
        secrets: &[&str],
        work: impl Future<Output = Result<Answer, Problem>> + Send + 'a,
    ) -> Result<Answer, Problem> {
        let Some(key) = self.request.header("idempotency-key") else { return work.await };
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters"));
        }
        let record = [who, &self.request.method, &self.request.path, &key].join("\n");
        let record = format!("openscouter/{}", sha256_hex(record.as_bytes()));
        let fingerprint = sha256_hex(&self.request.body);
        let store = self.context.store();
        match store.claim_idempotency(&record, &fingerprint, self.now).await? {
            Claim::First => {}
            Claim::Finished(replay) => {
                let answer = Answer::empty(replay.status).header("Content-Type", "application/json").body(replay.body);
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
                let mut body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
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
    }
}
