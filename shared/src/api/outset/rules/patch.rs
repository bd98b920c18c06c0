//! The members of an update (outset 4.4, 10.3).

use super::{
    boolean::{self, BooleanError},
    error::FieldError,
    json::Json,
    url::{self, UrlError},
};

/// What a valid update asks for; a missing member keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// New value of `active`.
    pub active: Option<bool>,
    /// New value of `completion_url`; the inner `None` clears it.
    pub completion_url: Option<Option<String>>,
}

/// Checks all members and reports all that fail, `active` first.
///
/// # Errors
/// The failures, at least one.
pub fn validate(object: &Json) -> Result<Patch, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut patch = Patch::default();
    match object.member("active").map(boolean::coerce) {
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
