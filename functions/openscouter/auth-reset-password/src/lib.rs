//! `POST /api/auth/reset-password`: a new password (openscouter 7).

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
    password,
    store::{ChangeWith, CurrentUser, UserUpdate},
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(reset(cx)));

#[derive(Serialize)]
struct Reset {
    reset: bool,
}

async fn reset(cx: &RequestContext) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let token = fields.secret("token")?;
    fields.new_password("password", None)?;
    fields.optional_flag("revokeCredentials")?;
    let kinds = [TokenKind::ScouterReset];
    redeem(cx, &token, &kinds, &|current| Box::pin(with_password(&fields, current))).await?;
    Ok(success(200, &Reset { reset: true }))
}

/// The token's user with the new password.
async fn with_password(fields: &Fields, current: CurrentUser) -> Result<UserUpdate<()>, Problem> {
    let mut user = current.account.user;
    let password = fields.new_password("password", Some(&user.email))?;
    let revoke = fields.optional_flag("revokeCredentials")?.unwrap_or(false);
    user.reset_password(password::hash(password).await?, revoke);
    Ok(UserUpdate::change(user, ChangeWith::default(), ()))
}
