//! Webhooks and their deliveries (outsend 16).

use time::{Duration, OffsetDateTime};

use super::{EVENTS_KEPT, EventName, FeedEventId, UserId, WorkItem, WorkKind};
use crate::{secret::sha256_hex, ulid};

/// What the ids of the work that delivers begin with.
const DELIVERY: &str = "deliver-";
/// The pauses after failures, in seconds; what failed after the last of them has failed (outsend 16.2).
const PAUSES: [i64; 8] = [30, 120, 600, 1_800, 5_400, 14_400, 28_800, 36_000];
/// The longest that a receiver's `Retry-After` makes a pause.
const MOST_RETRY_AFTER: Duration = Duration::hours(1);
/// How long a receiver may fail without a success before nothing is sent to it any more.
const PATIENCE: Duration = Duration::days(5);
/// How long a delivery that could hold others back waits for its first attempt: the sweep makes it then, and not the
/// stream, which would hold other work back while nobody answers.
const ASIDE: Duration = Duration::seconds(5);
/// Milliseconds after which an answer is a slow one: who waits for such a receiver holds others back, too.
const SLOW: u64 = 1_000;

/// A receiver of events. Its secret is kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `wh_` and a ULID.
    pub id: String,
    /// Where it is, as it was given.
    pub url: String,
    /// What it is told of.
    pub events: Vec<EventName>,
    /// Whether anything is sent to it.
    pub active: bool,
    /// Why nothing is sent any more.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// The last attempt.
    pub last_delivery_at: Option<OffsetDateTime>,
    /// What it answered then.
    pub last_status_code: Option<u16>,
    /// The first failure since the last success.
    pub failing_since: Option<OffsetDateTime>,
    /// Whether the last attempt took long.
    pub slow: bool,
}

impl Webhook {
    /// Whether it is told of an event.
    #[must_use]
    pub fn wants(&self, name: EventName) -> bool {
        self.active && self.events.contains(&name)
    }

    /// When a delivery that is made now is first tried: at once, unless the receiver fails or is slow.
    #[must_use]
    pub fn first_attempt(&self, now: OffsetDateTime) -> OffsetDateTime {
        if self.holds_back() { aside(now) } else { now }
    }

    /// Whether what waits for it is left to the sweep.
    fn holds_back(&self) -> bool {
        self.failing_since.is_some() || self.slow
    }

    /// Why nothing more is sent to it after an attempt; `None` when it goes on (outsend 16.2).
    #[must_use]
    pub fn disabled_by(&self, attempt: &Attempt, now: OffsetDateTime) -> Option<&'static str> {
        if attempt.status == Some(410) {
            return Some("The receiver answered 410.");
        }
        let patience_is_over = self.failing_since.is_some_and(|since| now - since >= PATIENCE);
        (!attempt.succeeded() && patience_is_over).then_some("No delivery succeeded for 5 days.")
    }
}

/// Reads the id of a webhook as it is given, in any case.
#[must_use]
pub fn webhook_id(text: &str) -> Option<String> {
    prefixed("wh_", text)
}

/// Reads the id of a delivery as it is given, in any case.
pub(crate) fn delivery_id(text: &str) -> Option<String> {
    prefixed("dlv_", text)
}

fn prefixed(prefix: &str, text: &str) -> Option<String> {
    let (given, digits) = text.split_at_checked(prefix.len())?;
    let known = given.eq_ignore_ascii_case(prefix).then(|| digits.to_ascii_lowercase())?;
    ulid::decode_lower(&known).map(|bytes| format!("{prefix}{}", ulid::encode(&bytes)))
}

/// When one of many deliveries that are made now is first tried.
pub(crate) fn aside(now: OffsetDateTime) -> OffsetDateTime {
    now + ASIDE
}

/// Where a delivery stands (outsend 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is tried, again if need be.
    Pending,
    /// The receiver took it.
    Delivered,
    /// It is tried no more.
    Failed,
}

