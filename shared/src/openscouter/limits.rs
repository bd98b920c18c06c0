//! The rate policies (openscouter 2.8) and their headers.

use crate::{http::Response, limits::Verdict, model::Plan};

/// A rate policy: requests in a window of 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name in the headers.
    pub name: &'static str,
    /// Requests that a window has.
    pub limit: u32,
}

/// Requests without a credential, of one address.
pub const UNAUTHENTICATED: Policy = Policy { name: "unauthenticated", limit: 30 };

/// Events of a webhook's source.
pub const WEBHOOK: Policy = Policy { name: "webhook", limit: 1_000 };

/// The policy of a caller's plan.
#[must_use]
pub const fn tier(plan: Plan) -> Policy {
    match plan {
        Plan::Free => Policy { name: "free", limit: 120 },
        Plan::Pro => Policy { name: "pro", limit: 600 },
    }
}

/// What a policy said of a request.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// The policy.
    pub policy: Policy,
    /// What is left of it.
    pub verdict: Verdict,
}

impl Counted {
    /// The answer with the policy's headers.
    #[must_use]
    pub fn headers(&self, answer: Response) -> Response {
        let Policy { name, limit } = self.policy;
        let Verdict { remaining, reset_seconds, .. } = self.verdict;
        answer
            .header("RateLimit-Policy", format!("\"{name}\";q={limit};w=60"))
            .header("RateLimit", format!("\"{name}\";r={remaining};t={reset_seconds}"))
    }
}
