//! The members of an update (outset 4.4, 10.3).

use shared::outset::{
    boolean,
    envelope::FieldError,
    url::{self, UrlError},
};

use crate::json::Json;

/// What a valid update asks for; a missing member keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    /// New value of `active`.
    pub(crate) active: Option<bool>,
    /// New value of `completion_url`; the inner `None` clears it.
    pub(crate) completion_url: Option<Option<String>>,
}

/// Checks all members and reports all that fail, `active` first.
///
/// # Errors
/// The failures, at least one.
pub(crate) fn validate(object: &Json) -> Result<Patch, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut patch = Patch::default();
    match object.member("active").map(read_boolean) {
        None => {}
        Some(Ok(active)) => patch.active = Some(active),
        Some(Err(BooleanError::Null)) => errors.push(FieldError::of("active", "null", "This field may not be null.")),
        Some(Err(BooleanError::Invalid)) => {
            errors.push(FieldError::of("active", "invalid", "Must be a valid boolean."))
        }
    }
    let read = object.member("completion_url").map(|value| match value {
        Json::Null => Ok(None),
        Json::Text(text) => url::check(text),
        _ => Err(vec![UrlError::Invalid]),
    });
    match read {
        None => {}
        Some(Ok(url)) => patch.completion_url = Some(url),
        Some(Err(wrong)) => errors.extend(wrong.iter().map(url_error)),
    }
    if errors.is_empty() { Ok(patch) } else { Err(errors) }
}

/// Why a value is no boolean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BooleanError {
    Null,
    Invalid,
}

/// Reads a boolean as Django REST framework does: spelled in text, or as the number 0 or 1 (outset 10.4).
fn read_boolean(value: &Json) -> Result<bool, BooleanError> {
    match value {
        Json::Null => Err(BooleanError::Null),
        Json::Bool(value) => Ok(*value),
        Json::Number(text) => match text.parse::<f64>() {
            Ok(number) if number == 1.0 && is_exact(text, "1") => Ok(true),
            Ok(0.0) => Ok(false),
            _ => Err(BooleanError::Invalid),
        },
        Json::Text(text) => text.as_str().and_then(|text| boolean::read(&text)).ok_or(BooleanError::Invalid),
        Json::Array | Json::Object(_) => Err(BooleanError::Invalid),
    }
}

/// Integers are compared exactly, numbers with a fraction or an exponent as floats.
fn is_exact(text: &str, integer: &str) -> bool {
    text.contains(['.', 'e', 'E']) || text == integer
}

fn url_error(error: &UrlError) -> FieldError {
    let of = |code, detail: &str| FieldError::of("completion_url", code, detail);
    match error {
        UrlError::TooLong => of("max_length", "Ensure this field has no more than 2048 characters."),
        UrlError::Null => of("null_characters_not_allowed", "Null characters are not allowed."),
        UrlError::Surrogate(code) => {
            of("surrogate_characters_not_allowed", &format!("Surrogate characters are not allowed: U+{code:X}."))
        }
        UrlError::Invalid => of("invalid", "Enter a valid URL."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{body::MEMBERS, json};

    fn parse(text: &str) -> Result<Json, String> {
        json::parse(text, &MEMBERS)
    }

    fn errors(body: &str) -> Vec<(&'static str, &'static str, String)> {
        let errors = validate(&parse(body).unwrap()).unwrap_err();
        errors.into_iter().map(|error| (error.field.unwrap_or_default(), error.code, error.detail)).collect()
    }

    #[test]
    fn what_is_asked_for() {
        let read = |body: &str| validate(&parse(body).unwrap()).unwrap();
        assert_eq!(read("{}"), Patch::default());
        assert_eq!(read(r#"{"id":"\ud800","Active":1,"zzz":[1e400]}"#), Patch::default());
        assert_eq!(read(r#"{"active":"x","active":"ON"}"#).active, Some(true));
        for cleared in [r#"{"completion_url":null}"#, r#"{"completion_url":""}"#, r#"{"completion_url":" \u001c"}"#] {
            assert_eq!(read(cleared).completion_url, Some(None), "{cleared}");
        }
        let kept = Some(Some("HTTP://A.com/{x}".to_owned()));
        assert_eq!(read(r#"{"completion_url":" HTTP://A.com/{x}\n"}"#).completion_url, kept);
    }

    #[test]
    fn all_failures_in_the_contracts_order() {
        let boolean = ("active", "invalid", "Must be a valid boolean.".to_owned());
        let url = ("completion_url", "invalid", "Enter a valid URL.".to_owned());
        assert_eq!(errors(r#"{"completion_url":"nope","active":"maybe"}"#), [boolean, url.clone()]);
        assert_eq!(errors(r#"{"active":null}"#), [("active", "null", "This field may not be null.".to_owned())]);
        for wrong in ["1", "true", "[]", "{}", "1e400"] {
            assert_eq!(errors(&format!("{{\"completion_url\":{wrong}}}")), std::slice::from_ref(&url), "{wrong}");
        }
        let long = format!("{{\"completion_url\":\"\\u0000\\udabc{}\"}}", "a".repeat(2_048));
        let texts: Vec<_> = errors(&long).into_iter().map(|(_, code, text)| (code, text)).collect();
        let expected = [
            ("max_length", "Ensure this field has no more than 2048 characters."),
            ("null_characters_not_allowed", "Null characters are not allowed."),
            ("surrogate_characters_not_allowed", "Surrogate characters are not allowed: U+DABC."),
            ("invalid", "Enter a valid URL."),
        ];
        assert_eq!(texts, expected.map(|(code, text)| (code, text.to_owned())));
    }

    #[test]
    fn booleans() {
        for yes in ["true", "1", "1.0", "\"t\"", "\"YeS\"", "\"on\"", "\"1\""] {
            assert_eq!(read_boolean(&parse(yes).unwrap()), Ok(true), "{yes}");
        }
        for no in ["false", "0", "0.0", "-0.0", "\"N\"", "\"off\"", "\"0\""] {
            assert_eq!(read_boolean(&parse(no).unwrap()), Ok(false), "{no}");
        }
        for bad in ["\"\"", "\" \"", "\"null\"", "\" true\"", "2", "-1", "0.5", "\"1.0\"", "[]", "{}", "1e400"] {
            assert_eq!(read_boolean(&parse(bad).unwrap()), Err(BooleanError::Invalid), "{bad}");
        }
        assert_eq!(read_boolean(&Json::Null), Err(BooleanError::Null));
    }
}
