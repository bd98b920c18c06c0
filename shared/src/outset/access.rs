//! Who is calling: key, scope and rate limit (outset 3, steps 3 to 5). The key's read and the bucket's update go out
//! together.

use super::{envelope::Problem, request_context::RequestContext};
use crate::{
    BoxFuture,
    config::OutsetLimits,
    http::Request,
    limits::{self, Limits, Started, counted_address},
    model::{ApiKey, OrganizationId, Owner, Plan, Scope},
    secret::{KeyHash, PlainKey},
    store::KeyWithPlan,
};

/// A request's caller, whose key works and has the scope that the method needs.
#[derive(Debug)]
pub struct Caller {
    /// The key.
    pub key: KeyHash,
    /// The organization that the key belongs to: nothing of another one is shown.
    pub organization: OrganizationId,
}

/// What is left to be counted for a caller's request.
#[derive(Debug)]
pub(super) struct Admission {
    key: ApiKey,
    plan: Plan,
    bucket: String,
    started: Option<Started>,
}

fn limit_of(limits: OutsetLimits, plan: Plan) -> u32 {
    match plan {
        Plan::Free => limits.free,
        Plan::Pro => limits.pro,
    }
}

/// All keys of an organization share its limit (outset 12).
fn bucket_of(organization: OrganizationId) -> String {
    limits::of(Owner::Organization(organization), "outset/keys")
}

/// The key that a request presents in `Authorization` (outset 5.1). It is looked up nowhere.
///
/// # Errors
/// 401: what is wrong with the header.
pub fn credential(request: &Request) -> Result<PlainKey, Problem> {
    let header = request.header("authorization").unwrap_or_default();
    let mut words = header.split_whitespace();
    match words.next() {
        Some(scheme) if scheme.eq_ignore_ascii_case("api-key") => {}
        _ => return Err(Problem::NotAuthenticated),
    }
    let (Some(key), None) = (words.next(), words.next()) else { return Err(Problem::AuthenticationFailed) };
    PlainKey::parse(key).ok_or(Problem::AuthenticationFailed)
}

/// The hash of the key that was sent. Without one the request counts for its address.
///
/// # Errors
/// 401, or 429 when the address has sent too much.
pub(super) fn presented_key(cx: &RequestContext) -> BoxFuture<'_, Result<KeyHash, Problem>> {
    Box::pin(async move {
        match credential(&cx.request) {
            Ok(key) => Ok(key.hash()),
            Err(problem) => Err(anonymous(cx, problem).await),
        }
    })
}

/// Steps 3 and 4: the key and its scope. The bucket's first update is under way with the key's read.
///
/// # Errors
/// 401, 403, or 429 for an address.
pub(super) fn authenticate<'a>(
    cx: &'a RequestContext,
    hash: &'a KeyHash,
) -> BoxFuture<'a, Result<(Caller, Admission), Problem>> {
    Box::pin(async move {
        let context = &cx.context;
        let known = context.store().known_tenant(hash);
        let early = known.map(|(organization, _)| bucket_of(organization));
        // by the plan of earlier requests: one that has a limit by now is counted when that is known
        let limited = known.is_some_and(|(_, plan)| limit_of(context.settings().outset.limits, plan) > 0);
        let start = async {
            match early.as_ref().filter(|_| limited) {
                Some(bucket) => context.limits().start(bucket, cx.now).await.map(Some),
                None => Ok(None),
            }
        };
        let (found, started) = futures_util::future::join(context.store().key_by_hash(hash), start).await;
        let (found, started) = (found?, started?);
        let Some(KeyWithPlan { key, plan }) = found.filter(|found| found.key.works_at(cx.now)) else {
            // a key that ended takes nothing of its organization's limit
            if let (Some(bucket), Some(started)) = (&early, started.filter(Limits::counted)) {
                context.limits().refund(bucket, started, cx.now).await?;
            }
            return Err(anonymous(cx, Problem::AuthenticationFailed).await);
        };
        let bucket = early.unwrap_or_else(|| bucket_of(key.organization));
        let needed = if cx.request.is_safe() { Scope::StudiesRead } else { Scope::StudiesWrite };
        if !key.has(needed) {
            // the limit's step was not reached, so the request does not count
            if let Some(started) = started.filter(Limits::counted) {
                context.limits().refund(&bucket, started, cx.now).await?;
            }
            return Err(Problem::PermissionDenied(needed));
        }
        let caller = Caller { key: key.hash.clone(), organization: key.organization };
        Ok((caller, Admission { key, plan, bucket, started }))
    })
}

/// A request without a usable key counts for its source address, and is told to wait when that is exhausted (outset 12).
async fn anonymous(cx: &RequestContext, problem: Problem) -> Problem {
    check_address_limit(cx).await.err().unwrap_or(problem)
}

/// Counts a request for its source address.
///
/// # Errors
/// 429.
pub(super) fn check_address_limit(cx: &RequestContext) -> BoxFuture<'_, Result<(), Problem>> {
    Box::pin(async move {
        let limit = cx.context.settings().outset.limits.anonymous;
        if limit == 0 {
            return Ok(());
        }
        let bucket = format!("outset/address/{}", counted_address(&cx.request.source_ip));
        let verdict = cx.context.limits().charge(&bucket, limit, cx.now).await?;
        cx.apply_verdict("anonymous", verdict)
    })
}

impl Admission {
    /// Step 5: the key's limit. The key's last use is noted meanwhile.
    ///
    /// # Errors
    /// 429.
    pub(super) fn check_rate_limit(self, cx: &RequestContext) -> BoxFuture<'_, Result<(), Problem>> {
        Box::pin(async move {
            let limit = limit_of(cx.context.settings().outset.limits, self.plan);
            let settle = async {
                match self.started {
                    _ if limit == 0 => Ok(None),
                    Some(started) => cx.context.limits().settle(&self.bucket, started, limit, cx.now).await.map(Some),
                    // a process that meets the key for the first time
                    None => cx.context.limits().charge(&self.bucket, limit, cx.now).await.map(Some),
                }
            };
            let touch = cx.context.store().touch_key(&self.key, cx.now);
            let (verdict, touched) = futures_util::future::join(settle, touch).await;
            if let Err(error) = touched {
                tracing::warn!(cause = %error, "last use of a key not noted");
            }
            match verdict? {
                None => Ok(()),
                Some(verdict) => cx.apply_verdict(self.plan.as_str(), verdict),
            }
        })
    }
}
