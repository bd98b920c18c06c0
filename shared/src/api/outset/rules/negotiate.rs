//! Content negotiation as Django REST framework does it (outset 9, 11).

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendering {
    /// Blanks of indentation; `None` is compact.
    pub indent: Option<u8>,
}

/// Why no representation fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegotiationError {
    /// No such `format`.
    NotFound,
    /// Nothing that `Accept` names.
    NotAcceptable,
}

/// A media type of the schema document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaMedia {
    /// `application/vnd.oai.openapi`, YAML.
    Openapi,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.oai.openapi+json`.
    OpenapiJson,
    /// `application/json`.
    Json,
}

/// One range of an `Accept` header.
struct Range<'a> {
    main: String,
    sub: String,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Range<'_> {
    fn parse(text: &str) -> Option<Range<'_>> {
        let mut parts = text.split(';');
        let (main, sub) = parts.next()?.trim().split_once('/')?;
        let parameters = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')));
        Some(Range { main: main.to_ascii_lowercase(), sub: sub.to_ascii_lowercase(), parameters: parameters.collect() })
    }

    fn matches(&self, media: &str) -> bool {
        let Some((main, sub)) = media.split_once('/') else { return false };
        (self.main == "*" || self.main == main) && (self.sub == "*" || self.sub == sub)
    }

    /// The most specific range wins: parameters before a full type before a wildcard.
    fn precedence(&self) -> u8 {
        match (self.main.as_str(), self.sub.as_str(), self.parameters.is_empty()) {
            ("*", _, _) => 0,
            (_, "*", _) => 1,
            (_, _, true) => 2,
            (_, _, false) => 3,
        }
    }
}

/// The ranges of a header, the most specific first.
fn ranges(accept: Option<&str>) -> Vec<Range<'_>> {
    let mut ranges: Vec<_> = accept.unwrap_or("*/*").split(',').filter_map(Range::parse).collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.precedence()));
    ranges
}

/// Negotiates JSON.
///
/// # Errors
/// As [`NegotiationError`].
pub fn json(format: Option<&str>, accept: Option<&str>) -> Result<Rendering, NegotiationError> {
    if format.is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(NegotiationError::NotFound);
    }
    let ranges = ranges(accept);
    let range = ranges.iter().find(|range| range.matches("application/json")).ok_or(NegotiationError::NotAcceptable)?;
    let indent =
        range.parameters.iter().find(|(name, _)| *name == "indent").and_then(|(_, value)| value.parse::<i64>().ok());
    let indent = indent.and_then(|indent| u8::try_from(indent.clamp(0, 8)).ok()).filter(|indent| *indent > 0);
    Ok(Rendering { indent })
}

/// Negotiates the schema document.
///
/// # Errors
/// As [`NegotiationError`].
pub fn schema(format: Option<&str>, accept: Option<&str>) -> Result<SchemaMedia, NegotiationError> {
    const ALL: [(SchemaMedia, &str, &str); 4] = [
        (SchemaMedia::Openapi, "application/vnd.oai.openapi", "yaml"),
        (SchemaMedia::Yaml, "application/yaml", "yaml"),
        (SchemaMedia::OpenapiJson, "application/vnd.oai.openapi+json", "json"),
        (SchemaMedia::Json, "application/json", "json"),
    ];
    let format = format.filter(|format| !format.is_empty());
    let offered: Vec<_> = ALL.iter().filter(|(_, _, name)| format.is_none_or(|format| format == *name)).collect();
    if offered.is_empty() {
        return Err(NegotiationError::NotFound);
    }
    let ranges = ranges(accept);
    let winner = ranges.iter().find_map(|range| offered.iter().find(|(_, media, _)| range.matches(media)));
    winner.map(|(media, _, _)| *media).ok_or(NegotiationError::NotAcceptable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_tables() {
        for good in
            [None, Some("*/*"), Some("APPLICATION/*"), Some("application/json;q=0"), Some("text/html,*/*;q=0.8")]
        {
            assert_eq!(json(None, good), Ok(Rendering { indent: None }), "{good:?}");
        }
        for bad in ["text/html", "text/*", "*", "application/vnd.api+json", "", "nonsense"] {
            assert_eq!(json(None, Some(bad)), Err(NegotiationError::NotAcceptable), "{bad}");
        }
        assert_eq!(json(None, Some("application/json; indent=99")), Ok(Rendering { indent: Some(8) }));
        assert_eq!(json(Some("xml"), None), Err(NegotiationError::NotFound));
        assert_eq!(schema(None, None), Ok(SchemaMedia::Openapi));
        assert_eq!(schema(None, Some("application/json")), Ok(SchemaMedia::Json));
        assert_eq!(schema(Some("json"), None), Ok(SchemaMedia::OpenapiJson));
        assert_eq!(schema(Some("JSON"), None), Err(NegotiationError::NotFound));
    }
}
