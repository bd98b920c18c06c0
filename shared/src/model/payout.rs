//! What testers are paid, and what studies cost (openscouter 5.3, 16).

use time::{Duration, OffsetDateTime};

use super::{Compensation, OrganizationId, PayoutId, StudyId, TestSession, TestSessionId, UserId, minor_units};

/// How long after each failure a payout is tried again (openscouter 16.2).
const PAUSES: [Duration; 3] = [Duration::hours(1), Duration::hours(6), Duration::hours(24)];

/// Where a payout stands (openscouter 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutStatus {
    /// The tester's account takes no payouts yet.
    Pending,
    /// It is under way.
    Processing,
    /// The money has arrived.
    Paid,
    /// It failed; it is tried again at `retry_at`, if there is one.
    Failed,
}

impl PayoutStatus {
    /// All, in the contract's order.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Processing, Self::Paid, Self::Failed];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::Failed => "failed",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What a tester is paid for a confirmed session. There is one for each session, ever: its id has the session's bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Id.
    pub id: PayoutId,
    /// What was done for it.
    pub session: TestSessionId,
    /// The session's study.
    pub study: StudyId,
    /// Whose study it is.
    pub organization: OrganizationId,
    /// Who is paid.
    pub tester: UserId,
    /// Gross, in minor units.
    pub amount_minor: u64,
    /// What the platform keeps of it.
    pub fee_minor: u64,
    /// ISO 4217.
    pub currency: String,
    /// State.
    pub status: PayoutStatus,
    /// Number of the try that it is at; 0 before the first one.
    pub attempt: u32,
    /// The tester's account at Stripe, from the first try on.
    pub account: Option<String>,
    /// Stripe's id of the transfer to that account, once it is made; there is one.
    pub transfer: Option<String>,
    /// Stripe's id of this try's payout from that account.
    pub stripe_payout: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When it is tried again.
    pub retry_at: Option<OffsetDateTime>,
    /// When what was told last of this try's payout came to be, by Stripe's clock.
    pub told_at: Option<i64>,
    /// Creation time.
    pub created_at: OffsetDateTime,
    /// When the money arrived.
    pub paid_at: Option<OffsetDateTime>,
    /// Counts the changes.
    pub version: u64,
}

/// Why a payout failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stripe's code.
    pub code: String,
    /// Stripe's words, which nobody is shown.
    pub message: String,
}

impl Failure {
    /// Most characters of what is kept.
    const LONGEST: usize = 500;

    /// A failure; what is too long is cut.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        let cut = |text: &str, most: usize| text.chars().take(most).collect();
        Self { code: cut(code, 100), message: cut(message, Self::LONGEST) }
    }
}

impl Payout {
    /// The payout of a session whose study pays `compensation`, which waits for the tester's account; `None` when the
    /// currency has no such amount.
    #[must_use]
    pub fn new(
        session: &TestSession,
        compensation: &Compensation,
        rate: super::FeeRate,
        now: OffsetDateTime,
    ) -> Option<Self> {
        let amount_minor = compensation.minor_units()?;
        let fee_minor = rate.of(amount_minor);
        // where nothing is left to pay, it is paid
        let nothing = fee_minor >= amount_minor;
        Some(Self {
            id: PayoutId::of(session.id),
            session: session.id,
            study: session.study,
            organization: session.organization,
            tester: session.tester,
            amount_minor,
            fee_minor,
            currency: compensation.currency.clone(),
            status: if nothing { PayoutStatus::Paid } else { PayoutStatus::Pending },
            attempt: 0,
            account: None,
            transfer: None,
            stripe_payout: None,
            failure: None,
            retry_at: None,
            told_at: None,
            created_at: now,
            paid_at: nothing.then_some(now),
            version: 1,
        })
    }

    /// What the tester gets.
    #[must_use]
    pub const fn net_minor(&self) -> u64 {
        self.amount_minor.saturating_sub(self.fee_minor)
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = Self { version: self.version + 1, ..self.clone() };
        change(&mut next);
        next
    }

    /// The payout at its next try, to an account.
    #[must_use]
    pub fn begun(&self, account: &str) -> Self {
        self.with(|next| {
            next.account = Some(account.to_owned());
            next.status = PayoutStatus::Processing;
            next.attempt += 1;
            (next.stripe_payout, next.failure, next.retry_at, next.told_at) = (None, None, None, None);
        })
    }

    /// The payout whose money is on its tester's account at Stripe.
    #[must_use]
    pub fn transferred(&self, transfer: &str) -> Self {
        self.with(|next| next.transfer = Some(transfer.to_owned()))
    }

    /// The payout whose money is on its way to the tester's bank.
    #[must_use]
    pub fn sent(&self, stripe_payout: &str) -> Self {
        self.with(|next| next.stripe_payout = Some(stripe_payout.to_owned()))
    }

