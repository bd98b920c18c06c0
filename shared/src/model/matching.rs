//! Matching of testers to a study's targeting (openscouter 14.1): pure, in integers, so that the same testers are always
//! in the same order.

use serde::{Deserialize, Serialize};

use super::{Targeting, UserId};

/// What businesses said of a tester's sessions (openscouter 10.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratings {
    /// Of all ratings, each 1 to 5.
    pub sum: u64,
    /// How many.
    pub count: u64,
}

impl Ratings {
    /// The mean in tenths, halves up; `None` of a tester whom nobody rated.
    #[must_use]
    pub fn mean_tenths(self) -> Option<u32> {
        let doubled = (self.sum * 20 + self.count).checked_div(2 * self.count)?;
        u32::try_from(doubled).ok()
    }
}

/// How well a tester fits a study, in ten-thousandths of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MatchScore(pub u32);

impl MatchScore {
    /// The score as the wire has it, a number of at most 4 decimals.
    #[must_use]
    pub fn as_number(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// Of the score: shared ND categories, shared devices.
const CATEGORIES: u32 = 4_000;
const DEVICES: u32 = 2_000;
/// Of the score: each completed session, up to ten of them.
const SESSION: u32 = 200;
const MAX_SESSIONS: u32 = 10;
/// Of the score: each tenth of the rating; an unrated tester counts as one of 3.0.
const RATING_TENTH: u32 = 40;
const UNRATED_TENTHS: u32 = 30;

/// The part of every score that depends on the tester alone: completed sessions and rating.
#[must_use]
pub fn standing_score(completed_sessions: u32, ratings: Ratings) -> u32 {
    let tenths = ratings.mean_tenths().unwrap_or(UNRATED_TENTHS).min(50);
    SESSION * completed_sessions.min(MAX_SESSIONS) + RATING_TENTH * tenths
}

/// A tester as matching sees one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whether the account is active, the quiz was passed and the tester is available.
    pub ready: bool,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Year of birth.
    pub birth_year: Option<u32>,
    /// Devices.
    pub devices: Vec<String>,
    /// ISO 639-1.
    pub languages: Vec<String>,
    /// ND categories: special-category data, which leaves matching only as a part of the score.
    pub categories: Vec<String>,
    /// [`standing_score`] of the tester.
    pub standing: u32,
    /// The version of the `testing` consent, if it was not withdrawn.
    pub testing: Option<String>,
    /// The version of the `special_category` consent, if it was not withdrawn.
    pub special: Option<String>,
}

/// What a match is looked for by.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whom the study looks for.
    pub targeting: &'a Targeting,
    /// The current year: only years of birth are known, so that an age is the difference of two years.
    pub year: u32,
    /// The current version of the consents' text.
    pub consent_version: &'a str,
}

impl Wanted<'_> {
    /// Whether a tester may be proposed, but for a session or an open proposal of the study.
    #[must_use]
    pub fn admits(&self, candidate: &Candidate) -> bool {
        let targeting = self.targeting;
        let current = |consent: &Option<String>| consent.as_deref() == Some(self.consent_version);
        let in_range = targeting.age_range.is_none_or(|range| {
            let age = candidate.birth_year.and_then(|year| self.year.checked_sub(year));
            age.is_some_and(|age| (range.min..=range.max).contains(&age))
        });
        candidate.ready
            && current(&candidate.testing)
            && candidate.country.as_ref().is_some_and(|country| targeting.countries.contains(country))
            && in_range
            && shares(&targeting.devices, &candidate.devices)
            && shares(&targeting.languages, &candidate.languages)
            && shares(&targeting.nd_categories, &candidate.categories)
            && (targeting.nd_categories.is_empty() || current(&candidate.special))
    }

    /// How well an eligible tester fits: 4 decimals, halves up.
    #[must_use]
    pub fn score(&self, candidate: &Candidate) -> MatchScore {
        let (categories, all_categories) = part(&self.targeting.nd_categories, &candidate.categories);
        let (devices, all_devices) = part(&self.targeting.devices, &candidate.devices);
        let of = all_categories * all_devices;
        let parts = CATEGORIES * categories * all_devices + DEVICES * devices * all_categories;
        MatchScore((2 * parts + of).checked_div(2 * of).unwrap_or_default() + candidate.standing)
    }

    /// The most that a tester with this [`standing_score`] can come to.
    #[must_use]
    pub const fn most(&self, standing: u32) -> MatchScore {
        MatchScore(CATEGORIES + DEVICES + standing)
    }
}

/// Whether something that is wanted is there; nothing wanted means any.
fn shares(wanted: &[String], there: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|name| there.contains(name))
}

