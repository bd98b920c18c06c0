//! `GET /api/auth/jwks`, `GET /.well-known/jwks.json`: the public keys of access tokens (openscouter 3.2).

use shared::{
    http::Response,
    openscouter::{
        self, Endpoint,
        envelope::{Problem, json_answer},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(jwks(cx)));

async fn jwks(cx: &RequestContext) -> Result<Response, Problem> {
    let keys = cx.context.settings().openscouter.keys.to_json();
    Ok(json_answer(200, &keys).header("Cache-Control", "public, max-age=300"))
}
