//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (outsend 2.6).

use shared::{
    config::OutsendSettings,
    http::Response,
    lambda::{Storeless, storeless},
    openapi,
    outsend::{self, DIALECT},
};

/// The function.
pub const FUNCTION: Storeless<OutsendSettings> = storeless(env!("CARGO_PKG_NAME"), &DIALECT, |settings, request| {
    outsend::answered(settings, request, &|| Ok(document(&request.public_base(settings.public_url.as_deref(), None))))
});

const JSON: &str = include_str!("../../../../openapi/outsend.json");

fn document(base: &str) -> Response {
    Response::empty(200)
        .header("Content-Type", "application/json")
        .header("Cache-Control", "public, max-age=300")
        .body(openapi::compact(&openapi::with_server(JSON, base)))
}
