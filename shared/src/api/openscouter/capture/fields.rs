//! The members of a captured item, read where they stand in the body: none of them is copied before it is kept, and
//! what is not asked for is passed over.
//!
//! JSON that no value could hold (half of a surrogate pair, `1e999`) is refused with the field that it stands in, and
//! with nothing else.

use std::{borrow::Cow, fmt, fmt::Write as _};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::super::text::parse_time;

/// What a rule says: a value, or the reason why there is none.
pub(super) type Judged<T> = Result<T, String>;

/// A member of an object: its name with the path before it, and what was sent for it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    path: &'a str,
    name: &'a str,
    raw: Option<&'a RawValue>,
}

/// Reads an object's members by their names. Of repeated ones the last counts; unknown ones are passed over.
struct Members<'a, const N: usize>([Field<'a>; N]);

impl<'a, const N: usize> DeserializeSeed<'a> for Members<'a, N> {
    type Value = [Field<'a>; N];

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a, const N: usize> Visitor<'a> for Members<'a, N> {
    type Value = [Field<'a>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<Self::Value, M::Error> {
        while let Some(name) = map.next_key::<&RawValue>()? {
            match self.0.iter_mut().find(|field| is_named(name, field.name)) {
                Some(field) => field.raw = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(self.0)
    }
}

/// Whether a member's name, as it was sent, is this one.
fn is_named(sent: &RawValue, name: &str) -> bool {
    let sent = sent.get();
    match sent.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => plain == name,
        _ => serde_json::from_str::<String>(sent).is_ok_and(|sent| sent == name),
    }
}

/// A text as it was sent, without a copy where nothing in it is escaped.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inside = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inside))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn number_of(raw: &RawValue) -> Option<f64> {
    let text = raw.get();
    let number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    number.then(|| text.parse().ok())?.filter(|number: &f64| number.is_finite())
}

impl<'a> Field<'a> {
    /// The members of an object, in the order of `names`; the text is one JSON value.
    pub(super) fn of<const N: usize>(names: [&'a str; N], text: &'a str) -> Judged<[Self; N]> {
        Self::below("", names, text).map_err(|_| "must be an object".to_owned())
    }

    /// The members of a JSON text that need be none; the error says where it stops being an object.
    pub(super) fn below<const N: usize>(
        path: &'a str,
        names: [&'a str; N],
        text: &'a str,
    ) -> serde_json::Result<[Self; N]> {
        let members = Members(names.map(|name| Field { path, name, raw: None }));
        let mut json = serde_json::Deserializer::from_str(text);
        let members = members.deserialize(&mut json)?;
        json.end()?;
        Ok(members)
    }

    /// What was sent; `null` is nothing.
    pub(super) fn sent(self) -> Option<&'a RawValue> {
        self.raw.filter(|raw| raw.get() != "null")
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
        Ok(Some((number, raw.get())))
    }

    /// A whole number, checked and as it was sent.
    pub(super) fn integer(self, least: f64, most: f64) -> Judged<Option<(f64, &'a str)>> {
        let fraction = |raw: &&RawValue| raw.get().contains(['.', 'e', 'E']) || number_of(raw).is_none();
        if self.sent().is_some_and(|raw| fraction(&raw)) {
            return Err(self.refused("must be an integer"));
        }
        self.number(least, most)
    }

    pub(super) fn flag(self) -> Judged<Option<bool>> {
        match self.sent().map(RawValue::get) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.refused("must be a boolean")),
        }
    }

    /// The members of an object, whose path is the one given.
    pub(super) fn object<const N: usize>(self, path: &'a str, names: [&'a str; N]) -> Judged<Option<[Self; N]>> {
        let Some(raw) = self.sent() else { return Ok(None) };
        Self::below(path, names, raw.get()).map(Some).map_err(|_| self.refused("must be an object"))
    }

    /// A member that was read already.
    pub(super) const fn within(path: &'a str, name: &'a str, raw: &'a RawValue) -> Self {
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

    /// Keeps JSON under a name.
    pub(super) fn json(&mut self, name: &str, json: impl fmt::Display) {
        let comma = if self.first { "" } else { "," };
        self.first = false;
        // a string takes whatever is written to it
        let _ = write!(self.json, "{comma}\"{name}\":{json}");
    }

    /// Keeps a text.
    pub(super) fn text(&mut self, name: &str, text: &Cow<'_, str>) {
        match text {
            // it stood in the body like that
            Cow::Borrowed(text) => self.json(name, format_args!("\"{text}\"")),
            Cow::Owned(text) => self.json(name, serde_json::Value::from(text.as_str())),
        }
    }

    /// Keeps a number as it was sent.
    pub(super) fn number(&mut self, name: &str, number: Option<(f64, &str)>) {
        if let Some((_, sent)) = number {
            self.json(name, sent);
        }
    }
}
