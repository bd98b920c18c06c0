//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (outsend 2.6).

use std::sync::LazyLock;

use shared::{
    http::Response,
    openapi::Compact,
    outsend::{
        self, Endpoint, authentication::check_address_limit, envelope::Problem, request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    outsend::guarded(env!("CARGO_PKG_NAME"), check_address_limit, |cx| Box::pin(document(cx)));

static DOCUMENT: LazyLock<Compact> = LazyLock::new(|| Compact::new(include_str!("../../../../openapi/outsend.json")));

async fn document(cx: &RequestContext) -> Result<Response, Problem> {
    Ok(DOCUMENT.answer(&cx.base()))
}
