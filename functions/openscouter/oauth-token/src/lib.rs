//! `POST /api/oauth/token`: codes and refresh tokens for tokens (openscouter 8.1).

mod code;
mod refresh;

use serde::Serialize;
use time::Duration;

use shared::{
    http::Response,
    model::{Account, Connection, UserId},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, json_answer},
        oauth::{Form, audiences, refusal},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(token(cx)));

const ACCESS_SECONDS: i64 = 3_600;
const REFRESH_LENGTH: Duration = Duration::days(30);

async fn token(cx: &RequestContext) -> Result<Response, Problem> {
    let form = Form::read(&cx.request)?;
    match form.required("grant_type")? {
        "authorization_code" => code::exchange(cx, &form).await,
        "refresh_token" => refresh::exchange(cx, &form).await,
        _ => Err(refusal(400, "unsupported_grant_type", "authorization_code and refresh_token are supported")),
    }
}

/// New tokens (RFC 6749).
#[derive(Serialize)]
struct TokensView<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: &'a str,
    scope: &'static str,
}

fn tokens(access: &str, refresh: &str, draft: bool) -> Response {
    let view = TokensView {
        access_token: access,
        token_type: "Bearer",
        expires_in: ACCESS_SECONDS,
        refresh_token: refresh,
        scope: Connection::scope(draft),
    };
    json_answer(200, &view).header("Cache-Control", "no-store")
}

fn invalid_grant() -> Problem {
    refusal(400, "invalid_grant", "the grant is unknown, expired, used or another client's")
}

/// The account behind a grant, unless it may not use it any more.
async fn holder(cx: &RequestContext, user: UserId) -> Result<Account, Problem> {
    let account = cx.context.store().account(user).await?;
    account.filter(|account| account.user.active).ok_or_else(invalid_grant)
}

/// Checks that a form's `resource`, if there is one, is what the grant is for.
fn check_resource(cx: &RequestContext, form: &Form, audience: &str) -> Result<(), Problem> {
    match form.optional("resource") {
        Some(resource) if resource != audience || !audiences(cx).iter().any(|known| known == resource) => {
            Err(refusal(400, "invalid_target", "resource is not what was asked for"))
        }
        _ => Ok(()),
    }
}
