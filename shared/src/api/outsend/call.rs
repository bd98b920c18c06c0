//! One request on its way through the checks, in the contract's order (outsend 2.4).

use std::sync::OnceLock;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{
    auth,
    envelope::{Problem, json_answer},
    fields,
    limits::{Counted, Policy},
    routes,
    text::{Detail, language},
};
use crate::{
    api::{Answer, ApiRequest, outset::rules::origin, routes::methods},
    context::Context,
    model::{Action, AuditEntry, AuditId, Locale, User},
    serve::BoxFuture,
};

/// A session's length (outsend 4.1).
pub(super) const SESSION_LENGTH: Duration = Duration::days(7);
const COOKIE: &str = "outsend_session";

/// A request with what was found out about it so far.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) context: Context,
    pub(super) request: ApiRequest,
    pub(super) language: Locale,
    pub(super) now: OffsetDateTime,
    /// What the rate policy said, for the headers of every answer.
    pub(super) counted: OnceLock<Counted>,
    /// The cookie to send again, because its end was moved.
    pub(super) slid: OnceLock<String>,
}

/// Answers a request: route, preflight and body size here, the rest in `work`.
pub(super) fn answer<F>(context: Context, request: ApiRequest, work: F) -> BoxFuture<'static, Answer>
where
    F: for<'a> FnOnce(&'a Call) -> BoxFuture<'a, Result<Answer, Problem>> + Send + 'static,
{
    Box::pin(async move {
        let now = context.clock().now();
        let language = language(request.header("accept-language").as_deref());
        let call = Call { context, request, language, now, counted: OnceLock::new(), slid: OnceLock::new() };
        let mut answer = match call.routed() {
            Ok(Some(preflight)) => preflight,
            Ok(None) => work(&call).await.unwrap_or_else(|problem| problem.answer(language)),
            Err(problem) => problem.answer(language),
        };
        if let Some(counted) = call.counted.get() {
            answer = counted.headers(answer);
        }
        if let Some(cookie) = call.slid.get()
            && answer.headers.iter().all(|(name, _)| *name != "Set-Cookie")
        {
            answer = answer.header("Set-Cookie", cookie.clone());
        }
        call.cors(answer)
    })
}

impl Call {
    /// Steps 1 and 2; an answer when the request is a preflight of an allowed origin.
    fn routed(&self) -> Result<Option<Answer>, Problem> {
        if self.request.method == "OPTIONS" && self.allowed_origin().is_some() {
            let answer = json_answer(200, &json!({"ok": true}))
                .header("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
                .header("Access-Control-Allow-Headers", "Content-Type, X-API-Key, Accept-Language, Last-Event-ID")
                .header("Access-Control-Max-Age", "600");
            return Ok(Some(answer));
        }
        let methods = methods(&routes::ROUTES, &self.request.path).ok_or(Detail::Route)?;
        if !methods.contains(&self.request.method.as_str()) {
            return Err(Detail::Method(methods.join(", ")).into());
        }
        let creates_jobs = self.request.method == "POST" && self.request.path.starts_with("/api/jobs");
        let most = if creates_jobs { fields::MOST_JOB_BODY } else { fields::MOST_BODY };
        if self.request.body.len() > most {
            return Err(Detail::TooLarge.into());
        }
        Ok(None)
    }

    /// The origin of the request, if the configuration lists it (outsend 2.1).
    fn allowed_origin(&self) -> Option<String> {
        let origin = self.request.header("origin")?;
        self.context.settings().outsend_cors_origins.contains(&origin).then_some(origin)
    }

    fn cors(&self, answer: Answer) -> Answer {
        if self.context.settings().outsend_cors_origins.is_empty() {
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

    /// The public base URL, without `/api`.
    pub(super) fn base(&self) -> String {
        origin::public_origin(
            self.context.settings().outsend_public_url.as_deref(),
            self.request.header("x-forwarded-proto").as_deref(),
            None,
            self.request.header("host").as_deref(),
        )
    }

    /// Step 4: refuses what another site's page sent (outsend 4.2).
    pub(super) fn same_site(&self) -> Result<(), Problem> {
        let cross = self.request.header("sec-fetch-site").is_some_and(|site| site == "cross-site");
        let foreign = self.request.header("origin").is_some_and(|origin| {
            let base = self.base();
            let own = base
                .split_once("://")
                .map(|(scheme, rest)| format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()));
            Some(&origin) != own.as_ref() && !self.context.settings().outsend_cors_origins.contains(&origin)
        });
        if cross || foreign { Err(Detail::CrossSite.into()) } else { Ok(()) }
    }

    /// Step 6: counts the request against `policy` in `bucket`.
    pub(super) async fn charge(&self, policy: Policy, bucket: &str) -> Result<(), Problem> {
        let attempt = self.context.limits().attempt(bucket, policy.seconds, self.now).await?;
        self.settle(policy, attempt.under(policy.limit))
    }

    /// Notes what a policy said, and refuses the request when it is over the limit.
    pub(super) fn settle(&self, policy: Policy, verdict: crate::limits::Verdict) -> Result<(), Problem> {
        let _ = self.counted.set(Counted { policy, verdict });
        if verdict.passed { Ok(()) } else { Err(Detail::Rate(verdict.reset_seconds).into()) }
    }

    /// The value of the session cookie, if one was sent.
    pub(super) fn cookie(&self) -> Option<String> {
        let header = self.request.header("cookie")?;
        header.split([';', ',']).find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE).then(|| value.to_owned())
        })
    }

    /// `Set-Cookie` with `value`; an empty one ends the cookie (outsend 4.1).
    pub(super) fn set_cookie(&self, value: &str) -> String {
        let base = self.base();
        let host = base.strip_prefix("http://").map(|rest| rest.split([':', '/']).next().unwrap_or_default());
        let secure = if matches!(host, Some("localhost" | "127.0.0.1")) { "" } else { "; Secure" };
        let age = if value.is_empty() { 0 } else { SESSION_LENGTH.whole_seconds() };
        format!("{COOKIE}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax{secure}")
    }

    /// The address that the request counts for: IPv6 is cut to its /64 (outsend 5.2).
    pub(super) fn address(&self) -> String {
        crate::limits::counted_address(&self.request.source_ip)
    }

    /// A record of what `actor` did, for the audit trail.
    pub(super) fn record(&self, action: Action, actor: &User, detail: Value) -> AuditEntry {
        AuditEntry {
            id: AuditId::at(self.now),
            action,
            actor: Some(actor.id),
            role: Some(actor.role),
            object: None,
            detail,
            request_id: self.request.request_id.clone(),
            at: self.now,
        }
    }

    /// Steps 3 to 6 of an authenticated route.
    pub(super) async fn caller(&self, gates: auth::Gates, policy: Option<Policy>) -> Result<auth::Caller, Problem> {
        auth::caller(self, gates, policy).await
    }
}
