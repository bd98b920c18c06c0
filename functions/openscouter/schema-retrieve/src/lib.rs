//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (openscouter 2.12).

use shared::{
    http::Response,
    openapi,
    openscouter::{self, Endpoint, envelope::Problem, request_context::RequestContext},
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(document(cx)));

const JSON: &str = include_str!("../../../../openapi/openscouter.json");

async fn document(cx: &RequestContext) -> Result<Response, Problem> {
    let document = openapi::compact(&openapi::with_server(JSON, &cx.base()));
    Ok(Response::empty(200)
        .header("Content-Type", "application/json")
        .header("Cache-Control", "public, max-age=300")
        .body(document))
}
