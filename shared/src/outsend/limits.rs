//! The rate policies (outsend 5.1) and their headers.

use crate::{http::Response, limits::Verdict, model::Plan};

/// A rate policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Name in the headers.
    pub name: &'static str,
    /// Attempts in a window.
    pub limit: u32,
    /// Length of a window.
    pub seconds: u32,
}

const fn policy(name: &'static str, limit: u32, seconds: u32) -> Policy {
    Policy { name, limit, seconds }
}

pub const SIGN_UP: Policy = policy("signup", 3, 3_600);
pub const LOGIN: Policy = policy("login", 5, 900);
pub const PASSWORD_CHANGE: Policy = policy("pwchange", 5, 3_600);
pub const RESET: Policy = policy("reset", 3, 3_600);
pub const RESEND: Policy = policy("resend", 3, 3_600);
pub const TOKEN: Policy = policy("token", 10, 900);
pub const FEEDBACK: Policy = policy("feedback", 20, 3_600);
pub const JOBS: Policy = policy("jobs", 30, 60);
pub const ANONYMOUS: Policy = policy("anon", 30, 60);
const FREE: Policy = policy("free", 120, 60);
const PRO: Policy = policy("pro", 600, 60);

/// Length of the window of both tiers.
pub const TIER_SECONDS: u32 = FREE.seconds;

/// The policy of a caller's tier.
pub const fn tier(plan: Plan) -> Policy {
    match plan {
        Plan::Free => FREE,
        Plan::Pro => PRO,
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
        let Policy { name, limit, seconds } = self.policy;
        let Verdict { remaining, reset_seconds, .. } = self.verdict;
        answer
            .header("RateLimit-Policy", format!("\"{name}\";q={limit};w={seconds}"))
            .header("RateLimit", format!("\"{name}\";r={remaining};t={reset_seconds}"))
    }
}
