//! What the tools' handlers share: arguments that several of them take, and how a result becomes JSON (openscouter 19.2).

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use shared::openscouter::{envelope::Problem, fields::Fields};

/// Rows that a list has unless it is asked for another number.
const DEFAULT_LIMIT: u32 = 20;
/// Most rows of a list.
const MAX_LIMIT: u32 = 100;

/// The text of an argument that names an object; empty, which names none, when it is missing or no text.
pub(crate) fn id<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.optional(name).and_then(Value::as_str).unwrap_or_default()
}

/// How many rows a list is to have.
///
/// # Errors
/// 422 when it is no such number.
pub(crate) fn limit(fields: &Fields) -> Result<u32, Problem> {
    Ok(fields.optional_integer("limit", 1, MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT))
}

/// A result as JSON.
///
/// # Errors
/// When it is none.
pub(crate) fn json(result: &impl Serialize) -> Result<Box<RawValue>, Problem> {
    serde_json::value::to_raw_value(result).map_err(|error| Problem::Crash(error.to_string()))
}
