//! Filters and ordering of the list (outset 8.5).

use time::OffsetDateTime;

use super::{boolean::coerce_text, datetime, error::FieldError};
use crate::http::query::Query;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_and_what_is_not() {
        let read = |raw: &str| parse(&Query::parse(raw)).unwrap();
        assert_eq!(read("active=&status=&created_after=&updated_since=&search=&ordering=x,&zzz=1"), Filters::default());
        let filters = read("active=x&active=OFF&status=open,paused&search=+Two++WORDS&ordering=x,-name,name");
        assert_eq!(filters.active, Some(false));
        assert_eq!(filters.statuses, Some(vec!["open".to_owned(), "paused".to_owned()]));
        assert_eq!(filters.search, ["two", "words"]);
        assert_eq!(filters.ordering, Ordering::NameDescending);
        let filters = read("created_after=2025-07-01&updated_since=2025-07-01T02:00:00%2B02:00");
        assert!(filters.created_after.is_some() && filters.created_after == filters.updated_since);
    }

    #[test]
    fn all_that_are_bad() {
        let query = Query::parse("updated_since=x&created_after=y&status=open,Open&active=maybe");
        let errors = parse(&query).unwrap_err();
        let all: Vec<_> = errors.iter().map(|error| (error.field.unwrap_or_default(), error.code)).collect();
        let invalid = |field| (field, "invalid");
        let expected =
            [invalid("active"), ("status", "invalid_choice"), invalid("created_after"), invalid("updated_since")];
        assert_eq!(all, expected);
        assert_eq!(errors.get(1).map(|error| error.detail.as_str()), Some("\"Open\" is not a valid choice."));
    }
}