impl DeliveryStatus {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// One attempt, as it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The answer's status, when there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// Seconds that the receiver asks to be left alone for.
    pub retry_after: Option<u64>,
    /// Milliseconds that it took.
    pub duration_ms: u64,
}

impl Attempt {
    /// Whether the receiver took it: any 2xx.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the receiver took long.
    #[must_use]
    pub const fn was_slow(&self) -> bool {
        self.duration_ms > SLOW
    }

    /// The pause that the receiver asks for; only two statuses can (outsend 16.2).
    fn asked_pause(&self) -> Duration {
        let asks = matches!(self.status, Some(429 | 503));
        let seconds = self.retry_after.filter(|_| asks).and_then(|seconds| i64::try_from(seconds).ok());
        seconds.map_or(Duration::ZERO, |seconds| Duration::seconds(seconds).min(MOST_RETRY_AFTER))
    }
}

/// An event on its way to a webhook, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `dlv_` and a ULID.
    pub id: String,
    /// Where to.
    pub webhook: String,
    /// Its place among all of the webhook, from 1 on, without gaps.
    pub number: u64,
    /// The event.
    pub event_id: String,
    /// The event's name, or `ping`.
    pub event: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts so far.
    pub attempts: u32,
    /// What the last one was answered with.
    pub last_status_code: Option<u16>,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// Milliseconds that the last one took.
    pub duration_ms: Option<u64>,
    /// When it is tried next.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When the receiver took it.
    pub delivered_at: Option<OffsetDateTime>,
    /// Increases with each write.
    pub version: u64,
}

