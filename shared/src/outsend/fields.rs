//! Bodies and their fields (outsend 2.1, 3.1).

use serde_json::{Map, Value};

use super::{
    envelope::Problem,
    messages::{Detail, Fault},
};
use crate::{
    http::{Request, count_values, query::Query},
    json,
    model::Email,
    names::{self, NameFault},
    password::{self, Weakness},
};

/// Most bytes of a body, but for the routes that name more (outsend 2.1).
pub const MAX_BODY: usize = 64 * 1024;
/// Most bytes of a body that creates jobs.
pub const MAX_JOB_BODY: usize = 4 * 1024 * 1024;
/// Most values of a body, but for the rows of a job (outsend 2.1).
pub(super) const MAX_VALUES: usize = 1_000;
/// Most entries of `errors` (outsend 3.1).
pub(super) const MAX_ERRORS: usize = 20;

/// Refuses a body of another media type than JSON (outsend 2.1).
///
/// # Errors
/// 400 when it is.
pub fn check_media(request: &Request) -> Result<(), Problem> {
    if let Some(media) = request.header("content-type") {
        let essence = media.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Detail::BadContentType.into());
        }
    }
    Ok(())
}

/// The body's object; `needed` when an empty body is none.
///
/// # Errors
/// 400 when the body is of another type, or no object in JSON; 413 when it has too many values.
pub fn object(request: &Request, needed: bool) -> Result<Map<String, Value>, Problem> {
    check_media(request)?;
    if request.body.is_empty() && !needed {
        return Ok(Map::new());
    }
    if count_values(&request.body) > MAX_VALUES {
        return Err(Detail::TooLarge.into());
    }
    // half a surrogate pair that nobody reads changes nothing
    match json::parse_any(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(bad_json(&request.body)),
    }
}

/// The refusal of a body that is no object in JSON; it tells where the body breaks.
fn bad_json(body: &[u8]) -> Problem {
    Detail::BadJson(json::broken_at(body)).into()
}

/// Checks a new password by the rule of all dialects.
///
/// # Errors
/// What is wrong with it.
pub fn check_password(password: &str, email: Option<&Email>) -> Result<(), Fault> {
    password::check_new(password, email.is_some_and(|email| email.is(password))).map_err(|weakness| match weakness {
        Weakness::Length => Fault::Characters(password::MIN_LENGTH, password::MAX_LENGTH),
        Weakness::Common => Fault::CommonPassword,
    })
}

/// Reads fields in the order of their table and gathers what is wrong with them.
#[derive(Debug)]
pub struct Fields {
    body: Map<String, Value>,
    faults: Vec<(String, Fault)>,
}

impl Fields {
    /// Reads the fields of `body`.
    #[must_use]
    pub const fn new(body: Map<String, Value>) -> Self {
        Self { body, faults: Vec::new() }
    }

    /// A field that was sent; `null` is none (outsend 0).
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// Notes what is wrong with a field, once a field.
    pub fn fault(&mut self, name: impl Into<String>, fault: Fault) {
        let name = name.into();
        if self.faults.len() < MAX_ERRORS && self.faults.iter().all(|(known, _)| *known != name) {
            self.faults.push((name, fault));
        }
    }

    fn needed(&mut self, name: &str) -> Option<Value> {
        let value = self.optional(name).cloned();
        if value.is_none() {
            self.fault(name, Fault::Required);
        }
        value
    }

    fn as_text(&mut self, name: &str, value: Value) -> Option<String> {
        match value {
            // also what stands for half a surrogate pair
            Value::String(text) if text.contains('\0') => {
                self.fault(name, Fault::Format);
                None
            }
            Value::String(text) => Some(text),
            _ => {
                self.fault(name, Fault::Type("string"));
                None
            }
        }
    }

    fn sized(&mut self, name: &str, text: String, min: usize, max: usize) -> Option<String> {
        if (min..=max).contains(&text.chars().count()) {
            return Some(text);
        }
        self.fault(name, Fault::Characters(min, max));
        None
    }

    /// A text that must be there, as it was sent.
    pub fn text(&mut self, name: &str, min: usize, max: usize) -> Option<String> {
        let value = self.needed(name)?;
        let text = self.as_text(name, value)?;
        self.sized(name, text, min, max)
    }

    /// A text that must be there, trimmed.
    pub fn trimmed(&mut self, name: &str, min: usize, max: usize) -> Option<String> {
        let value = self.needed(name)?;
        let text = self.as_text(name, value)?;
        self.sized(name, text.trim().to_owned(), min, max)
    }

    /// A text that may be left out, trimmed.
    pub fn optional_trimmed(&mut self, name: &str, min: usize, max: usize) -> Option<String> {
        self.optional(name)?;
        self.trimmed(name, min, max)
    }

    /// A text that may be left out, as it was sent.
    pub fn optional_text(&mut self, name: &str, min: usize, max: usize) -> Option<String> {
        self.optional(name)?;
        self.text(name, min, max)
    }

