//! `POST /api/auth/verify-email`: confirms an address (openscouter 7).

mod page;

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
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(verify(cx))).with_form(&page::PAGE);

#[derive(Serialize)]
struct Verified {
    verified: bool,
}

async fn verify(cx: &RequestContext) -> Result<Response, Problem> {
    let token = Fields::read(&cx.request)?.secret("token")?;
    redeem(cx, &token, &[TokenKind::ScouterVerify], &|current| {
        let mut user = current.account.user;
        let sign_up = current.token.map(|token| token.sign_up).unwrap_or_default();
        let name = user.verify(sign_up, false);
        let organization_name = name.map(|name| (user.organization, name));
        let with = ChangeWith { organization_name, ..ChangeWith::default() };
        Box::pin(ready(Ok(UserUpdate::change(user, with, ()))))
    })
    .await?;
    Ok(success(200, &Verified { verified: true }))
}
