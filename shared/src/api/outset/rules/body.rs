//! Bodies of updates (outset 10.2).

use super::json::{self, Json};

/// Why a body cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// 415, with the header as received.
    UnsupportedMediaType(String),
    /// 400 parse_error, with the text after its prefix.
    ParseError(String),
    /// 400, with the name of the type that it is.
    NotAnObject(&'static str),
    /// 400, `null`.
    Null,
}

/// Reads a body as an object.
///
/// # Errors
/// As [`BodyError`].
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Json, BodyError> {
    if body.is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    let received = content_type.unwrap_or_default();
    let mut parts = received.split(';');
    let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(media.as_str(), "application/json" | "*/*" | "application/*") {
        return Err(BodyError::UnsupportedMediaType(received.to_owned()));
    }
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    let text = decode(charset.as_deref(), body).map_err(|cause| BodyError::ParseError(cause.to_owned()))?;
    match json::parse(&text).map_err(BodyError::ParseError)? {
        object @ Json::Object(_) => Ok(object),
        Json::Null => Err(BodyError::Null),
        other => Err(BodyError::NotAnObject(other.python_type())),
    }
}

fn decode(charset: Option<&str>, body: &[u8]) -> Result<String, &'static str> {
    match charset {
        Some("iso-8859-1" | "latin-1" | "latin1" | "iso8859-1") => {
            Ok(body.iter().map(|byte| char::from(*byte)).collect())
        }
        Some("us-ascii" | "ascii") if !body.is_ascii() => Err("body is not ASCII"),
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
        assert!(parse(Some("application/json; charset=iso-8859-1"), b"{\"a\":\"\xff\"}").is_ok());
    }
}
