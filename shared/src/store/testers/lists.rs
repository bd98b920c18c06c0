//! The staff's lists of testers (openscouter 17): one for each combination of filters, `minSessions` by each of its values
//! that somebody has reached.

use super::{Store, places::list, read_tester, shown_keys};
use crate::{
    model::{Standing, Tester, UserId},
    store::{BoxFuture, Page, StoreError, collection::id_of},
};

/// Which testers a list shows; `None` does not narrow it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TesterFilter<'a> {
    /// Whose account stands so.
    pub standing: Option<Standing>,
    /// Of this country.
    pub country: Option<&'a str>,
    /// With at least so many completed sessions.
    pub min_sessions: u32,
}

impl Store {
    /// One page of testers, newest first: the same cost for every page and every filter. What it says of a tester is what
    /// staff may see; consents and special-category data are not read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn testers_page<'a>(
        &'a self,
        filter: &'a TesterFilter<'a>,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page<Tester>, StoreError>> {
        Box::pin(async move {
            let list = list(filter.standing.map(Standing::as_str), filter.country, filter.min_sessions);
            let (total, ranks) = self.ranked_page(&list, (None, None), offset, limit).await?;
            let ids: Vec<_> = ranks.iter().filter_map(|rank| id_of(rank)).map(UserId::from_uuid).collect();
            let items = self.batches(ids.iter().flat_map(|id| shown_keys(*id)).collect()).await?;
            let mut members = Vec::new();
            for id in ids {
                members.extend(read_tester(id, &items)?.map(|known| known.tester));
            }
            Ok(Page { total, members })
        })
    }
}
