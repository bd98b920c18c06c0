//! `POST /api/auth/sign-in`: address and password for tokens (openscouter 7).

mod page;

use serde_json::json;

use shared::{
    http::Response,
    model::Action,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        sign_ins::{self, check_password},
    },
    store::{ChangeWith, Network},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(sign_in(cx))).with_form(&page::PAGE);

async fn sign_in(cx: &RequestContext) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    let email = fields.text("email", 1, usize::MAX)?;
    let password = fields.secret("password")?;
    let account = check_password(cx, &email, password).await?;
    let account = account.ok_or_else(|| Problem::unauthorized("Invalid email or password"))?;
    if !account.user.verified {
        return Err(Problem::forbidden("Email address not verified"));
    }
    if !account.user.active {
        return Err(Problem::forbidden("Account suspended"));
    }
    let (family, data) = sign_ins::open(cx, &account)?;
    let audit = cx.record(Action::SignIn, Some(&account.user), None, json!({"method": "password"}));
    let network = Network::of(&account.user, cx.address(), cx.now);
    let with = ChangeWith { family: Some(family), audit: Some(audit), network, ..ChangeWith::default() };
    cx.context.store().sign_in(with).await?;
    Ok(success(200, &data))
}
