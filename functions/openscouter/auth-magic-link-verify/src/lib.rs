//! `POST /api/auth/magic-link/verify`: a one-time token for tokens (openscouter 7).

mod page;

use std::future::ready;

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, TokenKind},
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        sign_ins::{self, SessionData},
        users::redeem,
    },
    store::{ChangeWith, CurrentUser, Network, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(verify(cx))).with_form(&page::PAGE);

async fn verify(cx: &RequestContext) -> Result<Response, Problem> {
    let token = Fields::read(&cx.request)?.secret("token")?;
    let kinds = [TokenKind::Magic, TokenKind::Callback];
    let data = redeem(cx, &token, &kinds, &|current| Box::pin(ready(sign_in(cx, current)))).await?;
    Ok(success(200, &data))
}

/// Signs the token's user in.
fn sign_in(cx: &RequestContext, current: CurrentUser) -> Result<UserUpdate<SessionData>, Problem> {
    let CurrentUser { mut account, token } = current;
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    account.user.confirm_without_password();
    let (family, data) = sign_ins::open(cx, &account)?;
    let detail = json!({"method": token.map(|token| token.kind.as_str())});
    let audit = cx.record(Action::SignIn, Some(&account.user), None, detail);
    let network = Network::of(&account.user, cx.address(), cx.now);
    let with = ChangeWith { family: Some(family), audit: Some(audit), network, ..ChangeWith::default() };
    Ok(UserUpdate::change(account.user, with, data))
}
