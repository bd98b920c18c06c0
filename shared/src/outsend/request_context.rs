//! One request on its way through the checks, in the contract's order (outsend 2.4).

use std::sync::OnceLock;

use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{
    envelope::Problem,
    limits::{Counted, Policy},
    messages::Detail,
};
use crate::{
    BoxFuture,
    attempts::Origin,
    context::Context,
    http::{Request, origin},
    limits::{Verdict, counted_address},
    model::{Action, AuditEntry, AuditId, Locale, User},
};

/// A session's length (outsend 4.1).
pub const SESSION_LENGTH: Duration = Duration::days(7);
/// Name of the session cookie (outsend 4.1).
pub(super) const COOKIE: &str = "outsend_session";

/// A request with what was found out about it so far.
#[derive(Debug)]
pub struct RequestContext {
    /// What the function works with.
    pub context: Context,
    /// The request.
    pub request: Request,
    /// The language of its texts (outsend 2.5).
    pub language: Locale,
    /// The time at which it came.
    pub now: OffsetDateTime,
    /// What the rate policy said, for the headers of every answer.
    pub(super) counted: OnceLock<Counted>,
    /// The cookie to send again, because its end was moved.
    pub(super) slid: OnceLock<String>,
}

impl RequestContext {
    pub(super) fn new(context: Context, request: Request) -> Self {
        let now = context.clock().now();
        let language = Locale::preferred(request.header("accept-language").as_deref());
        Self { context, request, language, now, counted: OnceLock::new(), slid: OnceLock::new() }
    }

    /// A parameter of the path by its name in the template; empty when the route has none of that name.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.request.path_parameter(name)
    }

    /// The public base URL, without `/api`.
    #[must_use]
    pub fn base(&self) -> String {
        self.request.public_base(self.context.settings().outsend.public_url.as_deref(), None)
    }

    /// Step 4: refuses what another site's page sent (outsend 4.2).
    ///
    /// # Errors
    /// 403 when another site sent it.
    pub fn same_site(&self) -> Result<(), Problem> {
        let others = &self.context.settings().outsend.cors_origins;
        let foreign = self.request.is_foreign(&self.base(), others);
        if foreign { Err(Detail::CrossSite.into()) } else { Ok(()) }
    }

    /// Step 6: counts the request against `policy` in `bucket` (outsend 5.2).
    ///
    /// # Errors
    /// 429 when the request is over the limit; when the store fails.
    pub fn check_rate_limit(&self, policy: Policy, bucket: String) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            let attempt = self.context.limits().attempt(&bucket, policy.seconds, self.now).await?;
            self.apply_verdict(policy, attempt.under(policy.limit))
        })
    }

    /// Notes what a policy said, for the headers of the answer.
    ///
    /// # Errors
    /// 429 when the request is over the limit.
    pub fn apply_verdict(&self, policy: Policy, verdict: Verdict) -> Result<(), Problem> {
        let _ = self.counted.set(Counted { policy, verdict });
        if verdict.passed { Ok(()) } else { Err(Detail::Rate(verdict.reset_seconds).into()) }
    }

    /// The value of the session cookie, if one was sent.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.request.cookie(COOKIE)
    }

    /// `Set-Cookie` with `value`; an empty one ends the cookie (outsend 4.1).
    #[must_use]
    pub fn set_cookie(&self, value: &str) -> String {
        let base = self.base();
        let host = base.strip_prefix("http://").map(|rest| rest.split([':', '/']).next().unwrap_or_default());
        let secure = if matches!(host, Some("localhost" | "127.0.0.1")) { "" } else { "; Secure" };
        // what a page on another site sends goes without a cookie that is not made for it
        let own = origin::of(&base);
        let mut others = self.context.settings().outsend.cors_origins.iter();
        let (site, secure) =
            if others.all(|origin| origin::is_one_site(origin, &own)) { ("Lax", secure) } else { ("None", "; Secure") };
        let age = if value.is_empty() { 0 } else { SESSION_LENGTH.whole_seconds() };
        format!("{COOKIE}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite={site}{secure}")
    }

    /// The address that the request counts for: IPv6 is cut to its /64 (outsend 5.2).
    #[must_use]
    pub fn address(&self) -> String {
        counted_address(&self.request.source_ip)
    }

    /// Where an attempt at a password is made.
    #[must_use]
    pub fn attempt(&self) -> Origin {
        let (address, audit_id) = (self.address(), self.request.audit_id.clone());
        Origin { dialect: "outsend", address, audit_id, now: self.now }
    }

    /// A record of what `actor` did, for the audit trail.
    #[must_use]
    pub fn record(&self, action: Action, actor: &User) -> AuditEntry {
        AuditEntry {
            id: AuditId::at(self.now),
            action,
            actor: Some(actor.id),
            role: Some(actor.role),
            object: None,
            detail: json!({"dialect": "outsend"}),
            request_id: self.request.audit_id.clone(),
            at: self.now,
        }
    }
}
