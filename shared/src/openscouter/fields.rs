//! Bodies, query parameters and their rules (openscouter 2.1, 2.6, 2.7): the first violation is the one that counts.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    envelope::Problem,
    format::{parse_time, parse_url},
};
use crate::{
    http::{Request, count_values},
    json,
    model::Email,
    names::{self, NameFault},
    password::{self, Weakness},
};

/// Most bytes of a body.
pub(super) const MAX_BODY: usize = 1_048_576;
/// Most values of a body, but for the items of a batch (openscouter 2.1).
const MAX_VALUES: usize = 10_000;
/// Most characters of a URL.
const MAX_URL: usize = 2_048;

/// What a sent `null` is (openscouter 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nulls {
    /// As if the field had not been sent.
    Absent,
    /// A violation, but where a field can be cleared.
    Refused,
}

/// An object of a body, with the path that leads to it.
#[derive(Debug)]
pub struct Fields(Map<String, Value>, Nulls);

/// Refuses a body that is too long or of another media type (openscouter 2.5, step 8).
///
/// # Errors
/// 422 when it is too long, 400 when it is of another type.
pub fn check_media(request: &Request, expected: &[&str]) -> Result<(), Problem> {
    check_size(&request.body)?;
    let media = request.header("content-type").unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim();
    if !request.body.is_empty() && !expected.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        return Err(Problem::bad("Unsupported content type"));
    }
    Ok(())
}

/// Refuses a body that is too long (openscouter 2.1).
///
/// # Errors
/// 422 when it is.
pub fn check_size(body: &[u8]) -> Result<(), Problem> {
    if body.len() > MAX_BODY {
        return Err(Problem::invalid("body", &format!("must be at most {MAX_BODY} bytes")));
    }
    Ok(())
}

/// The body's value (openscouter 2.6); an empty body is an empty object.
///
/// # Errors
/// 400 or 422 when the body is no JSON, is too long, has too many values or is of another media type.
pub fn read_value(request: &Request) -> Result<Value, Problem> {
    check_media(request, &["application/json"])?;
    if request.body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if count_values(&request.body) > MAX_VALUES {
        return Err(Problem::invalid("body", &format!("must contain at most {MAX_VALUES} values")));
    }
    json::parse_any(&request.body).map_err(|_| Problem::bad("Malformed JSON body"))
}

impl Fields {
    /// The fields of an object that was read already.
    #[must_use]
    pub const fn new(object: Map<String, Value>) -> Self {
        Self(object, Nulls::Absent)
    }

    /// The fields of a PATCH, laid over what is there: `null` is a violation of its field, but where it clears it.
    #[must_use]
    pub const fn patch(object: Map<String, Value>) -> Self {
        Self(object, Nulls::Refused)
    }

    /// The body's object (openscouter 2.6); an empty body is an empty object.
    ///
    /// # Errors
    /// As [`read_value`], and 422 when the body is no object.
    pub fn read(request: &Request) -> Result<Self, Problem> {
        match read_value(request)? {
            Value::Object(object) => Ok(Self::new(object)),
            _ => Err(Problem::invalid("body", "must be an object")),
        }
    }

    /// The object of a field, whose own fields then carry their whole path; `None` when it was not sent.
    ///
    /// # Errors
    /// 422 when it is no object.
    pub fn object(&self, name: &str) -> Result<Option<Self>, Problem> {
        self.given(name)?.map(|value| self.member(name, value)).transpose()
    }

    /// As [`Fields::object`], of a field that `null` clears.
    ///
    /// # Errors
    /// 422 when it is no object.
    pub fn nullable_object(&self, name: &str) -> Result<Option<Self>, Problem> {
        self.optional(name).map(|value| self.member(name, value)).transpose()
    }

    /// The fields of an object at `path`.
    ///
    /// # Errors
    /// 422 when the value is none.
    pub fn within(path: &str, value: &Value) -> Result<Self, Problem> {
        Self::new(Map::new()).member(path, value)
    }

