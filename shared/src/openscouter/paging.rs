//! Pages of lists (openscouter 2.7).

use serde::Serialize;

use super::envelope::{Problem, list};
use crate::http::{Response, query::Query};

/// Most rows of a page.
const MAX_ROWS: u32 = 100;

/// A page that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// The page's number, from 1.
    pub page: u64,
    /// Rows of a page.
    pub limit: u32,
}

impl Paging {
    /// Reads `page` and `limit` (openscouter 2.7).
    ///
    /// # Errors
    /// 400 when one of them is no integer of at least 1.
    pub fn read(query: &Query) -> Result<Self, Problem> {
        let number = |name: &str, default: u64| match query.last(name) {
            None => Ok(default),
            Some(text) => {
                let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = digits.then(|| text.parse::<u64>().ok()).flatten().filter(|number| *number >= 1);
                number.ok_or_else(|| Problem::bad(format!("{name}: must be an integer of at least 1")))
            }
        };
        let (page, limit) = (number("page", 1)?, number("limit", 20)?);
        Ok(Self { page, limit: u32::try_from(limit).unwrap_or(MAX_ROWS).min(MAX_ROWS) })
    }

    /// Rows before the page.
    #[must_use]
    pub fn offset(self) -> u64 {
        (self.page - 1).saturating_mul(u64::from(self.limit))
    }

    /// The query that asks for another page of the same list.
    #[must_use]
    pub fn query(self, page: u64) -> String {
        format!("page={page}&limit={}", self.limit)
    }

    /// The page with these rows, of a list of `total`.
    pub fn list<T: Serialize>(self, rows: &[T], total: u64) -> Response {
        list(rows, self.page, self.limit, total)
    }

    /// The page of a list that has no rows: what an id that matches nothing gives (openscouter 2.2).
    #[must_use]
    pub fn empty_list(self) -> Response {
        self.list::<()>(&[], 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        match result {
            Err(Problem::Refused(_, text)) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn pages() {
        let page = |text: &str| Paging::read(&Query::parse(text)).map(|paging| (paging.page, paging.limit));
        assert_eq!(page("").unwrap(), (1, 20));
        assert_eq!(page("page=9&limit=500").unwrap(), (9, 100));
        assert_eq!(page("page=0&page=2").unwrap(), (2, 20));
        for wrong in ["page=0", "page=-1", "page=x", "page=", "page=1.0", "page=1234567890123456789"] {
            assert_eq!(told(page(wrong)), "page: must be an integer of at least 1", "{wrong}");
        }
        assert_eq!(told(page("limit=0")), "limit: must be an integer of at least 1");
    }
}
