//! Refresh tokens that follow from one another (openscouter 3.3, 8.1).

use time::{Duration, OffsetDateTime};

use crate::secret::constant_time_eq;

/// Most tokens that work beside the first.
const MAX_BESIDE: usize = 8;

/// A token that was replaced, by which one, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// It.
    pub hash: String,
    /// The one in its place.
    pub by: String,
    /// When.
    pub at: OffsetDateTime,
}

/// The refresh tokens of a sign-in or a connection that mean something, by their SHA-256 in hex.
///
/// One works; using it gives the next in its place. A client that asks twice at once presents it twice: for a short time one
/// that was just replaced gives a token beside the other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshTokens {
    current: String,
    beside: Vec<String>,
    /// Those whose next one was not used yet, newest first: of each line that goes on by itself, another.
    replaced: Vec<Replaced>,
}

/// What a token is that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// It works.
    Working,
    /// It was replaced a moment ago, and gives one beside the other.
    JustReplaced,
    /// As before, but too many were given.
    Exhausted,
    /// It does not work: it was replaced before, or never issued.
    Other,
}

impl RefreshTokens {
    /// The first one.
    #[must_use]
    pub const fn first(hash: String) -> Self {
        Self { current: hash, beside: Vec::new(), replaced: Vec::new() }
    }

    /// From what [`Self::stored`] gave.
    #[must_use]
    pub fn from_stored(current: String, beside: Option<&str>, replaced: Vec<Replaced>) -> Self {
        let beside = beside.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        Self { current, beside, replaced }
    }

    /// The one that works, those beside it in one text, and those that were replaced last.
    #[must_use]
    pub fn stored(&self) -> (&str, Option<String>, &[Replaced]) {
        let beside = (!self.beside.is_empty()).then(|| self.beside.join(" "));
        (&self.current, beside, &self.replaced)
    }

    /// Whether a token works.
    #[must_use]
    pub fn works(&self, hash: &str) -> bool {
        // all are looked at, so that the time says nothing
        self.beside.iter().fold(constant_time_eq(&self.current, hash), |works, one| works | constant_time_eq(one, hash))
    }

    /// What a token is at `now`, where one that was replaced gives another for `grace`.
    #[must_use]
    pub fn presented(&self, hash: &str, now: OffsetDateTime, grace: Duration) -> Presented {
        if self.works(hash) {
            return Presented::Working;
        }
        let recent = self.replaced.iter().filter(|replaced| now - replaced.at < grace);
        if !recent.fold(false, |found, replaced| found | constant_time_eq(&replaced.hash, hash)) {
            return Presented::Other;
        }
        if self.beside.len() < MAX_BESIDE { Presented::JustReplaced } else { Presented::Exhausted }
    }

    /// Issues the next one for a token that works, which it takes the place of, or for one that was just replaced.
    pub fn issue(&mut self, presented: &str, next: String, now: OffsetDateTime) {
        let place = if constant_time_eq(&self.current, presented) {
            Some(&mut self.current)
        } else {
            self.beside.iter_mut().find(|one| constant_time_eq(one, presented))
        };
        match place {
            Some(place) => {
                let hash = std::mem::replace(place, next.clone());
                // who uses it has it: the one before it is none that was lost on the way
                self.replaced.retain(|replaced| replaced.by != hash);
                self.replaced.insert(0, Replaced { hash, by: next, at: now });
                self.replaced.truncate(MAX_BESIDE + 1);
            }
            None => self.beside.push(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::seconds(10);

    #[test]
    fn the_one_that_was_just_replaced_gives_one_beside() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let mut tokens = RefreshTokens::first("a".into());
        assert_eq!(tokens.presented("a", at, GRACE), Presented::Working);
        tokens.issue("a", "b".into(), at);
        assert_eq!(tokens.presented("a", at + Duration::seconds(9), GRACE), Presented::JustReplaced);
        assert_eq!(tokens.presented("a", at + GRACE, GRACE), Presented::Other);
        assert_eq!(tokens.presented("a", at, Duration::ZERO), Presented::Other, "switched off");
        tokens.issue("a", "c".into(), at);
        assert!(tokens.works("b") && tokens.works("c") && !tokens.works("a"));
        // each goes on by itself
        tokens.issue("c", "d".into(), at + GRACE);
        assert!(tokens.works("b") && tokens.works("d"));
        assert_eq!(tokens.presented("a", at + GRACE, GRACE), Presented::Other);
        let (current, beside, replaced) = tokens.stored();
        assert_eq!((current, beside.as_deref()), ("b", Some("d")));
        let again = RefreshTokens::from_stored(current.to_owned(), beside.as_deref(), replaced.to_vec());
        assert_eq!(again, tokens);
    }

    #[test]
    fn each_line_has_one_that_was_just_replaced() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let mut tokens = RefreshTokens::first("t".into());
        for (presented, next) in [("t", "a"), ("t", "b"), ("a", "a2"), ("b", "b2"), ("a", "a3"), ("b", "b3")] {
            assert_ne!(tokens.presented(presented, at, GRACE), Presented::Other, "{presented}");
            tokens.issue(presented, next.into(), at);
        }
        assert!(["a2", "b2", "a3", "b3"].iter().all(|one| tokens.works(one)));
        assert_eq!(tokens.presented("t", at, GRACE), Presented::Other, "the next one was used");
        assert_eq!(tokens.presented("a", at + GRACE, GRACE), Presented::Other);
    }

    #[test]
    fn not_too_many_are_given() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let mut tokens = RefreshTokens::first("a".into());
        tokens.issue("a", "b".into(), at);
        for number in 0..MAX_BESIDE {
            assert_eq!(tokens.presented("a", at, GRACE), Presented::JustReplaced);
            tokens.issue("a", number.to_string(), at);
        }
        assert_eq!(tokens.presented("a", at, GRACE), Presented::Exhausted);
    }
}
