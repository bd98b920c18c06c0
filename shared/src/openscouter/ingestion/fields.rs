//! The members of a captured item, read where they stand in the body: none of them is copied before it is kept, and
//! what is not asked for is passed over. The body is known to be valid JSON by then.
//!
//! JSON that no value could hold (half of a surrogate pair, `1e999`) is refused with the field that it stands in, and
//! with nothing else.

use std::{borrow::Cow, fmt, fmt::Write as _};

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    super::format::parse_time,
    scan::{Scan, plain},
};
use crate::json;

/// By how much a share may be over its bounds: what people compute of pixels and 32-bit floats ends there.
pub(super) const ROUNDED: f64 = 0.001;

/// What a rule says: a value, or the reason why there is none.
pub(super) type Judged<T> = Result<T, String>;

/// A member of an object: its name with the path before it, and what was sent for it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    path: &'a str,
    name: &'a str,
    raw: Option<&'a str>,
}

/// A text as it was sent, without a copy where nothing in it is escaped. Half a surrogate pair is a control character (openscouter
/// 2.1).
pub(super) fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    if let Some(text) = plain(raw) {
        return Some(Cow::Borrowed(text));
    }
    // what is no string is not parsed: as a value it can be many times as long as its text
    let text = raw.starts_with('"').then(|| json::parse_any(raw.as_bytes()).ok()).flatten();
    match text {
        Some(Value::String(text)) => Some(Cow::Owned(text)),
        _ => None,
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// How a bound of a share prints.
fn whole(bound: f64) -> &'static str {
    match () {
        () if bound > 0.0 => "1",
        () if bound < 0.0 => "-1",
        () => "0",
    }
}

/// A number as it was sent; one that is too large for any is over every bound (openscouter 2.1).
fn number_of(raw: &str) -> Option<f64> {
    let number = matches!(raw.as_bytes(), [b'-' | b'0'..=b'9', ..]);
    number.then(|| raw.parse().ok())?
}

