//! Bodies of updates (outset 10.2).

use shared::outset::{
    envelope::{FieldError, Problem},
    media_type::MediaType,
};

use crate::json::{self, Json};

/// The members of an update.
pub(crate) const MEMBERS: [&str; 2] = ["active", "completion_url"];

/// Why a body cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// 415, with the header as received.
    UnsupportedMediaType(String),
    /// 400 parse_error, with the text after its prefix.
    ParseError(String),
    /// 400, with the name of the type that it is.
    NotAnObject(&'static str),
    /// 400, `null`.
    Null,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let general = |code, detail: String| Self::Invalid(vec![FieldError::general(code, detail)]);
        match error {
            BodyError::UnsupportedMediaType(media) => Self::UnsupportedMediaType(media),
            BodyError::ParseError(cause) => Self::Unparsable(cause),
            BodyError::NotAnObject(kind) => {
                general("invalid", format!("Invalid data. Expected a dictionary, but got {kind}."))
            }
            BodyError::Null => general("null", "No data provided".to_owned()),
        }
    }
}

/// Reads a body as an object.
///
/// # Errors
/// As [`BodyError`].
pub(crate) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Json, BodyError> {
    if body.is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    let received = content_type.unwrap_or_default();
    let media = MediaType::parse(received);
    if !media.covers("application/json") {
        return Err(BodyError::UnsupportedMediaType(received.to_owned()));
    }
    let text = decode(media.parameter("charset"), body).map_err(|cause| BodyError::ParseError(cause.to_owned()))?;
    match json::parse(&text, &MEMBERS).map_err(BodyError::ParseError)? {
        object @ Json::Object(_) => Ok(object),
        Json::Null => Err(BodyError::Null),
        other => Err(BodyError::NotAnObject(other.python_type())),
    }
}

/// Reads text in one of three encodings, under the names that Python knows them by; others are read as UTF-8.
fn decode(charset: Option<&str>, body: &[u8]) -> Result<String, &'static str> {
    let name = charset.unwrap_or_default().to_ascii_lowercase().replace(['_', ' '], "-");
    match name.as_str() {
        "iso-8859-1" | "iso8859-1" | "iso8859" | "8859" | "latin-1" | "latin1" | "latin" | "l1" | "cp819" => {
            Ok(body.iter().map(|byte| char::from(*byte)).collect())
        }
        "us-ascii" | "ascii" | "646" if !body.is_ascii() => Err("body is not ASCII"),
        _ => String::from_utf8(body.to_vec()).map_err(|_| "body is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_table() {
        let json = Some("Application/JSON; charset=utf-8");
        assert!(parse(json, b"{}").is_ok());
        assert!(parse(None, b"").is_ok());
        assert_eq!(parse(None, b"{}"), Err(BodyError::UnsupportedMediaType(String::new())));
        assert_eq!(parse(Some("text/plain"), b"{}"), Err(BodyError::UnsupportedMediaType("text/plain".to_owned())));
        assert_eq!(parse(json, b"null"), Err(BodyError::Null));
        for (body, kind) in [("[]", "list"), ("1", "int"), ("1.5", "float"), ("true", "bool"), ("\"x\"", "str")] {
            assert_eq!(parse(json, body.as_bytes()), Err(BodyError::NotAnObject(kind)));
        }
        assert!(matches!(parse(json, b"\xff"), Err(BodyError::ParseError(_))));
        let latin = b"{\"a\":\"\xff\"}";
        for (charset, read) in [("iso-8859-1", true), ("\"Latin_1\"", true), ("us-ascii", false), ("x-none", false)] {
            let content_type = format!("application/json; charset={charset}");
            assert_eq!(parse(Some(&content_type), latin).is_ok(), read, "{charset}");
        }
        for quirk in ["*/*", "application/*", "*/json"] {
            assert!(parse(Some(quirk), b"{}").is_ok(), "{quirk}");
        }
        for bad in [" ", "\u{feff}{}", "{\"a\":NaN}", "{\"a\":1,}", "{} x", "{'a':1}", "{/**/}"] {
            assert!(matches!(parse(json, bad.as_bytes()), Err(BodyError::ParseError(_))), "{bad}");
        }
    }
}
