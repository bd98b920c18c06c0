//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (openscouter 2.12).

use std::sync::LazyLock;

use shared::{
    http::Response,
    openapi::Compact,
    openscouter::{self, Endpoint, envelope::Problem, request_context::RequestContext},
};

/// The function.
pub const FUNCTION: Endpoint = openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| Box::pin(document(cx)));

static DOCUMENT: LazyLock<Compact> =
    LazyLock::new(|| Compact::new(include_str!("../../../../openapi/openscouter.json")));

async fn document(cx: &RequestContext) -> Result<Response, Problem> {
    Ok(DOCUMENT.answer(&cx.base()))
}
