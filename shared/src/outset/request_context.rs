//! One request on its way through the checks, in the contract's order (outset 3).

use std::sync::OnceLock;

use time::OffsetDateTime;

use super::{envelope::Problem, rendering::Rendering};
use crate::{
    context::Context,
    http::{Request, Response},
    limits::Verdict,
    model::StudyId,
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
    /// How its answer is written (outset 9).
    pub rendering: Rendering,
    /// The study that the path names; `None` when the path has no id, or one that no study can have.
    pub study: Option<StudyId>,
    /// What its bucket said, for the headers of every answer.
    counted: OnceLock<Counted>,
}

/// What a bucket said, under its policy's name (outset 13.2).
#[derive(Clone, Copy, Debug)]
struct Counted {
    policy: &'static str,
    verdict: Verdict,
}

impl RequestContext {
    pub(super) fn new(context: Context, request: Request, study: Option<StudyId>, rendering: Rendering) -> Self {
        let now = context.clock().now();
        Self { context, request, now, rendering, study, counted: OnceLock::new() }
    }

    /// The origin and prefix that links are built on (outset 8.7).
    #[must_use]
    pub fn base(&self) -> String {
        let configured = self.context.settings().outset.public_url.as_deref();
        self.request.public_base(configured, self.request.header("x-forwarded-host").as_deref())
    }

    /// Notes what a bucket said, and refuses the request when it is over the limit.
    pub(super) fn apply_verdict(&self, policy: &'static str, verdict: Verdict) -> Result<(), Problem> {
        let _ = self.counted.set(Counted { policy, verdict });
        if verdict.passed { Ok(()) } else { Err(Problem::Throttled(verdict.reset_seconds)) }
    }

    /// `RateLimit-Policy` and `RateLimit`, when the request was counted (outset 13.2).
    pub(super) fn rate_limit_headers(&self, answer: Response) -> Response {
        let Some(Counted { policy, verdict }) = self.counted.get() else { return answer };
        let (limit, left, reset) = (verdict.limit, verdict.remaining, verdict.reset_seconds);
        answer
            .header("RateLimit-Policy", format!("\"{policy}\";q={limit};w=60"))
            .header("RateLimit", format!("\"{policy}\";r={left};t={reset}"))
    }
}
