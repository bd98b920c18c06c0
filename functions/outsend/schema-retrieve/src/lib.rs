//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (outsend 2.6).

use shared::{
    http::Response,
    openapi,
    outsend::{
        self, Endpoint, authentication::check_address_limit, envelope::Problem, request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), check_address_limit, |cx| Box::pin(document(cx)));

const JSON: &str = include_str!("../../../../openapi/outsend.json");

async fn document(cx: &RequestContext) -> Result<Response, Problem> {
    let document = openapi::compact(&openapi::with_server(JSON, &cx.base()));
    Ok(Response::empty(200)
        .header("Content-Type", "application/json")
        .header("Cache-Control", "public, max-age=300")
        .body(document))
}
