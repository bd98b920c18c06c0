//! Who is calling: key, scope and rate limit (outset 3, steps 3 to 5). The key's read and the
//! bucket's update go out together.

use time::OffsetDateTime;

use super::envelope::Problem;
use crate::{
    BoxFuture,
    config::OutsetLimits,
    context::Context,
    http::Request,
    limits::{Limits, Started, Verdict},
    model::{ApiKey, Plan, Scope},
    secret::{KeyHash, PlainKey},
    store::KeyWithPlan,
};

/// A request's caller; only [`authenticate`] makes one.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) key: ApiKey,
    plan: Plan,
    bucket: String,
    started: Option<Started>,
}

/// What a bucket said, under its policy's name (outset 13.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) policy: &'static str,
    pub(super) verdict: Verdict,
}

/// A refusal, and what the bucket said if one was reached.
pub(super) type Refusal = (Problem, Option<Counted>);

fn limit_of(limits: OutsetLimits, plan: Plan) -> u32 {
    match plan {
        Plan::Free => limits.free,
        Plan::Pro => limits.pro,
    }
}

/// Reads `Authorization` (outset 5.1).
fn credential(request: &Request) -> Result<PlainKey, Problem> {
    let header = request.header("authorization").unwrap_or_default();
    let mut words = header.split_whitespace();
    match words.next() {
        Some(scheme) if scheme.eq_ignore_ascii_case("api-key") => {}
        _ => return Err(Problem::NotAuthenticated),
    }
    let (Some(key), None) = (words.next(), words.next()) else { return Err(Problem::AuthenticationFailed) };
    PlainKey::parse(key).ok_or(Problem::AuthenticationFailed)
}

/// Steps 3 and 4: the key and its scope. The bucket's first update is under way with the read, and
/// so is what the operation reads first, which nobody sees unless the caller turns out to be allowed to.
pub(super) async fn authenticate<'a, T>(
    context: &'a Context,
    request: &'a Request,
    now: OffsetDateTime,
    first: impl FnOnce(KeyHash) -> BoxFuture<'a, T>,
) -> Result<(Caller, T), Refusal> {
    let key = match credential(request) {
        Ok(key) => key,
        Err(problem) => return Err(anonymous(context, request, problem, now).await),
    };
    let hash = key.hash();
    let bucket = format!("outset/key/{}", hash.as_str());
    let limits = context.settings().outset.limits;
    let start = async {
        if limits.free == 0 && limits.pro == 0 {
            return Ok(None);
        }
        context.limits().start(&bucket, now).await.map(Some)
    };
    let (found, started, first) =
        futures_util::future::join3(context.store().key_by_hash(&hash), start, first(hash.clone())).await;
    let found = found.map_err(|error| (Problem::from(error), None))?;
    let started = started.map_err(|error| (Problem::from(error), None))?;
    let Some(KeyWithPlan { key, plan }) = found.filter(|found| found.key.works_at(now)) else {
        return Err(anonymous(context, request, Problem::AuthenticationFailed, now).await);
    };
    let needed = if request.is_safe() { Scope::StudiesRead } else { Scope::StudiesWrite };
    if !key.has(needed) {
        // the limit's step was not reached, so the request does not count
        if let Some(started) = started.filter(Limits::counted) {
            let refunded = context.limits().refund(&bucket, started, now).await;
            refunded.map_err(|error| (Problem::from(error), None))?;
        }
        return Err((Problem::PermissionDenied(needed), None));
    }
    Ok((Caller { key, plan, bucket, started }, first))
}

/// A request without a usable key counts for its source address, and is told to wait when that is exhausted (outset 12).
async fn anonymous(context: &Context, request: &Request, problem: Problem, now: OffsetDateTime) -> Refusal {
    match check_address_limit(context, request, now).await {
        Ok(counted) => (problem, counted),
        Err(refusal) => refusal,
    }
}

/// Counts a request for its source address.
pub(super) async fn check_address_limit(
    context: &Context,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Option<Counted>, Refusal> {
    let limit = context.settings().outset.limits.anonymous;
    if limit == 0 {
        return Ok(None);
    }
    let bucket = format!("outset/address/{}", request.source_ip);
    let verdict = context.limits().charge(&bucket, limit, now).await.map_err(|error| (Problem::from(error), None))?;
    let counted = Counted { policy: "anonymous", verdict };
    if verdict.passed { Ok(Some(counted)) } else { Err((Problem::Throttled(verdict.reset_seconds), Some(counted))) }
}

impl Caller {
    /// Step 5: the key's limit. `work` goes on beside what is left to be written for it, and its
    /// outcome counts only if the request passes.
    pub(super) async fn admit<T>(
        &mut self,
        context: &Context,
        now: OffsetDateTime,
        work: impl Future<Output = T>,
    ) -> Result<(T, Option<Counted>), Refusal> {
        let limit = limit_of(context.settings().outset.limits, self.plan);
        let started = self.started.take();
        let settle = async {
            match started {
                Some(started) if limit > 0 => {
                    context.limits().settle(&self.bucket, started, limit, now).await.map(Some)
                }
                _ => Ok(None),
            }
        };
        let touch = context.store().touch_key(&self.key, now);
        let (verdict, touched, outcome) = futures_util::future::join3(settle, touch, work).await;
        if let Err(error) = touched {
            tracing::warn!(cause = %error, "last use of a key not noted");
        }
        let verdict = verdict.map_err(|error| (Problem::from(error), None))?;
        let counted = verdict.map(|verdict| Counted { policy: self.plan.as_str(), verdict });
        match counted {
            Some(Counted { verdict, .. }) if !verdict.passed => {
                Err((Problem::Throttled(verdict.reset_seconds), counted))
            }
            _ => Ok((outcome, counted)),
        }
    }
}
