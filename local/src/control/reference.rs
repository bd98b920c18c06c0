//! The reference of the APIs with a form to try each operation: Swagger UI, which comes with the program, over the documents.
//!
//! A page of this port may not ask the ports of the APIs, which are other origins: what is tried goes through this one.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use http_body_util::BodyExt as _;
use maud::{DOCTYPE, html};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

use crate::tls;

/// Where Swagger UI's own files are.
const FILES: &str = "/_local/swagger";
/// Most bytes of a body that is tried.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Headers that belong to one connection, or to the page that asks; each side has its own.
const OWN: [HeaderName; 7] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::ORIGIN,
    header::REFERER,
];
/// What may be loaded: the program's own files. Swagger UI has styles and pictures in its pages.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; font-src data:; base-uri 'none'; form-action 'none'";

/// Begins Swagger UI with the document that the page names.
const SCRIPT: &str = "\
window.ui = SwaggerUIBundle({
  url: document.getElementById('reference').dataset.document,
  dom_id: '#reference',
  defaultModelsExpandDepth: 0,
  docExpansion: 'none',
  filter: true,
  validatorUrl: null,
})
";

/// Buttons are as large as fingers, long words break, and wide tables scroll by themselves, so that a phone shows all of it.
const STYLE: &str = "\
body{margin:0}nav{font:16px/1.5 system-ui,sans-serif;padding:1rem;display:flex;flex-wrap:wrap;gap:1rem}.swagger-ui{overflow-wrap:anywhere}\
.swagger-ui .wrapper{padding:0 10px}.swagger-ui .opblock .opblock-summary{flex-wrap:wrap}.swagger-ui table{display:block;overflow-x:auto}\
.swagger-ui .opblock .opblock-summary-path{max-width:100%}.swagger-ui button,.swagger-ui input,.swagger-ui select\
{min-width:2.75rem!important;min-height:2.75rem!important;max-width:100%}.swagger-ui pre,.swagger-ui code{white-space:pre-wrap!important}";

/// Names and base URLs of the APIs.
#[derive(Clone)]
pub(super) struct Apis(pub(super) Vec<(&'static str, String)>);

/// The pages, and Swagger UI's files.
pub(super) fn router(apis: Apis) -> Router {
    let files = ApiDefinition {
        uri_prefix: FILES,
        api_definition: OpenApiSource::Uri("/_local/openapi/outset.json"),
        title: Some("outscout"),
    };
    Router::new()
        .route("/_local/reference/{api}", get(page))
        .route("/_local/reference.js", get(script))
        .with_state(apis)
        .merge(swagger_ui_dist::generate_routes(files))
}

/// The way to the APIs: what a page of this port sends is sent on.
pub(super) fn tried(apis: Apis) -> Router {
    Router::new().route("/_local/try/{api}/{*path}", any(pass)).with_state(apis)
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT)
}

async fn page(State(apis): State<Apis>, Path(api): Path<String>) -> Response {
    let Some((name, _)) = apis.0.iter().find(|(known, _)| known.to_lowercase() == api) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { (name) " reference" }
                link rel="stylesheet" href=(format_args!("{FILES}/swagger-ui.css"));
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                nav {
                    a href="/" { "Control page" }
                    @for (name, _) in apis.0.iter() {
                        a href=(format_args!("/_local/reference/{}", name.to_lowercase())) { (name) }
                    }
                }
                main id="reference" data-document=(format_args!("/_local/openapi/{api}.json?try=1")) {}
                script src=(format_args!("{FILES}/swagger-ui-bundle.js")) {}
                script src="/_local/reference.js" {}
            }
        }
    };
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page.into_string())).into_response()
}

/// Sends a request on to an API, and its answer back.
async fn pass(State(apis): State<Apis>, Path((api, _)): Path<(String, String)>, request: Request) -> Response {
    let Some((_, url)) = apis.0.iter().find(|(known, _)| known.to_lowercase() == api) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // as it was sent: what is escaped in it stays so
    let sent = request.uri().path_and_query().map_or("", |sent| sent.as_str());
    // a name in another spelling would leave its path, and with it the host, to whoever asks
    let Some(sent) = sent.strip_prefix(&format!("/_local/try/{api}")).filter(|sent| sent.starts_with('/')) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let url = format!("{}{sent}", url.trim_end_matches("/api").trim_end_matches("/v1"));
    let (parts, body) = request.into_parts();
    let body = match http_body_util::Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large").into_response(),
    };
    match asked(parts.method, url, &parts.headers, body).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn asked(
    method: http::Method,
    url: String,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, reqwest::Error> {
    tls::provide();
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let kept = |name: &HeaderName| !OWN.contains(name) && !name.as_str().starts_with("sec-");
    let headers: HeaderMap =
        headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    let answer = client.request(method, url).headers(headers).body(body).send().await?;
    let mut told = Response::builder().status(answer.status());
    if let Some(own) = told.headers_mut() {
        own.extend(
            answer.headers().iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())),
        );
        // a page of an API is no page of this port
        own.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        own.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        own.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    // events are passed on as they come
    Ok(told.body(Body::from_stream(answer.bytes_stream())).unwrap_or_default())
}
