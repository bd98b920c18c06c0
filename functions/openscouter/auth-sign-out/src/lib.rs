//! `POST /api/auth/sign-out`: ends a sign-in (openscouter 7).

mod page;

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, Family},
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller, CredentialKind},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        sign_ins::{read_refresh_token, was_issued},
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(sign_out(cx, caller)))
        .with_form(&page::PAGE);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedOut {
    signed_out: bool,
}

async fn sign_out(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let named = named_family(cx, &Fields::read(&cx.request)?).await?;
    let user = &caller.account.user;
    // the access token's own sign-in ends in any case, so that the token is refused from now on
    let mut ended = Vec::new();
    if let CredentialKind::Jwt(family) = &caller.credential {
        ended.push(family.clone());
    }
    if let Some(family) = named
        && family.user == user.id
        && ended.iter().all(|known| known.id != family.id)
    {
        ended.push(family);
    }
    let audit = cx.record(Action::SignOut, Some(user), None, json!({}));
    cx.context.store().end_families(&ended, &audit).await?;
    Ok(success(200, &SignedOut { signed_out: true }))
}

/// The sign-in that the body's refresh token names, if there is such a token and the sign-in has not ended.
async fn named_family(cx: &RequestContext, fields: &Fields) -> Result<Option<Family>, Problem> {
    if fields.optional("refreshToken").is_none() {
        return Ok(None);
    }
    let token = fields.secret("refreshToken")?;
    let Some((id, _)) = read_refresh_token(&token) else { return Ok(None) };
    Ok(cx.context.store().family(id).await?.filter(|family| was_issued(family, &token)))
}
