//! The rate policies that several endpoints share (outsend 5.1), and their headers.

use serde_json::Value;

use super::fields::object;
use crate::{
    http::{Request, Response},
    limits::Verdict,
    model::{Email, Plan},
};

/// A rate policy (outsend 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Name in the headers.
    pub name: &'static str,
    /// Attempts in a window.
    pub limit: u32,
    /// Length of a window in seconds.
    pub seconds: u32,
}

impl Policy {
    /// `limit` attempts in each window of `seconds`.
    #[must_use]
    pub const fn new(name: &'static str, limit: u32, seconds: u32) -> Self {
        Self { name, limit, seconds }
    }
}

/// Creating jobs.
pub const JOBS: Policy = Policy::new("jobs", 30, 60);
/// Requests without valid credentials that have no policy of their own.
pub const ANONYMOUS: Policy = Policy::new("anon", 30, 60);
const FREE: Policy = Policy::new("free", 120, 60);
const PRO: Policy = Policy::new("pro", 600, 60);

/// Length in seconds of the window of both plans.
pub const TIER_SECONDS: u32 = FREE.seconds;

/// The policy of a caller's plan.
#[must_use]
pub const fn tier(plan: Plan) -> Policy {
    match plan {
        Plan::Free => FREE,
        Plan::Pro => PRO,
    }
}

/// The hash of the e-mail address that a body names, before anything of the body is checked: a part of the bucket that
/// a request counts in (outsend 5.2). A body without one counts for the empty address, as does one of another media type.
#[must_use]
pub fn named_email(request: &Request) -> String {
    let body = object(request, true).unwrap_or_default();
    let email = body.get("email").and_then(Value::as_str).unwrap_or_default();
    Email::typed(email).hash()
}

/// What a policy said of a request.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// The policy that the request counted against.
    pub policy: Policy,
    /// Whether it passed, and what is left.
    pub verdict: Verdict,
}

impl Counted {
    /// Adds the headers that tell it (outsend 5.2).
    #[must_use]
    pub fn headers(&self, answer: Response) -> Response {
        let Policy { name, limit, seconds } = self.policy;
        let Verdict { remaining, reset_seconds, .. } = self.verdict;
        answer
            .header("RateLimit-Policy", format!("\"{name}\";q={limit};w={seconds}"))
            .header("RateLimit", format!("\"{name}\";r={remaining};t={reset_seconds}"))
    }
}
