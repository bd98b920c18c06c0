//! One request on its way through the checks, in the contract's order (openscouter 2.5).

use std::sync::OnceLock;

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    envelope::Problem,
    limits::{Counted, Policy, UNAUTHENTICATED},
};
use crate::{
    BoxFuture,
    attempts::Origin,
    context::Context,
    http::Request,
    limits::{Limits, Verdict, counted_address},
    model::{Action, AuditEntry, AuditId, Locale, User},
};

/// A request with what was found out about it so far.
#[derive(Debug)]
pub struct RequestContext {
    /// What the function works with.
    pub context: Context,
    /// The request.
    pub request: Request,
    /// The time at which it came.
    pub now: OffsetDateTime,
    /// What the rate policy said, for the headers of every answer.
    counted: OnceLock<Counted>,
}

impl RequestContext {
    /// A request that nothing is known of yet.
    #[must_use]
    pub fn new(context: Context, request: Request) -> Self {
        let now = context.clock().now();
        Self { context, request, now, counted: OnceLock::new() }
    }

    /// What the rate policy said of the request so far.
    pub(super) fn counted(&self) -> Option<&Counted> {
        self.counted.get()
    }

    /// A parameter of the path by its name in the template; empty when the route has none of that name.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.request.path_parameter(name)
    }

    /// The public base URL, without `/api`: the issuer of tokens (openscouter 1.3).
    #[must_use]
    pub fn base(&self) -> String {
        self.request.public_base(self.context.settings().openscouter.public_url.as_deref(), None)
    }

    /// Whether clients reach this API over TLS: then cookies are for it alone.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.base().starts_with("https://")
    }

    /// The language of pages and mails (openscouter 7.3).
    #[must_use]
    pub fn language(&self) -> Locale {
        Locale::preferred(self.request.header("accept-language").as_deref())
    }

    /// Notes what a policy said, and refuses the request when it is over the limit.
    ///
    /// # Errors
    /// 429 when it is.
    pub fn apply_verdict(&self, policy: Policy, verdict: Verdict) -> Result<(), Problem> {
        let _ = self.counted.set(Counted { policy, verdict });
        if verdict.passed { Ok(()) } else { Err(Problem::Limited("Rate limit exceeded", verdict.reset_seconds)) }
    }

    /// The address that the request counts for: IPv6 is cut to its /64 (openscouter 2.8).
    #[must_use]
    pub fn address(&self) -> String {
        counted_address(&self.request.source_ip)
    }

    /// Where an attempt at a password is made.
    #[must_use]
    pub fn attempt(&self) -> Origin {
        let (address, audit_id) = (self.address(), self.request.audit_id.clone());
        Origin { dialect: "openscouter", address, audit_id, now: self.now }
    }

    /// Steps 4 and 5 of an anonymous endpoint: counts the request for its address. A failure of the counter lets
    /// the request through (openscouter 2.8).
    ///
    /// # Errors
    /// 429 when the address has no requests left.
    pub fn anonymous(&self) -> BoxFuture<'_, Result<(), Problem>> {
        let bucket = format!("openscouter/address/{}", self.address());
        self.check_rate_limit(UNAUTHENTICATED, bucket, 1)
    }

    /// Counts a request under a policy (openscouter 2.8); a failure of the counter lets it through.
    ///
    /// # Errors
    /// 429 when it is over the limit.
    pub fn check_rate_limit(&self, policy: Policy, bucket: String, cost: u32) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            match self.context.limits().take_many(&bucket, cost, policy.limit, self.now).await {
                Ok(taken) => self.apply_verdict(policy, Limits::verdict(taken, policy.limit, self.now)),
                Err(error) => {
                    tracing::error!(cause = %error, "request not counted");
                    Ok(())
                }
            }
        })
    }

    /// A record of what was done, for the audit trail (openscouter 17).
    #[must_use]
    pub fn record(&self, action: Action, actor: Option<&User>, object: Option<String>, detail: Value) -> AuditEntry {
        AuditEntry {
            id: AuditId::at(self.now),
            action,
            actor: actor.map(|user| user.id),
            role: actor.map(|user| user.role),
            object,
            detail,
            request_id: self.request.audit_id.clone(),
            at: self.now,
        }
    }
}
