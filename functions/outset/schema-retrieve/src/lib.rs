//! `GET /v1/schema/`: the OpenAPI document with the public origin filled in (outset 11).

use shared::{
    http::Response,
    openapi,
    outset::{
        self, Document,
        negotiation::{self, NegotiationError},
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Document<Media> = outset::document(
    env!("CARGO_PKG_NAME"),
    |request| negotiate(request.query.last("format"), request.header("accept").as_deref()),
    schema,
);

const YAML: &str = include_str!("../../../../openapi/outset.yaml");
const JSON: &str = include_str!("../../../../openapi/outset.json");

/// A media type of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/vnd.oai.openapi`, YAML.
    Openapi,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.oai.openapi+json`.
    OpenapiJson,
    /// `application/json`.
    Json,
}

fn schema(cx: &RequestContext, media: Media) -> Response {
    let (text, content_type, file) = match media {
        Media::Openapi => (YAML, "application/vnd.oai.openapi; charset=utf-8", "Outset API.yaml"),
        Media::Yaml => (YAML, "application/yaml; charset=utf-8", "Outset API.yaml"),
        Media::Json => (JSON, "application/json", "Outset API.json"),
        Media::OpenapiJson => (JSON, "application/vnd.oai.openapi+json", "Outset API.json"),
    };
    let text = openapi::with_server(text, &cx.base());
    Response::empty(200)
        .header("Content-Type", content_type)
        .header("Content-Disposition", format!("inline; filename=\"{file}\""))
        .body(text)
}

/// Negotiates the schema document; of several types that are equally wanted the first of this list wins.
fn negotiate(format: Option<&str>, accept: Option<&str>) -> Result<Media, NegotiationError> {
    const ALL: [(Media, &str, &str); 4] = [
        (Media::Openapi, "application/vnd.oai.openapi", "yaml"),
        (Media::Yaml, "application/yaml", "yaml"),
        (Media::OpenapiJson, "application/vnd.oai.openapi+json", "json"),
        (Media::Json, "application/json", "json"),
    ];
    let format = format.filter(|format| !format.is_empty());
    let offered: Vec<_> = ALL.iter().filter(|(_, _, name)| format.is_none_or(|format| format == *name)).collect();
    if offered.is_empty() {
        return Err(NegotiationError::NotFound);
    }
    let types: Vec<_> = offered.iter().map(|(_, media, _)| *media).collect();
    let (index, _) = negotiation::negotiate(accept, &types)?;
    offered.get(index).map(|(media, _, _)| *media).ok_or(NegotiationError::NotAcceptable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_table() {
        assert_eq!(negotiate(None, None), Ok(Media::Openapi));
        assert_eq!(negotiate(None, Some("application/json, application/yaml")), Ok(Media::Yaml));
        assert_eq!(negotiate(None, Some("*/json")), Ok(Media::Json));
        assert_eq!(negotiate(Some("yaml"), Some("application/json")), Err(NegotiationError::NotAcceptable));
        assert_eq!(negotiate(None, Some("application/json")), Ok(Media::Json));
        assert_eq!(negotiate(Some("json"), None), Ok(Media::OpenapiJson));
        assert_eq!(negotiate(Some("JSON"), None), Err(NegotiationError::NotFound));
    }
}
