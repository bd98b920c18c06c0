//! `GET /v1/schema/` (outset 11): the golden document with the public origin filled in.

use super::{
    access::check_address_limit,
    envelope::{Problem, render_json},
    rules::negotiate::{self, NegotiationError, SchemaMedia},
    view::{PLAIN, arrive, public_base, rate_limit},
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
};

const YAML: &str = include_str!("../../../openapi/outset.yaml");
const JSON: &str = include_str!("../../../openapi/outset.json");
/// The server URL that stands in the golden documents.
const PLACEHOLDER: &str = "https://outset.invalid";

/// `GET /v1/schema/` and every other method of its resource.
#[must_use]
pub fn schema(context: Context, request: Request) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        match arrive(&context, &request) {
            Ok(_) => answer(&context, &request).await.header("Allow", "GET, HEAD, OPTIONS").header("Vary", "Accept"),
            Err(answer) => answer,
        }
    })
}

async fn answer(context: &Context, request: &Request) -> Response {
    let accept = request.header("accept");
    let media = match negotiate::schema(request.query.last("format"), accept.as_deref()) {
        Ok(media) => media,
        Err(NegotiationError::NotFound) => return Problem::NotFound.answer(PLAIN),
        Err(NegotiationError::NotAcceptable) => return Problem::NotAcceptable.answer(PLAIN),
    };
    let counted = match check_address_limit(context, request, context.clock().now()).await {
        Ok(counted) => counted,
        Err((problem, counted)) => return rate_limit(problem.answer(PLAIN), counted),
    };
    let answer = match request.method.as_str() {
        "GET" | "HEAD" => document(media, &public_base(context, request)),
        "OPTIONS" => description(),
        method => Problem::MethodNotAllowed(method.to_owned()).answer(PLAIN),
    };
    rate_limit(answer, counted)
}

fn document(media: SchemaMedia, base: &str) -> Response {
    let (text, content_type, file) = match media {
        SchemaMedia::Openapi => (YAML, "application/vnd.oai.openapi; charset=utf-8", "Outset API.yaml"),
        SchemaMedia::Yaml => (YAML, "application/yaml; charset=utf-8", "Outset API.yaml"),
        SchemaMedia::Json => (JSON, "application/json", "Outset API.json"),
        SchemaMedia::OpenapiJson => (JSON, "application/vnd.oai.openapi+json", "Outset API.json"),
    };
    let text = text.replace(PLACEHOLDER, base);
    let text = if text.starts_with('{') { text.trim_end() } else { text.as_str() };
    Response::empty(200)
        .header("Content-Type", content_type)
        .header("Content-Disposition", format!("inline; filename=\"{file}\""))
        .header("Cache-Control", "public, max-age=300")
        .body(text)
}

fn description() -> Response {
    let body = serde_json::json!({
        "name": "Schema",
        "description": "",
        "renders": [
            "application/vnd.oai.openapi", "application/yaml", "application/vnd.oai.openapi+json", "application/json"
        ],
        "parses": ["application/json"],
    });
    render_json(200, &body, PLAIN).header("Cache-Control", "public, max-age=300")
}
