//! The rate policies (openscouter 2.8) and their headers.

use crate::{api::Answer, limits::Verdict, model::Plan};

/// A rate policy: requests in a window of 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) name: &'static str,
    pub(super) limit: u32,
}

pub(super) const UNAUTHENTICATED: Policy = Policy { name: "unauthenticated", limit: 30 };

/// Events of a webhook's source.
pub(super) const WEBHOOK: Policy = Policy { name: "webhook", limit: 1_000 };

/// The policy of a caller's plan.
pub(super) const fn tier(plan: Plan) -> Policy {
    match plan {
        Plan::Free => Policy { name: "free", limit: 120 },
        Plan::Pro => Policy { name: "pro", limit: 600 },
    }
}

/// What a policy said of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) policy: Policy,
    pub(super) verdict: Verdict,
}

impl Counted {
    pub(super) fn headers(&self, answer: Answer) -> Answer {
        let Policy { name, limit } = self.policy;
        let Verdict { remaining, reset_seconds, .. } = self.verdict;
        answer
            .header("RateLimit-Policy", format!("\"{name}\";q={limit};w=60"))
            .header("RateLimit", format!("\"{name}\";r={remaining};t={reset_seconds}"))
    }
}
