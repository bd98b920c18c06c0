//! `POST /api/auth/verify-email`: confirms an address (openscouter 7).

use std::future::ready;

use serde::Serialize;

use shared::{
    http::Response,
    model::TokenKind,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        users::redeem,
    },
    store::{ChangeWith, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(verify(cx)));

#[derive(Serialize)]
struct Verified {
    verified: bool,
}

async fn verify(cx: &RequestContext) -> Result<Response, Problem> {
    let token = Fields::read(&cx.request)?.secret("token")?;
    redeem(cx, &token, &[TokenKind::ScouterVerify], &|current| {
        let mut user = current.account.user;
        user.verified = true;
        Box::pin(ready(Ok(UserUpdate::change(user, ChangeWith::default(), ()))))
    })
    .await?;
    Ok(success(200, &Verified { verified: true }))
}
