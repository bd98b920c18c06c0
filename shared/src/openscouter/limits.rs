//! The rate policies (openscouter 2.8) and their headers.

use crate::{http::Response, limits::Verdict, model::Plan};

/// A rate policy: requests in a window of 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: &'static str,
    pub limit: u32,
}

pub const UNAUTHENTICATED: Policy = Policy { name: "unauthenticated", limit: 30 };

/// Events of a webhook's source.
pub const WEBHOOK: Policy = Policy { name: "webhook", limit: 1_000 };

/// The policy of a caller's plan.
pub const fn tier(plan: Plan) -> Policy {
    match plan {
        Plan::Free => Policy { name: "free", limit: 120 },
        Plan::Pro => Policy { name: "pro", limit: 600 },
    }
}

/// What a policy said of a request.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pub policy: Policy,
    pub verdict: Verdict,
}

impl Counted {
    pub fn headers(&self, answer: Response) -> Response {
        let Policy { name, limit } = self.policy;
        let Verdict { remaining, reset_seconds, .. } = self.verdict;
        answer
            .header("RateLimit-Policy", format!("\"{name}\";q={limit};w=60"))
            .header("RateLimit", format!("\"{name}\";r={remaining};t={reset_seconds}"))
    }
}