    /// The fields of an object at `path` of this one, under the same rule of `null`.
    ///
    /// # Errors
    /// 422 when the value is none.
    pub fn member(&self, path: &str, value: &Value) -> Result<Self, Problem> {
        let object = value.as_object().ok_or_else(|| Problem::invalid(path, "must be an object"))?;
        Ok(Self(object.iter().map(|(name, value)| (format!("{path}.{name}"), value.clone())).collect(), self.1))
    }

    /// A text that may be left out.
    ///
    /// # Errors
    /// 422 when it is no text of this length.
    pub fn optional_text(&self, name: &str, least: usize, most: usize) -> Result<Option<String>, Problem> {
        self.given(name)?.map(|_| self.text(name, least, most)).transpose()
    }

    /// A flag that may be left out.
    ///
    /// # Errors
    /// 422 when it is no flag.
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.given(name)?.map(|_| self.flag(name)).transpose()
    }

    /// A number of a range.
    ///
    /// # Errors
    /// 422 when it is missing, no number or outside the range.
    pub fn number(&self, name: &str, least: f64, most: f64) -> Result<f64, Problem> {
        let number = self.required(name)?.as_f64().ok_or_else(|| Problem::invalid(name, "must be a number"))?;
        if number < least {
            return Err(Problem::invalid(name, &format!("must be at least {least}")));
        }
        if number > most {
            return Err(Problem::invalid(name, &format!("must be at most {most}")));
        }
        Ok(number)
    }

    /// Distinct texts, each of which `check` knows.
    ///
    /// # Errors
    /// 422 when it is missing, no array of texts, too short or too long, when `check` does not know one (with `reason`), or when two
    /// are alike.
    pub fn names(
        &self,
        name: &str,
        (least, most): (usize, usize),
        check: impl Fn(&str) -> bool,
        reason: &str,
    ) -> Result<Vec<String>, Problem> {
        let mut names: Vec<String> = Vec::new();
        for (index, value) in self.array(name, least, most)?.iter().enumerate() {
            let path = format!("{name}[{index}]");
            let text = as_text(&path, value)?.trim();
            if !check(text) {
                return Err(Problem::invalid(&path, reason));
            }
            names.push(text.to_owned());
        }
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        if distinct.len() < names.len() {
            return Err(Problem::invalid(name, "must not contain duplicates"));
        }
        Ok(names)
    }

    /// A web address without credentials (openscouter 2.1).
    ///
    /// # Errors
    /// 422 when it is missing or no such address.
    pub fn web_url(&self, name: &str) -> Result<String, Problem> {
        let text = self.text(name, 1, MAX_URL)?;
        parse_url(&text).map_err(|reason| Problem::invalid(name, reason))?;
        Ok(text)
    }

    /// A time that may be left out.
    ///
    /// # Errors
    /// 422 when it is no time.
    pub fn optional_time(&self, name: &str) -> Result<Option<OffsetDateTime>, Problem> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let time = parse_time(as_text(name, value)?.trim());
        time.map(Some).ok_or_else(|| Problem::invalid(name, "must be an ISO 8601 timestamp"))
    }

    /// All that was sent.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A field that was sent and is not `null`.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether a field was sent, be it as `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field that may be left out; its `null` is what it is for these fields.
    ///
    /// # Errors
    /// 422 when it is a `null` that counts as a violation.
    pub fn given(&self, name: &str) -> Result<Option<&Value>, Problem> {
        match self.0.get(name) {
            Some(Value::Null) if self.1 == Nulls::Refused => Err(Problem::invalid(name, "must not be null")),
            Some(Value::Null) | None => Ok(None),
            sent => Ok(sent),
        }
    }

    /// A field that must have been sent.
    ///
    /// # Errors
    /// 422 when it was not.
    pub fn required(&self, name: &str) -> Result<&Value, Problem> {
        self.given(name)?.ok_or_else(|| Problem::invalid(name, "is required"))
    }

    /// A text of `least` to `most` characters after trimming.
    ///
    /// # Errors
    /// 422 when it is missing, no text or of another length.
    pub fn text(&self, name: &str, least: usize, most: usize) -> Result<String, Problem> {
        let text = as_text(name, self.required(name)?)?.trim();
        check_length(name, text, least, most)?;
        Ok(text.to_owned())
    }

    /// A secret as it was sent: neither trimmed nor measured, but for its being there.
    ///
    /// # Errors
    /// 422 when it is missing, no text or empty.
    pub fn secret(&self, name: &str) -> Result<String, Problem> {
        let text = as_text(name, self.required(name)?)?;
        check_length(name, text, 1, usize::MAX)?;
        Ok(text.to_owned())
    }

    /// An e-mail address.
    ///
    /// # Errors
    /// 422 when it is missing or no address.
    pub fn email(&self, name: &str) -> Result<Email, Problem> {
        let text = self.text(name, 1, usize::MAX)?;
        Email::parse(&text).ok_or_else(|| Problem::invalid(name, "must be a valid email address"))
    }

    /// An e-mail address that an account is to have (outsend 11.4).
    ///
    /// # Errors
    /// 422 when it is missing or no such address.
    pub fn new_email(&self, name: &str) -> Result<Email, Problem> {
        let email = self.email(name)?;
        Email::chosen(email.as_str()).ok_or_else(|| Problem::invalid(name, "must be a valid email address"))
    }

    /// A new password (openscouter 7.1).
    ///
    /// # Errors
    /// 422 when it is missing, too short, too long or too common.
    pub fn new_password(&self, name: &str, email: Option<&Email>) -> Result<String, Problem> {
        let password = as_text(name, self.required(name)?)?.to_owned();
        check_length(name, &password, password::MIN_LENGTH, password::MAX_LENGTH)?;
        match password::check_new(&password, email.is_some_and(|email| email.is(&password))) {
            Ok(()) => Ok(password),
            // it looked longer than it is
            Err(Weakness::Length) => {
                Err(Problem::invalid(name, &format!("must be at least {} characters", password::MIN_LENGTH)))
            }
            Err(Weakness::Common) => Err(Problem::invalid(name, "is too common")),
        }
    }

    /// A name that others see: a text without line breaks, invisible characters and web addresses (openscouter 7).
    ///
    /// # Errors
    /// 422 when it is missing or no such text of this length.
    pub fn name(&self, name: &str, most: usize) -> Result<String, Problem> {
        let text = self.text(name, 1, most)?;
        names::check(&text).map(|()| text).map_err(|fault| Problem::invalid(name, name_fault(fault)))
    }

    /// One of some names.
    ///
    /// # Errors
    /// 422 when it is missing or another one.
    pub fn choice<T>(&self, name: &str, names: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
        let text = as_text(name, self.required(name)?)?.trim();
        parse(text).ok_or_else(|| Problem::invalid(name, &format!("must be one of: {names}")))
    }

    /// A flag that must have been sent.
    ///
    /// # Errors
    /// 422 when it was not, or is no flag.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        self.required(name)?.as_bool().ok_or_else(|| Problem::invalid(name, "must be a boolean"))
    }

    /// A whole number that may be left out.
    ///
    /// # Errors
    /// 422 when it is no whole number of the range.
    pub fn optional_integer<T: Copy + Into<u64> + TryFrom<u64>>(
        &self,
        name: &str,
        least: T,
        most: T,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.given(name)? else { return Ok(None) };
        if !value.is_i64() && !value.is_u64() {
            return Err(Problem::invalid(name, "must be an integer"));
        }
        let (lowest, highest) = (least.into(), most.into());
        let Some(number) = value.as_u64().filter(|number| *number >= lowest) else {
            return Err(Problem::invalid(name, &format!("must be at least {lowest}")));
        };
        match T::try_from(number) {
            Ok(exact) if number <= highest => Ok(Some(exact)),
            _ => Err(Problem::invalid(name, &format!("must be at most {highest}"))),
        }
    }

    /// A time in the future.
    ///
    /// # Errors
    /// 422 when it is no time, or a past one.
    pub fn optional_future(&self, name: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, Problem> {
        let Some(time) = self.optional_time(name)? else { return Ok(None) };
        if time <= now {
            return Err(Problem::invalid(name, "must be in the future"));
        }
        Ok(Some(time))
    }

    /// An array of `least` to `most` entries.
    ///
    /// # Errors
    /// 422 when it is missing, no array, too short or too long.
    pub fn array(&self, name: &str, least: usize, most: usize) -> Result<&[Value], Problem> {
        let array = self.required(name)?.as_array();
        let array = array.ok_or_else(|| Problem::invalid(name, "must be an array"))?;
        if array.len() < least {
            return Err(Problem::invalid(name, &format!("must contain at least {least} items")));
        }
        if array.len() > most {
            return Err(Problem::invalid(name, &format!("must contain at most {most} items")));
        }
        Ok(array)
    }
}