    /// A text that `parse` understands and that must be there.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.needed(name)?;
        let text = self.as_text(name, value)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.fault(name, Fault::Format);
        }
        parsed
    }

    /// A new password (outsend 6.1); of the account with an address, if that is known yet.
    pub fn new_password(&mut self, name: &str, email: Option<&Email>) -> Option<String> {
        let password = self.text(name, password::MIN_LENGTH, password::MAX_LENGTH)?;
        if let Err(fault) = check_password(&password, email) {
            self.fault(name, fault);
            return None;
        }
        let letter = password.chars().any(char::is_alphabetic);
        let other = password.chars().any(|c| !c.is_alphabetic() && !c.is_whitespace());
        if letter && other {
            return Some(password);
        }
        self.fault(name, Fault::WeakPassword);
        None
    }

    /// A name that others see, which may be left out: trimmed, without line breaks, invisible characters and web
    /// addresses (outsend 6.3).
    pub fn optional_name(&mut self, name: &str, max: usize) -> Option<String> {
        self.optional(name)?;
        self.name(name, max)
    }

    /// A name that others see and that must be there.
    pub fn name(&mut self, name: &str, max: usize) -> Option<String> {
        let text = self.trimmed(name, 1, max)?;
        match names::check(&text) {
            Ok(()) => Some(text),
            Err(NameFault::Invisible) => {
                self.fault(name, Fault::Invisible);
                None
            }
            Err(NameFault::Address) => {
                self.fault(name, Fault::Address);
                None
            }
        }
    }

    /// A flag that must be there and `true`.
    pub fn accepted(&mut self, name: &str) {
        match self.needed(name) {
            Some(Value::Bool(true)) | None => {}
            Some(Value::Bool(false)) => self.fault(name, Fault::NotTrue),
            Some(_) => self.fault(name, Fault::Type("boolean")),
        }
    }

    /// A flag that may be left out, which is not set then.
    pub fn optional_flag(&mut self, name: &str) -> bool {
        match self.optional(name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fault(name, Fault::Type("boolean"));
                false
            }
        }
    }

    /// A whole number that may be left out.
    pub fn optional_integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.optional(name)?.clone();
        let Some(number) = value.as_i64() else {
            self.fault(name, if value.is_u64() { Fault::Between(min, max) } else { Fault::Type("integer") });
            return None;
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.fault(name, Fault::Between(min, max));
        None
    }

    /// Ends the reading of fields that were not read in the body's order.
    ///
    /// # Errors
    /// 422 with everything that is wrong, in the order in which the body has the fields, else in that of `names`.
    pub fn finish_in(mut self, names: &[&str]) -> Result<(), Problem> {
        let order = |field: &str| {
            let name = field.split('.').next().unwrap_or_default();
            let sent = self.body.keys().position(|key| key == name);
            (sent.is_none(), sent.or_else(|| names.iter().position(|known| *known == name)))
        };
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by_key(|(field, _)| order(field));
        self.faults = faults;
        self.finish()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with everything that is wrong, in the order in which the body has the fields; one that it lacks keeps its place
    /// in the table.
    pub fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let place = |(field, _): &(String, Fault)| {
            let name = field.split('.').next().unwrap_or_default();
            self.body.keys().position(|key| key == name)
        };
        let mut sent: Vec<_> = self.faults.iter().filter(|fault| place(fault).is_some()).cloned().collect();
        sent.sort_by_key(place);
        let mut sent = sent.into_iter();
        let ordered = self.faults.iter().map(|fault| {
            let next = if place(fault).is_some() { sent.next() } else { None };
            next.unwrap_or_else(|| fault.clone())
        });
        Err(Problem::Invalid(ordered.collect()))
    }
}

/// `limit` and `offset` (outsend 2.3).
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// Most entries of the answer.
    pub limit: u32,
    /// Entries before the first one.
    pub offset: u64,
}

impl Paging {
    /// Reads both; what is wrong with them goes into `faults`.
    pub fn read(query: &Query, max: u32, default: u32, faults: &mut Vec<(String, Fault)>) -> Self {
        let mut number = |name: &str, min: i64, max: i64| -> Option<i64> {
            let text = query.last(name)?;
            let number = text.trim().parse::<i128>();
            let fault = match number {
                Ok(number) if (i128::from(min)..=i128::from(max)).contains(&number) => {
                    return i64::try_from(number).ok();
                }
                // behind the end of every list
                Ok(number) if max == i64::MAX && number > 0 => return Some(max),
                Ok(_) => Fault::Between(min, max),
                Err(_) => Fault::Type("integer"),
            };
            faults.push((name.to_owned(), fault));
            None
        };
        let limit = number("limit", 1, i64::from(max)).and_then(|limit| u32::try_from(limit).ok());
        let offset = number("offset", 0, i64::MAX).and_then(|offset| u64::try_from(offset).ok());
        Self { limit: limit.unwrap_or(default), offset: offset.unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_stand_in_the_order_of_the_body() {
        let body = json!({"scopes": 1, "x": 2, "name": 3, "days": 4});
        let mut fields = Fields::new(body.as_object().cloned().unwrap_or_default());
        for name in ["email", "name", "name.1", "days", "missing", "scopes", "scopes.0"] {
            fields.fault(name, Fault::Format);
        }
        let Err(Problem::Invalid(faults)) = fields.finish() else { unreachable!("there are faults") };
        let names: Vec<_> = faults.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["email", "scopes", "scopes.0", "name", "missing", "name.1", "days"]);
        assert!(Fields::new(Map::new()).finish().is_ok());
    }
}
