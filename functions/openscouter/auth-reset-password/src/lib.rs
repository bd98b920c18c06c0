//! `POST /api/auth/reset-password`: a new password (openscouter 7).

mod page;

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, TokenKind},
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
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(reset(cx))).with_form(&page::PAGE);

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
    redeem(cx, &token, &kinds, &|current| Box::pin(with_password(cx, &fields, current))).await?;
    Ok(success(200, &Reset { reset: true }))
}

/// The token's user with the new password.
async fn with_password(cx: &RequestContext, fields: &Fields, current: CurrentUser) -> Result<UserUpdate<()>, Problem> {
    let mut user = current.account.user;
    let password = fields.new_password("password", Some(&user.email))?;
    let revoke = fields.optional_flag("revokeCredentials")?.unwrap_or(false);
    user.reset_password(password::hash(password).await?, revoke);
    let audit = Some(cx.record(Action::PasswordReset, Some(&user), None, json!({})));
    Ok(UserUpdate::change(user, ChangeWith { audit, ..ChangeWith::default() }, ()))
}