impl Delivery {
    /// A delivery that waits for its first attempt at `due`.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(
        webhook: &str,
        number: u64,
        (event_id, event): (String, &str),
        now: OffsetDateTime,
        due: OffsetDateTime,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            id: format!("dlv_{}", ulid::generate(now)?),
            webhook: webhook.to_owned(),
            number,
            event_id,
            event: event.to_owned(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            last_status_code: None,
            last_error: None,
            duration_ms: None,
            next_attempt_at: Some(due),
            created_at: now,
            delivered_at: None,
            version: 1,
        })
    }

    /// A new delivery of the same event that waits for its first attempt at `due`. It has no number yet.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn again(&self, now: OffsetDateTime, due: OffsetDateTime) -> Result<Self, getrandom::Error> {
        Self::new(&self.webhook, 0, (self.event_id.clone(), &self.event), now, due)
    }

    /// Whether it is of an event of the feed, and not a test.
    #[must_use]
    pub fn is_of_feed(&self) -> bool {
        EventName::parse(&self.event).is_some()
    }

    /// Whether its event is still kept, so that it can be sent again.
    #[must_use]
    pub fn event_is_kept(&self, now: OffsetDateTime) -> bool {
        FeedEventId::parse(&self.event_id).is_some_and(|id| id >= FeedEventId::first_at(now - EVENTS_KEPT))
    }

    /// The delivery after an attempt; `last` says that no other one follows.
    #[must_use]
    pub fn after(&self, attempt: &Attempt, last: bool, now: OffsetDateTime) -> Self {
        let attempts = self.attempts + 1;
        let pause = PAUSES.get(self.attempts as usize).filter(|_| !last && !attempt.succeeded());
        let pause = pause.map(|seconds| Duration::milliseconds(seconds * self.spread()).max(attempt.asked_pause()));
        let status = match (attempt.succeeded(), pause) {
            (true, _) => DeliveryStatus::Delivered,
            (false, Some(_)) => DeliveryStatus::Pending,
            (false, None) => DeliveryStatus::Failed,
        };
        let answered = attempt.status.map(|status| format!("The server answered with status {status}."));
        Self {
            status,
            attempts,
            last_status_code: attempt.status,
            last_error: attempt.error.clone().or(answered).filter(|_| !attempt.succeeded()),
            duration_ms: Some(attempt.duration_ms),
            next_attempt_at: pause.map(|pause| now + pause),
            delivered_at: attempt.succeeded().then_some(now),
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// Thousandths of a pause that are waited, 900 to 1,100: so that what failed together is not tried together.
    fn spread(&self) -> i64 {
        let digest = sha256_hex(format!("{} {}", self.id, self.attempts).as_bytes());
        let random = digest.get(..4).and_then(|digits| i64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        900 + random % 201
    }

    /// The delivery put aside, once: it was to be made at once, and meanwhile its receiver began to fail or is slow. `None`
    /// of any other.
    #[must_use]
    pub fn put_aside(&self, webhook: &Webhook, now: OffsetDateTime) -> Option<Self> {
        let at_once = self.attempts == 0 && self.next_attempt_at == Some(self.created_at);
        let later = || Self { next_attempt_at: Some(aside(now)), version: self.version + 1, ..self.clone() };
        (at_once && webhook.holds_back()).then(later)
    }

    /// The delivery when nothing more can be sent, and why.
    #[must_use]
    pub fn dropped(&self, why: &str) -> Self {
        Self {
            status: DeliveryStatus::Failed,
            last_error: Some(why.to_owned()),
            next_attempt_at: None,
            version: self.version + 1,
            ..self.clone()
        }
    }

    /// Whose delivery the work with this id is, and to which webhook; `None` of any other work.
    #[must_use]
    pub fn way_of(work: &str) -> Option<(&str, &str)> {
        let (way, _) = work.strip_prefix(DELIVERY)?.rsplit_once('-')?;
        way.rsplit_once('-')
    }

    /// The work that delivers it. Its id begins with the user and the webhook, so that who waits for whom can be told from it.
    #[must_use]
    pub fn work(&self, user: UserId) -> WorkItem {
        WorkItem {
            id: format!("{DELIVERY}{user}-{}-{}", self.webhook, self.id),
            kind: WorkKind::Deliver,
            subject: format!("{user} {} {} {}", self.webhook, self.number, self.event_id),
            attempt: 0,
        }
    }
}

/// What the subject of such work names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedDelivery<'a> {
    /// Whose it is.
    pub user: UserId,
    /// The webhook.
    pub webhook: &'a str,
    /// The delivery's place.
    pub number: u64,
    /// The event.
    pub event_id: &'a str,
}

impl<'a> NamedDelivery<'a> {
    /// Reads a subject.
    #[must_use]
    pub fn parse(subject: &'a str) -> Option<Self> {
        let mut words = subject.split(' ');
        Some(Self {
            user: UserId::parse(words.next()?)?,
            webhook: words.next()?,
            number: words.next()?.parse().ok()?,
            event_id: words.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: Option<u16>, retry_after: Option<u64>) -> Attempt {
        Attempt { status, error: status.is_none().then(|| "No.".to_owned()), retry_after, duration_ms: 3 }
    }

    fn delivery() -> Delivery {
        let now = OffsetDateTime::UNIX_EPOCH;
        Delivery::new("wh_1", 1, ("evt_1".to_owned(), "job.failed"), now, now).unwrap()
    }

    fn webhook(now: OffsetDateTime) -> Webhook {
        Webhook {
            id: "wh_1".to_owned(),
            url: String::new(),
            events: vec![EventName::JobFailed],
            active: true,
            disabled_reason: None,
            created_at: now,
            last_delivery_at: None,
            last_status_code: None,
            failing_since: None,
            slow: false,
        }
    }

    #[test]
    fn nine_attempts_with_growing_pauses() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for _ in 0..20 {
            let mut delivery = delivery();
            for seconds in PAUSES {
                let next = delivery.after(&failed(Some(500), Some(9_000)), false, now);
                let pause = (next.next_attempt_at.unwrap() - now).whole_milliseconds();
                assert!((i128::from(seconds) * 900..=i128::from(seconds) * 1_100).contains(&pause), "{pause}");
                delivery = next;
            }
            let last = delivery.after(&failed(None, None), false, now);
            let told = (last.status, last.attempts, last.last_error.as_deref(), last.next_attempt_at);
            assert_eq!(told, (DeliveryStatus::Failed, 9, Some("No."), None));
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let pause = |status, retry_after| {
            let next = delivery().after(&failed(Some(status), retry_after), false, now).next_attempt_at;
            (next.unwrap() - now).whole_seconds()
        };
        assert_eq!(pause(503, Some(300)), 300);
        assert!(pause(429, Some(1)) <= 33 && pause(500, Some(300)) <= 33);
        assert_eq!(pause(429, Some(u64::MAX / 4)), 3_600);
    }

    #[test]
    fn what_disables() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(6);
        let mut webhook = webhook(now);
        webhook.failing_since = Some(now - Duration::days(4));
        assert_eq!(webhook.disabled_by(&failed(Some(500), None), now), None);
        assert!(webhook.disabled_by(&failed(Some(410), None), now).is_some());
        webhook.failing_since = Some(now - Duration::days(5));
        assert!(webhook.disabled_by(&failed(None, None), now).is_some());
        assert_eq!(webhook.disabled_by(&failed(Some(204), None), now), None);
        assert!(webhook.wants(EventName::JobFailed) && !webhook.wants(EventName::JobCompleted));
    }

    #[test]
    fn who_is_slow_is_left_to_the_sweep() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(6);
        let mut webhook = webhook(now);
        let delivery = delivery();
        assert_eq!((webhook.first_attempt(now), delivery.put_aside(&webhook, now)), (now, None));
        let quick = Attempt { duration_ms: 1_000, ..failed(Some(204), None) };
        assert!(!quick.was_slow() && Attempt { duration_ms: 1_001, ..quick }.was_slow());
        webhook.slow = true;
        let aside = delivery.put_aside(&webhook, now).unwrap();
        assert_eq!(aside.next_attempt_at, Some(webhook.first_attempt(now)));
        assert!(webhook.first_attempt(now) > now && aside.version > delivery.version && aside.attempts == 0);
        assert_eq!(aside.put_aside(&webhook, now), None, "once");
        assert_eq!(delivery.after(&failed(Some(500), None), false, now).put_aside(&webhook, now), None);
    }

    #[test]
    fn again_is_the_same_event_with_attempts_of_its_own() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let event = FeedEventId::after(None, now).unwrap().to_string();
        let first = Delivery::new("wh_1", 4, (event, "job.failed"), now, now).unwrap();
        let last = first.after(&failed(Some(500), None), true, now);
        let again = last.again(now + Duration::days(1), now + Duration::days(1)).unwrap();
        assert_ne!(again.id, first.id);
        assert_eq!((&again.event_id, &again.event, again.attempts), (&first.event_id, &first.event, 0));
        assert_eq!((again.status, again.number, again.last_error), (DeliveryStatus::Pending, 0, None));
        assert!(first.is_of_feed() && !Delivery { event: "ping".to_owned(), ..first.clone() }.is_of_feed());
        assert!(
            first.event_is_kept(now + EVENTS_KEPT) && !first.event_is_kept(now + EVENTS_KEPT + Duration::seconds(1))
        );
        assert_eq!(delivery_id(&first.id.to_lowercase()), Some(first.id));
        assert_eq!(delivery_id("dlv_1"), None);
    }

    #[test]
    fn work_names_its_delivery() {
        let user = UserId::generate();
        let delivery = delivery();
        let work = delivery.work(user);
        assert_eq!(Delivery::way_of(&work.id), Some((user.to_string().as_str(), "wh_1")));
        assert_eq!(Delivery::way_of("publish-x"), None);
        let named = NamedDelivery::parse(&work.subject).unwrap();
        assert_eq!((named.user, named.webhook, named.number, named.event_id), (user, "wh_1", 1, "evt_1"));
    }
}
