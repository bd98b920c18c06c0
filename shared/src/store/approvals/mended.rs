//! Pages of a list that is a sweep behind: as if it had been mended already.

use std::collections::HashMap;

/// A stored list, less what it has and should not have, or with what it lacks.
pub(super) struct Mended<'a> {
    /// Members of the stored list.
    pub(super) stored: u64,
    /// In order, each with the number of stored members before it.
    pub(super) misplaced: &'a [(u64, Vec<u8>)],
    /// Whether the list shows what holds, so that what is misplaced is too much.
    pub(super) active: bool,
}

impl Mended<'_> {
    /// Members of the mended list.
    pub(super) fn total(&self) -> u64 {
        let misplaced = self.misplaced.len() as u64;
        if self.active { self.stored.saturating_sub(misplaced) } else { self.stored + misplaced }
    }

    /// The stored members that a page needs: the first one's place, and how many at most.
    pub(super) fn span(&self, offset: u64, limit: u64) -> (u64, u64) {
        if self.active {
            let first =
                self.misplaced.iter().fold(offset, |place, (at, _)| if *at <= place { place + 1 } else { place });
            return (first, limit + self.misplaced.len() as u64);
        }
        let before = self.places().take_while(|place| *place < offset).count() as u64;
        (offset - before, limit)
    }

    /// The places that what is lacking takes in the mended list.
    fn places(&self) -> impl Iterator<Item = u64> + '_ {
        (0..).zip(self.misplaced).map(|(number, (before, _))| before + number)
    }

    /// The page, out of the stored members of its [`Mended::span`].
    pub(super) fn page(&self, stored: Vec<Vec<u8>>, offset: u64, limit: u64) -> Vec<Vec<u8>> {
        let mut stored = stored.into_iter();
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.active {
            let kept = stored.filter(|rank| !self.misplaced.iter().any(|(_, ended)| ended == rank));
            return kept.take(most).collect();
        }
        let lacking: HashMap<_, _> = self.places().zip(self.misplaced.iter().map(|(_, rank)| rank)).collect();
        let end = self.total().min(offset.saturating_add(limit));
        (offset..end)
            .filter_map(|place| lacking.get(&place).map(|rank| (*rank).clone()).or_else(|| stored.next()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every page of a mended list is that of the list which it stands for.
    #[test]
    fn pages_of_mended_lists() {
        let rank = |number: u8| vec![number];
        for mask in 0_u32..256 {
            for active in [true, false] {
                let ended = |number: &u8| mask >> number & 1 == 1;
                // the list of those that hold has all eight still; the other one has none of those that ended
                let stored: Vec<u8> = (0..8).filter(|number| active || !ended(number)).collect();
                let wanted: Vec<u8> = (0..8).filter(|number| !active || !ended(number)).collect();
                let before = |number: u8| stored.iter().filter(|known| **known < number).count() as u64;
                let misplaced: Vec<_> = (0..8).filter(ended).map(|number| (before(number), rank(number))).collect();
                let mended = Mended { stored: stored.len() as u64, misplaced: &misplaced, active };
                assert_eq!(mended.total(), wanted.len() as u64);
                for offset in 0..10_u8 {
                    for limit in 1..10_u8 {
                        let (first, count) = mended.span(offset.into(), limit.into());
                        let part = stored.iter().skip(first as usize).take(count as usize).map(|n| rank(*n)).collect();
                        let page: Vec<_> =
                            wanted.iter().skip(offset.into()).take(limit.into()).map(|n| rank(*n)).collect();
                        assert_eq!(
                            mended.page(part, offset.into(), limit.into()),
                            page,
                            "{mask:b} {active} {offset} {limit}"
                        );
                    }
                }
            }
        }
    }
}
