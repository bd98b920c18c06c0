//! All deliveries of a webhook that failed are asked for once more (outsend 16.1).

use time::OffsetDateTime;

use super::{UserId, WorkItem, WorkKind};
use crate::{clock::epoch_millis, ulid};

/// Such a request, as far as the webhook's log was walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redelivery {
    /// Whose webhook it is.
    pub user: UserId,
    /// The webhook.
    pub webhook: String,
    /// The number of its last delivery when this was asked for; what came later is not sent again.
    pub last: u64,
    /// Where the walk is: the creation, in milliseconds, and the number of the delivery that was looked at last.
    pub behind: (i64, u64),
    /// Tells it from every other request.
    pub request: String,
}

impl Redelivery {
    /// A request for what was made at `since` or later, up to the delivery with the number `last`.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(
        user: UserId,
        (webhook, last): (&str, u64),
        since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Self, getrandom::Error> {
        let (webhook, request) = (webhook.to_owned(), ulid::generate(now)?);
        Ok(Self { user, webhook, last, behind: (epoch_millis(since), 0), request })
    }

    /// The id of the work that does it: of a webhook there is one at a time.
    #[must_use]
    pub fn work_id(webhook: &str) -> String {
        format!("redeliver-{webhook}")
    }

    /// The work that does it, from where it is.
    #[must_use]
    pub fn work(&self) -> WorkItem {
        let Self { user, webhook, last, behind: (millis, number), request } = self;
        WorkItem {
            id: Self::work_id(webhook),
            kind: WorkKind::Redeliver,
            subject: format!("{user} {webhook} {last} {millis} {number} {request}"),
            attempt: 0,
        }
    }

    /// Reads the subject of such work.
    #[must_use]
    pub fn named_by(subject: &str) -> Option<Self> {
        let mut words = subject.split(' ');
        Some(Self {
            user: UserId::parse(words.next()?)?,
            webhook: words.next()?.to_owned(),
            last: words.next()?.parse().ok()?,
            behind: (words.next()?.parse().ok()?, words.next()?.parse().ok()?),
            request: words.next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_names_it() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let mut asked = Redelivery::new(UserId::generate(), ("wh_1", 7), now, now).unwrap();
        asked.behind.1 = 3;
        assert_eq!(Redelivery::named_by(&asked.work().subject), Some(asked.clone()));
        assert_eq!(asked.work().id, Redelivery::work_id("wh_1"));
        assert_eq!(Redelivery::named_by("x wh_1"), None);
    }
}
