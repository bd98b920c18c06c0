//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (openscouter 2.12).

use shared::{
    config::Pages,
    http::Response,
    lambda::{Storeless, storeless},
    openapi,
    openscouter::{self, DIALECT},
};

/// The function.
pub const FUNCTION: Storeless<Pages> = storeless(env!("CARGO_PKG_NAME"), &DIALECT, |pages, request| {
    openscouter::answered(pages, request, &|| Ok(document(&request.public_base(pages.public_url.as_deref(), None))))
});

const JSON: &str = include_str!("../../../../openapi/openscouter.json");

fn document(base: &str) -> Response {
    Response::empty(200)
        .header("Content-Type", "application/json")
        .header("Cache-Control", "public, max-age=300")
        .body(openapi::compact(&openapi::with_server(JSON, base)))
}
