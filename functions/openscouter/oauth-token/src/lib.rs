//! `POST /api/oauth/token`: codes and refresh tokens for tokens (openscouter 8.1).

mod code;
mod grant;
mod refresh;

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        envelope::Problem,
        oauth::{Form, refusal},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(token(cx)));

async fn token(cx: &RequestContext) -> Result<Response, Problem> {
    let form = Form::read(&cx.request)?;
    match form.required("grant_type")? {
        "authorization_code" => code::exchange(cx, &form).await,
        "refresh_token" => refresh::exchange(cx, &form).await,
        _ => Err(refusal(400, "unsupported_grant_type", "authorization_code and refresh_token are supported")),
    }
}
