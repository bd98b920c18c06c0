//! Filters and ordering of the list (outset 8.5).

use time::OffsetDateTime;

use super::{boolean::coerce_text, datetime, error::FieldError, query::Query};
use crate::model::Status;

/// In which order a list is shown; ties by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// Newest first.
    #[default]
    CreatedDescending,
    /// Oldest first.
    CreatedAscending,
    /// By name.
    NameAscending,
    /// By name, backwards.
    NameDescending,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// By `active`.
    pub active: Option<bool>,
    /// By status, any of these.
    pub statuses: Option<Vec<String>>,
    /// Created strictly later.
    pub created_after: Option<OffsetDateTime>,
    /// Updated at or later.
    pub updated_since: Option<OffsetDateTime>,
    /// Words that all occur in the name, in lower case.
    pub search: Vec<String>,
    /// Order.
    pub ordering: Ordering,
}

const WRONG_TIME: &str = "Datetime has wrong format. Use one of these formats instead: \
                          YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";

/// Reads all filters; an empty value means "not given".
///
/// # Errors
/// All that are bad.
pub fn parse(query: &Query) -> Result<Filters, Vec<FieldError>> {
    let given = |name: &str| query.last(name).filter(|value| !value.is_empty());
    let mut errors = Vec::new();
    let mut filters = Filters::default();
    if let Some(text) = given("active") {
        filters.active = coerce_text(text);
        if filters.active.is_none() {
            errors.push(FieldError::of("active", "invalid", "Must be a valid boolean."));
        }
    }
    if let Some(list) = given("status") {
        let mut statuses: Vec<String> = list.split(',').map(str::to_owned).collect();
        statuses.dedup();
        if let Some(unknown) = statuses.iter().find(|status| Status::parse(status).is_none()) {
            errors.push(FieldError::of("status", "invalid_choice", format!("\"{unknown}\" is not a valid choice.")));
        }
        filters.statuses = Some(statuses);
    }
    for (name, place) in [("created_after", &mut filters.created_after), ("updated_since", &mut filters.updated_since)]
    {
        if let Some(text) = given(name) {
            *place = datetime::parse_filter(text);
            if place.is_none() {
                errors.push(FieldError::of(name, "invalid", WRONG_TIME));
            }
        }
    }
    filters.search = given("search").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    filters.ordering = given("ordering").and_then(|list| list.split(',').find_map(ordering)).unwrap_or_default();
    if errors.is_empty() { Ok(filters) } else { Err(errors) }
}

fn ordering(term: &str) -> Option<Ordering> {
    match term.trim() {
        "created_at" => Some(Ordering::CreatedAscending),
        "-created_at" => Some(Ordering::CreatedDescending),
        "name" => Some(Ordering::NameAscending),
        "-name" => Some(Ordering::NameDescending),
        _ => None,
    }
}
