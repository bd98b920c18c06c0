//! Filters and ordering of the list (outset 8.5).

use time::OffsetDateTime;

use shared::{
    http::query::Query,
    model::{Status, Study},
    outset::{boolean, datetime, envelope::FieldError},
    store::StudyFilter,
};

/// In which order a list is shown; ties by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ordering {
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
pub(crate) struct Filters {
    /// By `active`.
    pub(crate) active: Option<bool>,
    /// By status, any of these.
    pub(crate) statuses: Option<Vec<String>>,
    /// Created strictly later.
    pub(crate) created_after: Option<OffsetDateTime>,
    /// Updated at or later.
    pub(crate) updated_since: Option<OffsetDateTime>,
    /// Words that all occur in the name, in lower case.
    pub(crate) search: Vec<String>,
    /// Order.
    pub(crate) ordering: Ordering,
}

impl Filters {
    /// The list that keeps its count under these filters, if there is one (outset 8.6).
    pub(crate) fn counted(&self) -> Option<StudyFilter> {
        let counted = self.updated_since.is_none() && self.search.is_empty();
        if !counted || self.ordering != Ordering::CreatedDescending {
            return None;
        }
        match (self.active, self.statuses.as_deref()) {
            (None, None) => Some(StudyFilter::All),
            (Some(active), None) => Some(StudyFilter::Active(active)),
            (None, Some([status])) => Status::parse(status).map(StudyFilter::Status),
            _ => None,
        }
    }

    /// Whether a study is shown.
    pub(crate) fn matches(&self, study: &Study) -> bool {
        let name = study.name.to_lowercase();
        self.active.is_none_or(|active| study.status.is_active() == active)
            && self.statuses.as_ref().is_none_or(|all| all.iter().any(|status| status == study.status.as_str()))
            && self.created_after.is_none_or(|after| study.created_at > after)
            && self.updated_since.is_none_or(|since| study.updated_at >= since)
            && self.search.iter().all(|word| name.contains(word.as_str()))
    }
}

impl Ordering {
    /// Puts studies into this order.
    pub(crate) fn sort(self, studies: &mut [Study]) {
        match self {
            Self::CreatedDescending => studies.sort_by(|a, b| b.created_at.cmp(&a.created_at).then(a.id.cmp(&b.id))),
            Self::CreatedAscending => studies.sort_by(|a, b| a.created_at.cmp(&b.created_at).then(a.id.cmp(&b.id))),
            Self::NameAscending => studies.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id))),
            Self::NameDescending => studies.sort_by(|a, b| b.name.cmp(&a.name).then(a.id.cmp(&b.id))),
        }
    }
}

const WRONG_TIME: &str = "Datetime has wrong format. Use one of these formats instead: \
                          YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";

/// Reads all filters; an empty value means "not given".
///
/// # Errors
/// All that are bad.
pub(crate) fn parse(query: &Query) -> Result<Filters, Vec<FieldError>> {
    let given = |name: &str| query.last(name).filter(|value| !value.is_empty());
    let mut errors = Vec::new();
    let mut filters = Filters::default();
    if let Some(text) = given("active") {
        filters.active = boolean::read(text);
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
