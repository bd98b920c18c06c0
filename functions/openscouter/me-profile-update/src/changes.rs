//! The fields of a profile and their rules (openscouter 18).

use serde_json::{Value, json};

use shared::openscouter::{
    envelope::Problem,
    fields::{Fields, as_text},
    lists::{COUNTRIES, LANGUAGES, ND_CATEGORIES, is_listed},
};

/// Names of time zones, one a line (IANA).
const TIME_ZONES: &str = include_str!("time-zones.txt");
/// Years of birth start here.
const MIN_YEAR: i64 = 1900;
/// Most characters of an assistive technology.
const MAX_TECHNOLOGY: usize = 80;
const DEVICES: [&str; 3] = ["desktop", "mobile", "tablet"];

/// What a PATCH sets.
pub(super) struct Changes {
    /// Fields of the profile by their wire names; `null` clears one.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// The special categories, which are not kept with the profile.
    pub(super) special: Option<Vec<String>>,
}

impl Changes {
    /// Reads a body's fields in the contract's order: the first violation is the one that counts.
    pub(super) fn read(fields: &Fields, year: i32) -> Result<Self, Problem> {
        let mut sent = Sent { fields, changes: Vec::new() };
        sent.nullable("country", country)?;
        sent.nullable("birthYear", |name, value| birth_year(name, value, year))?;
        sent.list("devices", 3, device)?;
        sent.list("languages", 200, language)?;
        let special = match sent.given("ndCategories")? {
            None => None,
            Some(_) => {
                let reason = format!("must be one of: {}", ND_CATEGORIES.join(", "));
                let known = |name: &str| ND_CATEGORIES.contains(&name);
                Some(fields.names("ndCategories", (0, ND_CATEGORIES.len()), known, &reason)?)
            }
        };
        sent.list("assistiveTech", 20, technology)?;
        sent.nullable("bio", |name, _| Ok(json!(fields.text(name, 0, 1_000)?)))?;
        sent.nullable("timezone", time_zone)?;
        sent.flag("available")?;
        sent.flag("cameraOptOut")?;
        Ok(Self { fields: sent.changes, special })
    }
}

/// The fields that were sent, and what they change so far.
struct Sent<'a> {
    fields: &'a Fields,
    changes: Vec<(&'static str, Value)>,
}

impl Sent<'_> {
    /// A field that was sent, and that `null` does not clear.
    fn given(&self, name: &str) -> Result<Option<&Value>, Problem> {
        match self.fields.optional(name) {
            None if self.fields.has(name) => Err(Problem::invalid(name, "must not be null")),
            value => Ok(value),
        }
    }

    /// A field that `null` clears; else `read` says what it becomes.
    fn nullable(
        &mut self,
        name: &'static str,
        read: impl Fn(&str, &Value) -> Result<Value, Problem>,
    ) -> Result<(), Problem> {
        if self.fields.has(name) {
            let value = self.fields.optional(name).map(|value| read(name, value)).transpose()?;
            self.changes.push((name, value.unwrap_or_default()));
        }
        Ok(())
    }

    /// A list of at most so many distinct texts, each of which `check` passes.
    fn list(
        &mut self,
        name: &'static str,
        most: usize,
        check: fn(&str, &str) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if self.given(name)?.is_none() {
            return Ok(());
        }
        let mut entries: Vec<&str> = Vec::new();
        for (index, value) in self.fields.array(name, 0, most)?.iter().enumerate() {
            let field = format!("{name}[{index}]");
            let text = as_text(&field, value)?.trim();
            check(&field, text)?;
            if entries.contains(&text) {
                return Err(Problem::invalid(name, "must not contain duplicates"));
            }
            entries.push(text);
        }
        self.changes.push((name, json!(entries)));
        Ok(())
    }

    fn flag(&mut self, name: &'static str) -> Result<(), Problem> {
        if self.given(name)?.is_some() {
            self.changes.push((name, json!(self.fields.flag(name)?)));
        }
        Ok(())
    }
}

fn country(name: &str, value: &Value) -> Result<Value, Problem> {
    if is_listed(COUNTRIES, as_text(name, value)?) {
        Ok(value.clone())
    } else {
        Err(Problem::invalid(name, "must be an ISO 3166-1 alpha-2 code"))
    }
}

fn birth_year(name: &str, value: &Value, year: i32) -> Result<Value, Problem> {
    let number = value.as_i64().ok_or_else(|| Problem::invalid(name, "must be an integer"))?;
    if number < MIN_YEAR {
        return Err(Problem::invalid(name, &format!("must be at least {MIN_YEAR}")));
    }
    if number > i64::from(year) {
        return Err(Problem::invalid(name, &format!("must be at most {year}")));
    }
    Ok(value.clone())
}

fn time_zone(name: &str, value: &Value) -> Result<Value, Problem> {
    if is_listed(TIME_ZONES, as_text(name, value)?) {
        Ok(value.clone())
    } else {
        Err(Problem::invalid(name, "must be an IANA time zone"))
    }
}

fn device(field: &str, text: &str) -> Result<(), Problem> {
    if DEVICES.contains(&text) {
        Ok(())
    } else {
        Err(Problem::invalid(field, &format!("must be one of: {}", DEVICES.join(", "))))
    }
}

fn language(field: &str, text: &str) -> Result<(), Problem> {
    if is_listed(LANGUAGES, text) { Ok(()) } else { Err(Problem::invalid(field, "must be an ISO 639-1 code")) }
}

fn technology(field: &str, text: &str) -> Result<(), Problem> {
    let reason = match text.chars().count() {
        0 => "must not be empty".to_owned(),
        length if length > MAX_TECHNOLOGY => format!("must be at most {MAX_TECHNOLOGY} characters"),
        _ if text.chars().any(char::is_control) => "must not contain control characters".to_owned(),
        _ => return Ok(()),
    };
    Err(Problem::invalid(field, &reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_zones_are_those_of_iana() {
        assert!(is_listed(TIME_ZONES, "Europe/Berlin") && is_listed(TIME_ZONES, "UTC"));
    }

    #[test]
    fn fields_are_read_in_order_and_the_categories_apart() {
        let object = json!({"ndCategories": ["adhd"], "bio": null, "country": "DE", "languages": ["de", "en"]});
        let fields = Fields::new(object.as_object().unwrap().clone());
        let changes = Changes::read(&fields, 2026).unwrap();
        let expected = [("country", json!("DE")), ("languages", json!(["de", "en"])), ("bio", Value::Null)];
        assert_eq!(changes.fields, expected);
        assert_eq!(changes.special, Some(vec!["adhd".to_owned()]));
    }
}
