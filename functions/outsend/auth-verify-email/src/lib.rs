//! `POST /api/auth/verify-email`: verifies an address with the token of a mail (outsend 6.2).

mod page;

use shared::{
    http::Response,
    model::{TokenKind, UserId},
    outsend::{
        self, Endpoint,
        authentication::session_hash,
        envelope::{Problem, done},
        fields::{Fields, object},
        request_context::RequestContext,
        sessions::new_session,
        tokens::{count, redeem},
    },
    store::{ChangeWith, Credential, CurrentUser, Principal, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), count, |cx| Box::pin(verify(cx))).with_form(&page::PAGE);

async fn verify(cx: &RequestContext) -> Result<Response, Problem> {
    let mut fields = Fields::new(object(&cx.request, true)?);
    let token = fields.text("token", 1, 128).unwrap_or_default();
    fields.finish()?;
    let session = user_of_session(cx).await?;
    let rule = |current| Box::pin(std::future::ready(verified(cx, session, current)));
    let cookie = redeem(cx, &token, &TokenKind::Verify, &|current| rule(current)).await?;
    Ok(match cookie {
        Some(cookie) => done().header("Set-Cookie", cx.set_cookie(&cookie)),
        None => done(),
    })
}

/// Whose session the browser has, if it has a live one and the request comes from our own pages.
async fn user_of_session(cx: &RequestContext) -> Result<Option<UserId>, Problem> {
    let hash = cx.cookie().and_then(|value| session_hash(&value)).filter(|_| cx.same_site().is_ok());
    let Some(hash) = hash else { return Ok(None) };
    Ok(match cx.context.store().principal(Credential::Session(&hash), cx.now).await? {
        Some(Principal::Session(_, account)) => Some(account.user.id),
        _ => None,
    })
}

/// The user with a confirmed address. The first time everything ends that was made before; the browser that signed up,
/// which says so by its session, goes on with a new one.
fn verified(
    cx: &RequestContext,
    session: Option<UserId>,
    current: CurrentUser,
) -> Result<UserUpdate<Option<String>>, Problem> {
    let mut user = current.account.user;
    let goes_on = session == Some(user.id) && !user.verified;
    let sign_up = current.token.map(|token| token.sign_up).unwrap_or_default();
    // a later sign-up's link is OpenScouter's, so that the organization keeps its name here
    user.verify(sign_up, goes_on);
    let mut with = ChangeWith::default();
    let mut cookie = None;
    if goes_on {
        let (session, value) = new_session(&user, cx.now)?;
        (with.session, cookie) = (Some(session), Some(value));
    }
    Ok(UserUpdate::change(user, with, cookie))
}
