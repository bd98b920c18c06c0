//! What both grants share: who holds one, what it is for, and the tokens that it gives.

use serde::Serialize;
use shared::{
    http::Response,
    model::{Account, Connection, UserId},
    openscouter::{
        envelope::{Problem, json_answer},
        oauth::{Form, audience_of, refusal},
        request_context::RequestContext,
    },
};
use time::Duration;

/// Seconds that an access token works.
pub(crate) const ACCESS_SECONDS: i64 = 3_600;
/// What a refresh token begins with.
pub(crate) const REFRESH_PREFIX: &str = "osrt_";
/// How long a refresh token works.
pub(crate) const REFRESH_LENGTH: Duration = Duration::days(30);

/// New tokens (RFC 6749).
#[derive(Serialize)]
struct TokensView<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: &'a str,
    scope: &'static str,
}

pub(crate) fn tokens(access: &str, refresh: &str, draft: bool) -> Response {
    let view = TokensView {
        access_token: access,
        token_type: "Bearer",
        expires_in: ACCESS_SECONDS,
        refresh_token: refresh,
        scope: Connection::scope(draft),
    };
    json_answer(200, &view).header("Cache-Control", "no-store")
}

pub(crate) fn invalid_grant() -> Problem {
    refusal(400, "invalid_grant", "the grant is unknown, expired, used or another client's")
}

/// The account behind a grant, unless it may not use it any more.
pub(crate) async fn holder(cx: &RequestContext, user: UserId) -> Result<Account, Problem> {
    let account = cx.context.store().account(user).await?;
    account.filter(|account| account.user.active).ok_or_else(invalid_grant)
}

/// Checks that a form's `resource`, if there is one, is what the grant is for.
pub(crate) fn check_resource(cx: &RequestContext, form: &Form, audience: &str) -> Result<(), Problem> {
    match form.optional("resource") {
        Some(resource) if audience_of(cx, resource).as_deref() != Some(audience) => {
            Err(refusal(400, "invalid_target", "resource is not what was asked for"))
        }
        _ => Ok(()),
    }
}
