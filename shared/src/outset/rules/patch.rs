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

#[cfg(test)]
mod tests {
    use super::{super::json::parse, *};

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
}