/// A value's text.
///
/// # Errors
/// 422 for the field `name` when the value is no text.
pub fn as_text<'a>(name: &str, value: &'a Value) -> Result<&'a str, Problem> {
    value.as_str().ok_or_else(|| Problem::invalid(name, "must be a string"))
}

fn name_fault(fault: NameFault) -> &'static str {
    match fault {
        NameFault::Invisible => "must not contain line breaks or invisible characters",
        NameFault::Address => "must not contain a web address",
    }
}

fn check_length(name: &str, text: &str, least: usize, most: usize) -> Result<(), Problem> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(Problem::invalid(name, "must not contain control characters"));
    }
    let length = text.chars().count();
    if length == 0 && least > 0 {
        return Err(Problem::invalid(name, "must not be empty"));
    }
    if length < least {
        return Err(Problem::invalid(name, &format!("must be at least {least} characters")));
    }
    if length > most {
        return Err(Problem::invalid(name, &format!("must be at most {most} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<impl std::fmt::Debug, Problem>) -> String {
        match result {
            Err(Problem::Refused(_, text)) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn texts() {
        let fields =
            Fields::new(serde_json::from_str(r#"{"a":" ab ","n":null,"i":1,"e":"  ","c":"a\u0000"}"#).unwrap());
        assert_eq!(fields.text("a", 2, 2).unwrap(), "ab");
        assert_eq!(told(fields.text("a", 3, 9)), "a: must be at least 3 characters");
        assert_eq!(told(fields.text("a", 1, 1)), "a: must be at most 1 characters");
        assert_eq!(told(fields.text("n", 1, 9)), "n: is required");
        assert_eq!(told(fields.text("i", 1, 9)), "i: must be a string");
        assert_eq!(told(fields.text("e", 1, 9)), "e: must not be empty");
        assert_eq!(told(fields.text("c", 1, 9)), "c: must not contain control characters");
        assert_eq!(told(fields.email("a")), "a: must be a valid email address");
    }

    #[test]
    fn passwords() {
        let try_one = |password: &str| {
            let fields =
                Fields::new(serde_json::from_str(&serde_json::json!({"password": password}).to_string()).unwrap());
            told(fields.new_password("password", Some(&Email::from_stored("dana@example.com".to_owned()))))
        };
        assert_eq!(try_one("long enough phrase"), r#"Ok("long enough phrase")"#);
        assert_eq!(try_one("ninechars"), "password: must be at least 10 characters");
        assert_eq!(try_one(&"x".repeat(129)), "password: must be at most 128 characters");
        assert_eq!(try_one("1234567890"), "password: is too common");
        assert_eq!(try_one("QWERTYuiop"), "password: is too common");
        assert_eq!(try_one("Dana@Example.com"), "password: is too common");
    }
}