impl<'a> Field<'a> {
    /// The members of the object that is next, in the order of `names`, under a path. Of repeated ones the last counts,
    /// unknown ones are passed over. What is no object is passed, too, and is `None`.
    pub(super) fn of<const N: usize>(path: &'a str, names: [&'a str; N], scan: &mut Scan<'a>) -> Option<[Self; N]> {
        if !scan.enter(b'{') {
            scan.value();
            return None;
        }
        let mut members = names.map(|name| Field { path, name, raw: None });
        while scan.more(b'}') {
            let Some(name) = text_of(scan.name()) else {
                scan.value();
                continue;
            };
            let (name, value) = (name.as_bytes(), scan.value());
            // most names differ in their length or their first letter
            let same = |own: &[u8]| own.len() == name.len() && own.first() == name.first() && own == name;
            if let Some(field) = members.iter_mut().find(|field| same(field.name.as_bytes())) {
                field.raw = Some(value);
            }
        }
        Some(members)
    }

    /// What was sent; `null` is nothing.
    pub(super) fn sent(self) -> Option<&'a str> {
        self.raw.filter(|raw| *raw != "null")
    }

    /// A refusal of this field.
    pub(super) fn refused(self, reason: &str) -> String {
        format!("{}{}: {reason}", self.path, self.name)
    }

    pub(super) fn required(self) -> Judged<Self> {
        match self.sent() {
            Some(_) => Ok(self),
            None => Err(format!("Missing required field: {}{}", self.path, self.name)),
        }
    }

    /// A trimmed text of so many characters.
    pub(super) fn text(self, (least, most): (usize, usize)) -> Judged<Option<Cow<'a, str>>> {
        let Some(raw) = self.sent() else { return Ok(None) };
        let text = trimmed(text_of(raw).ok_or_else(|| self.refused("must be a string"))?);
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !printable && text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(self.refused("must not contain control characters"));
        }
        if text.is_empty() && least > 0 {
            return Err(self.refused("must not be empty"));
        }
        // no text has more characters than bytes
        if text.len() > most && text.chars().count() > most {
            return Err(self.refused(&format!("must be at most {most} characters")));
        }
        Ok(Some(text))
    }

    /// A text of which every character is one of some, at most so many.
    pub(super) fn word(self, most: usize, (class, name): (fn(u8) -> bool, &str)) -> Judged<Option<Cow<'a, str>>> {
        let Some(text) = self.text((1, usize::MAX))? else { return Ok(None) };
        if text.len() > most || !text.bytes().all(class) {
            return Err(self.refused(&format!("must be 1 to {most} of the characters {name}")));
        }
        Ok(Some(text))
    }

    pub(super) fn time(self) -> Judged<Option<OffsetDateTime>> {
        let Some(raw) = self.sent() else { return Ok(None) };
        let text = text_of(raw).ok_or_else(|| self.refused("must be a string"))?;
        let time = parse_time(text.trim()).ok_or_else(|| self.refused("must be an ISO 8601 timestamp"))?;
        Ok(Some(time))
    }

    /// A number, checked and as it was sent.
    pub(super) fn number(self, least: f64, most: f64) -> Judged<Option<(f64, &'a str)>> {
        let Some(raw) = self.sent() else { return Ok(None) };
        let number = number_of(raw).ok_or_else(|| self.refused("must be a number"))?;
        if number < least {
            return Err(self.refused(&format!("must be at least {least}")));
        }
        if number > most {
            return Err(self.refused(&format!("must be at most {most}")));
        }
        Ok(Some((number, raw)))
    }

    /// A share, checked and as it was sent; where it was rounded over its bounds, the bound (openscouter 11.1).
    pub(super) fn share(self, least: f64, most: f64) -> Judged<Option<(f64, &'a str)>> {
        if let Some((number, _)) = self.number(f64::NEG_INFINITY, f64::INFINITY)?
            && !(least..=most).contains(&number)
            && let Some(bound) = [least, most].into_iter().find(|bound| (number - bound).abs() <= ROUNDED)
        {
            return Ok(Some((bound, whole(bound))));
        }
        self.number(least, most)
    }

    /// A whole number, checked and as it was sent.
    pub(super) fn integer(self, least: f64, most: f64) -> Judged<Option<(f64, &'a str)>> {
        let fraction = |raw: &str| raw.contains(['.', 'e', 'E']) || number_of(raw).is_none();
        if self.sent().is_some_and(fraction) {
            return Err(self.refused("must be an integer"));
        }
        self.number(least, most)
    }

    pub(super) fn flag(self) -> Judged<Option<bool>> {
        match self.sent() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.refused("must be a boolean")),
        }
    }

    /// The members of an object, whose path is the one given.
    pub(super) fn object<const N: usize>(self, path: &'a str, names: [&'a str; N]) -> Judged<Option<[Self; N]>> {
        let Some(raw) = self.sent() else { return Ok(None) };
        let members = Self::of(path, names, &mut Scan::new(raw));
        members.map(Some).ok_or_else(|| self.refused("must be an object"))
    }

    /// A member that was read already.
    pub(super) const fn within(path: &'a str, name: &'a str, raw: &'a str) -> Self {
        Self { path, name, raw: Some(raw) }
    }
}

/// What is kept of an item: the end of the batch's JSON.
pub(super) struct Kept<'a> {
    json: &'a mut String,
    first: bool,
}

impl<'a> Kept<'a> {
    /// An object without members.
    pub(super) fn open(json: &'a mut String) -> Self {
        json.push('{');
        Self { json, first: true }
    }

    pub(super) fn close(self) {
        self.json.push('}');
    }

    fn name(&mut self, name: &str) {
        if !self.first {
            self.json.push(',');
        }
        self.first = false;
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }

    /// Keeps JSON under a name.
    pub(super) fn json(&mut self, name: &str, json: &str) {
        self.name(name);
        self.json.push_str(json);
    }

    /// Keeps what prints as JSON.
    pub(super) fn shown(&mut self, name: &str, json: impl fmt::Display) {
        self.name(name);
        // a string takes whatever is written to it
        let _ = write!(self.json, "{json}");
    }

    /// Keeps a text.
    pub(super) fn text(&mut self, name: &str, text: Cow<'_, str>) {
        match text {
            Cow::Borrowed(text) => {
                // it stood in the body like that
                self.name(name);
                self.json.push('"');
                self.json.push_str(text);
                self.json.push('"');
            }
            Cow::Owned(text) => self.shown(name, serde_json::Value::from(text)),
        }
    }

    /// Keeps a number as it was sent.
    pub(super) fn number(&mut self, name: &str, number: Option<(f64, &str)>) {
        if let Some((_, sent)) = number {
            self.json(name, sent);
        }
    }
}