    /// The payout whose money has arrived.
    #[must_use]
    pub fn paid(&self, at: OffsetDateTime) -> Self {
        self.with(|next| {
            (next.status, next.paid_at, next.failure, next.retry_at) = (PayoutStatus::Paid, Some(at), None, None);
        })
    }

    /// The payout that failed at `now`; it is tried again three times, later each time (openscouter 16.2).
    #[must_use]
    pub fn failed(&self, failure: Failure, now: OffsetDateTime) -> Self {
        let pause = usize::try_from(self.attempt).ok().and_then(|attempt| PAUSES.get(attempt.checked_sub(1)?));
        self.with(|next| {
            (next.status, next.paid_at, next.failure) = (PayoutStatus::Failed, None, Some(failure));
            next.retry_at = pause.map(|pause| now + *pause);
        })
    }

    /// The payout that can never be made, since its tester is gone.
    #[must_use]
    pub fn lapsed(&self) -> Self {
        self.with(|next| {
            next.status = PayoutStatus::Failed;
            next.failure = Some(Failure::new("tester_erased", "the tester was erased before an account took payouts"));
            next.retry_at = None;
        })
    }
}

/// What is known of a tester's account at Stripe. Nothing of a bank or a card is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// Who is paid.
    pub tester: UserId,
    /// Stripe's id of the account.
    pub account: String,
    /// Whether it takes payouts.
    pub payouts_enabled: bool,
    /// When what was told last of it came to be, by Stripe's clock.
    pub told_at: Option<i64>,
    /// Counts the changes.
    pub version: u64,
}

/// A checkout of a study: what is asked of Stripe stands here before it is asked, so that whoever asks again asks for the
/// same (openscouter 16.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The study that is paid for.
    pub study: StudyId,
    /// Its number among the study's, from 1.
    pub number: u32,
    /// For each tester, in minor units.
    pub unit_minor: u64,
    /// Testers.
    pub quantity: u32,
    /// ISO 4217.
    pub currency: String,
    /// What the page of Stripe calls it.
    pub title: String,
    /// Where the payer comes back to.
    pub success_url: String,
    /// Where who does not pay comes back to.
    pub cancel_url: String,
    /// When Stripe was asked first.
    pub asked_at: OffsetDateTime,
    /// When it ends.
    pub expires_at: OffsetDateTime,
    /// Stripe's id, and the page that takes the payment; `None` until the answer is kept.
    pub session: Option<(String, String)>,
    /// When what was told last of it came to be, by Stripe's clock.
    pub told_at: Option<i64>,
    /// Counts the changes.
    pub version: u64,
}

impl Checkout {
    /// What is to be paid.
    #[must_use]
    pub fn amount_minor(&self) -> u64 {
        self.unit_minor.saturating_mul(u64::from(self.quantity))
    }
}

impl Compensation {
    /// The amount in minor units, by its decimal text; `None` when the currency has no such amount.
    #[must_use]
    pub fn minor_units(&self) -> Option<u64> {
        minor_units(&self.amount.to_string(), &self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::FeeRate, *};
    use crate::model::{Records, TestStatus};

    fn payout(amount: f64) -> Payout {
        let now = OffsetDateTime::UNIX_EPOCH;
        let session = TestSession {
            id: TestSessionId::at(now),
            study: StudyId::at(now),
            organization: OrganizationId::at(now),
            tester: UserId::at(now),
            number: 1,
            variant: None,
            status: TestStatus::Confirmed,
            records: Records { events: true, facial: true, voice: true },
            most_minutes: 60,
            pauses: Vec::new(),
            abandoned: false,
            created_at: now,
            completed_at: None,
            confirmed_at: None,
            snapshot: None,
            analyst: None,
            reporter: None,
            report: None,
            version: 1,
        };
        let compensation = Compensation { currency: "USD".to_owned(), amount, kind: "flat".to_owned() };
        Payout::new(&session, &compensation, FeeRate::parse("0.15").unwrap(), now).unwrap()
    }

    #[test]
    fn a_payout_is_tried_four_times() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut payout = payout(15.0);
        assert_eq!((payout.amount_minor, payout.fee_minor, payout.net_minor()), (1_500, 225, 1_275));
        for pause in [Some(1), Some(6), Some(24), None] {
            payout = payout.begun("acct_1").transferred("tr_1").sent("po_1");
            assert_eq!((payout.status, payout.retry_at), (PayoutStatus::Processing, None));
            payout = payout.failed(Failure::new("x", ""), now);
            assert_eq!(payout.retry_at, pause.map(|hours| now + Duration::hours(hours)));
        }
        assert_eq!((payout.attempt, payout.transfer.as_deref()), (4, Some("tr_1")));
    }

    #[test]
    fn nothing_is_paid_at_once() {
        let paid = payout(0.0);
        assert_eq!((paid.status, paid.attempt), (PayoutStatus::Paid, 0));
        assert_eq!(payout(0.01).status, PayoutStatus::Pending);
    }
}
