//! `GET /api/auth/me`: the caller's account, and what the month has used (outsend 6.2).

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use shared::{
    BoxFuture,
    http::Response,
    model::UserId,
    outsend::{
        self, PreloadedEndpoint,
        access::{Access, Caller},
        authentication::known_user,
        envelope::{Problem, json_answer},
        format::{ef, timestamp},
        request_context::RequestContext,
        users::{UserView, view},
    },
    store::StoreError,
};

/// The function.
pub const FUNCTION: PreloadedEndpoint<KnownUse> =
    outsend::preloaded(env!("CARGO_PKG_NAME"), Access::ANY, requests_used, |cx, caller, known| {
        Box::pin(me(cx, caller, known))
    });

/// What the month has used of the user whom this process knows by the credential, if it knows one.
type KnownUse = Result<Option<(UserId, u64)>, StoreError>;

#[derive(Serialize)]
struct Me<'a> {
    ok: bool,
    user: UserView<'a>,
    quota: Quota,
}

/// The quota of the UTC calendar month (outsend 6.1).
#[derive(Serialize)]
struct Quota {
    ef_used: f64,
    ef_limit: Option<f64>,
    period_start: String,
    period_end: String,
}

fn requests_used(cx: &RequestContext) -> BoxFuture<'_, KnownUse> {
    Box::pin(async {
        let Some(user) = known_user(cx) else { return Ok(None) };
        cx.context.store().requests_used(user, cx.now).await.map(|used| Some((user, used)))
    })
}

async fn me(cx: &RequestContext, caller: Caller, known: KnownUse) -> Result<Response, Problem> {
    let account = &caller.account;
    let store = cx.context.store();
    let used = match known? {
        Some((user, used)) if user == account.user.id => used,
        _ => store.requests_used(account.user.id, cx.now).await?,
    };
    let (start, end) = month_of(cx.now).ok_or_else(|| Problem::Crash("no month".to_owned()))?;
    let quota = Quota {
        ef_used: ef(used),
        ef_limit: store.quota(account.organization.plan).map(ef),
        period_start: timestamp(start),
        period_end: timestamp(end),
    };
    Ok(json_answer(200, &Me { ok: true, user: view(account), quota }))
}

/// The UTC calendar month of `now`: its first instant and that of the next.
fn month_of(now: OffsetDateTime) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let start = now.date().replace_day(1).ok()?;
    let next = (start + Duration::days(32)).replace_day(1).ok()?;
    Some((start.midnight().assume_utc(), next.midnight().assume_utc()))
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;

    #[test]
    fn months() {
        let at = |text: &str| OffsetDateTime::parse(text, &Rfc3339).unwrap();
        let (start, end) = month_of(at("2026-12-31T23:59:59Z")).unwrap();
        assert_eq!((timestamp(start), timestamp(end)), ("2026-12-01T00:00:00Z".into(), "2027-01-01T00:00:00Z".into()));
        let (start, end) = month_of(at("2028-02-01T00:00:00Z")).unwrap();
        assert_eq!((timestamp(start), timestamp(end)), ("2028-02-01T00:00:00Z".into(), "2028-03-01T00:00:00Z".into()));
    }
}
