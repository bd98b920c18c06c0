//! How much a change matters, and which of its parts most (outsend 15.5).

use super::compared::{Change, Compared};

/// What a signal says first of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignalType {
    /// `rating_drop`
    RatingDrop,
    /// `rating_rise`
    RatingRise,
    /// `reviews_up`
    ReviewsUp,
    /// `reviews_down`
    ReviewsDown,
    /// `phone_change`
    PhoneChange,
    /// `site_change`
    SiteChange,
    /// `new`
    New,
    /// `closed`
    Closed,
}

impl SignalType {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 8] = [
        Self::RatingDrop,
        Self::RatingRise,
        Self::ReviewsUp,
        Self::ReviewsDown,
        Self::PhoneChange,
        Self::SiteChange,
        Self::New,
        Self::Closed,
    ];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RatingDrop => "rating_drop",
            Self::RatingRise => "rating_rise",
            Self::ReviewsUp => "reviews_up",
            Self::ReviewsDown => "reviews_down",
            Self::PhoneChange => "phone_change",
            Self::SiteChange => "site_change",
            Self::New => "new",
            Self::Closed => "closed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// The score of what is new.
pub(super) const NEW: u8 = 50;
/// The score of what is closed.
pub(super) const CLOSED: u8 = 60;
/// What a change of telephone or site counts.
const CONTACT: f64 = 15.0;
/// What binary fractions may be off by: 4.5 and 4.2 are three tenths apart.
const SLACK: f64 = 1e-9;

/// Score and type of a row that changed. The parts are those of the contract: rating, reviews, phone, site.
pub(super) fn judged(before: &Compared, after: &Compared, changes: &[Change]) -> (u8, SignalType) {
    let step = |before: Option<f64>, after: Option<f64>| match (before, after) {
        (Some(before), Some(after)) => after - before,
        _ => 0.0,
    };
    let rating = step(before.rating, after.rating);
    let reviews = step(before.reviews, after.reviews);
    let contact = |change: Change| if changes.contains(&change) { CONTACT } else { 0.0 };
    let parts = [
        (40.0 * rating.abs().min(1.0), if rating < 0.0 { SignalType::RatingDrop } else { SignalType::RatingRise }),
        (
            30.0 * (reviews.abs() / before.reviews.unwrap_or(0.0).max(10.0)).min(1.0),
            if reviews < 0.0 { SignalType::ReviewsDown } else { SignalType::ReviewsUp },
        ),
        (contact(Change::Telephone), SignalType::PhoneChange),
        (contact(Change::Site), SignalType::SiteChange),
    ];
    let total: f64 = parts.iter().map(|(part, _)| part).sum();
    // of equal parts the first one names the signal
    let largest = parts.into_iter().reduce(|best, next| if next.0 > best.0 + SLACK { next } else { best });
    let kind = largest.map_or(SignalType::RatingRise, |(_, kind)| kind);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 100")]
    let score = (total + 0.5 + SLACK).floor().clamp(1.0, 100.0) as u8;
    (score, kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(rating: f64, reviews: f64) -> Compared {
        Compared { rating: Some(rating), reviews: Some(reviews), ..Compared::default() }
    }

    #[test]
    fn the_vector_of_the_contract_and_the_rules_around_it() {
        let changes = [Change::Rating, Change::Reviews, Change::Telephone];
        assert_eq!(judged(&of(4.5, 100.0), &of(4.2, 130.0), &changes), (36, SignalType::PhoneChange));
        for (before, after, changes, expected) in [
            (of(4.5, 1.0), of(3.0, 1.0), vec![Change::Rating], (40, SignalType::RatingDrop)),
            (of(3.0, 1.0), of(3.1, 1.0), vec![Change::Rating], (4, SignalType::RatingRise)),
            (of(3.0, 0.0), of(3.0, 5.0), vec![Change::Reviews], (15, SignalType::ReviewsUp)),
            (of(3.0, 60.0), of(3.0, 59.0), vec![Change::Reviews], (1, SignalType::ReviewsDown)),
            (of(3.0, 1e6), of(3.0, 1e6 + 1.0), vec![Change::Reviews], (1, SignalType::ReviewsUp)),
            (of(4.1, 0.0), of(4.475, 5.0), Change::BOTH.to_vec(), (30, SignalType::RatingRise)),
            (of(3.0, 0.0), of(3.0, 0.0), vec![Change::Site], (15, SignalType::SiteChange)),
            (of(1.0, 1.0), of(5.0, 99.0), Change::EVERY.to_vec(), (100, SignalType::RatingRise)),
            (of(3.0, 0.0), of(3.0, 5.0), Change::EVERY.to_vec(), (45, SignalType::ReviewsUp)),
        ] {
            assert_eq!(judged(&before, &after, &changes), expected, "{before:?} {after:?}");
        }
        for known in SignalType::ALL {
            assert_eq!(SignalType::parse(known.as_str()), Some(known));
        }
    }

    impl Change {
        const BOTH: [Self; 2] = [Self::Rating, Self::Reviews];
        const EVERY: [Self; 4] = [Self::Rating, Self::Reviews, Self::Telephone, Self::Site];
    }

    proptest! {
        #[test]
        fn scores_stay_in_their_range(a in -1e9..1e9_f64, b in -1e9..1e9_f64, c in 0.0..1e9_f64, d in 0.0..1e9_f64) {
            let (score, _) = judged(&of(a, c), &of(b, d), &Change::EVERY);
            prop_assert!((30..=100).contains(&score));
        }
    }
}