/// How much of what is wanted is there, as a fraction; nothing wanted is a whole.
fn part(wanted: &[String], there: &[String]) -> (u32, u32) {
    if wanted.is_empty() {
        return (1, 1);
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (count(wanted.iter().filter(|name| there.contains(name)).count()), count(wanted.len()))
}

/// The best of those that were offered, in the contract's order: score descending, then tester ascending. It holds no more
/// than it was made for, however many are offered.
#[derive(Debug)]
pub struct Best {
    most: usize,
    kept: std::collections::BTreeSet<(std::cmp::Reverse<MatchScore>, UserId)>,
}

impl Best {
    /// Keeps the best `most`.
    #[must_use]
    pub const fn of(most: usize) -> Self {
        Self { most, kept: std::collections::BTreeSet::new() }
    }

    /// Whether a tester with this score would be kept.
    #[must_use]
    pub fn takes(&self, score: MatchScore, tester: UserId) -> bool {
        let key = (std::cmp::Reverse(score), tester);
        !self.kept.contains(&key) && (self.kept.len() < self.most || self.kept.last().is_some_and(|last| key < *last))
    }

    /// Whether nobody is kept any more who comes after this in the contract's order.
    #[must_use]
    pub fn is_full_before(&self, score: MatchScore, tester: UserId) -> bool {
        let key = (std::cmp::Reverse(score), tester);
        self.most == 0 || (self.kept.len() == self.most && self.kept.last().is_some_and(|last| key >= *last))
    }

    /// Offers a tester.
    pub fn offer(&mut self, score: MatchScore, tester: UserId) {
        if self.takes(score, tester) {
            self.kept.insert((std::cmp::Reverse(score), tester));
            if self.kept.len() > self.most {
                self.kept.pop_last();
            }
        }
    }

    /// Those that were kept, in order.
    #[must_use]
    pub fn into_order(self) -> Vec<(UserId, MatchScore)> {
        self.kept.into_iter().map(|(score, tester)| (tester, score.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgeRange;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn candidate() -> Candidate {
        Candidate {
            ready: true,
            country: Some("DE".to_owned()),
            birth_year: Some(1990),
            devices: names(&["desktop", "mobile"]),
            languages: names(&["de"]),
            categories: names(&["adhd", "autism"]),
            standing: standing_score(0, Ratings::default()),
            testing: Some("v1".to_owned()),
            special: Some("v1".to_owned()),
        }
    }

    fn targeting() -> Targeting {
        Targeting { countries: names(&["DE", "FR"]), ..Targeting::default() }
    }

    fn judged(targeting: &Targeting, candidate: &Candidate) -> Option<u32> {
        let wanted = Wanted { targeting, year: 2026, consent_version: "v1" };
        wanted.admits(candidate).then(|| wanted.score(candidate).0)
    }

    #[test]
    fn ratings_are_means_of_one_decimal() {
        let tenths = |sum, count| Ratings { sum, count }.mean_tenths();
        assert_eq!((tenths(0, 0), tenths(4, 1), tenths(9, 2), tenths(13, 3)), (None, Some(40), Some(45), Some(43)));
        assert_eq!((tenths(14, 3), tenths(17, 4), tenths(33, 8)), (Some(47), Some(43), Some(41)));
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        let base = standing_score(0, Ratings::default());
        assert_eq!(base, 1_200);
        assert_eq!(standing_score(3, Ratings { sum: 9, count: 2 }), 600 + 1_800);
        assert_eq!(standing_score(99, Ratings { sum: 5, count: 1 }), 4_000);
        let mut wanted = targeting();
        assert_eq!(judged(&wanted, &candidate()), Some(6_000 + base), "nothing wanted is a whole");
        wanted.nd_categories = names(&["adhd", "autism", "ocd"]);
        assert_eq!(judged(&wanted, &candidate()), Some(2_667 + 2_000 + base), "2/3 of 0.4");
        wanted.devices = names(&["mobile", "tablet", "desktop"]);
        assert_eq!(judged(&wanted, &candidate()), Some(4_000 + base), "2/3 of 0.4 and of 0.2");
        wanted.nd_categories = names(&["adhd", "ocd", "anxiety"]);
        wanted.devices = names(&["mobile", "tablet"]);
        assert_eq!(judged(&wanted, &candidate()), Some(2_333 + base), "1/3 of 0.4 and 1/2 of 0.2");
    }

    #[test]
    fn who_is_eligible() {
        let all = targeting();
        assert!(judged(&all, &candidate()).is_some());
        let unfit: [fn(&mut Candidate); 5] = [
            |one| one.ready = false,
            |one| one.testing = None,
            |one| one.testing = Some("v0".to_owned()),
            |one| one.country = None,
            |one| one.country = Some("IT".to_owned()),
        ];
        for (index, unfit) in unfit.into_iter().enumerate() {
            let mut one = candidate();
            unfit(&mut one);
            assert_eq!(judged(&all, &one), None, "{index}");
        }
        let ages = |min, max| Targeting { age_range: Some(AgeRange { min, max }), ..targeting() };
        assert!(judged(&ages(36, 36), &candidate()).is_some());
        assert!(judged(&ages(37, 50), &candidate()).is_none() && judged(&ages(18, 35), &candidate()).is_none());
        let ageless = Candidate { birth_year: None, ..candidate() };
        assert!(judged(&ages(18, 120), &ageless).is_none() && judged(&all, &ageless).is_some());
        let named = Targeting { nd_categories: names(&["ocd", "adhd"]), ..targeting() };
        let withdrawn = Candidate { special: None, ..candidate() };
        assert!(judged(&named, &candidate()).is_some() && judged(&named, &withdrawn).is_none());
        assert!(judged(&all, &withdrawn).is_some());
        let spoken = Targeting { languages: names(&["fr"]), ..targeting() };
        assert!(judged(&spoken, &candidate()).is_none());
    }

    #[test]
    fn the_best_are_those_of_a_sort() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for most in [0, 1, 2, 5, 40, 500] {
            let offered: Vec<_> = (0..300_u128)
                .map(|number| {
                    let score = MatchScore(u32::try_from(next(20)).unwrap());
                    (UserId::from_uuid(uuid::Uuid::from_u128(number * 7_919 % 300)), score)
                })
                .collect();
            let mut best = Best::of(most);
            for (tester, score) in offered.iter().chain(&offered) {
                assert!(!best.is_full_before(*score, *tester) || !best.takes(*score, *tester));
                best.offer(*score, *tester);
            }
            let mut sorted = offered;
            sorted.sort_by_key(|(tester, score)| (std::cmp::Reverse(*score), *tester));
            sorted.truncate(most);
            assert_eq!(best.into_order(), sorted, "{most}");
        }
    }
}
