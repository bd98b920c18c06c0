//! Outreach messages: what a tester is told of a proposal, drafted, edited, approved and sent (openscouter 5.3, 14.2).

use time::{Duration, OffsetDateTime};

use super::{Locale, OrganizationId, OutreachId, Proposal, ProposalId, Study, StudyId, UserId, major_units};

/// The least time between an approval and the sending.
const NOTICE: Duration = Duration::minutes(15);
/// Seconds of an hour.
const HOUR: i64 = 3_600;

/// How a message reaches its tester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// A mail.
    Email,
    /// A message in the chat that the tester linked.
    Telegram,
}

impl Channel {
    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Telegram => "telegram",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Email, Self::Telegram].into_iter().find(|channel| channel.as_str() == text)
    }
}

/// Where a message stands (openscouter 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutreachStatus {
    /// A draft, in the queue.
    Pending,
    /// To be sent at its time, or on its way.
    Approved,
    /// Given to the tester's mail server or to Telegram.
    Sent,
    /// It could not be delivered.
    Failed,
    /// The proposal ended before.
    Cancelled,
}

impl OutreachStatus {
    /// All, in the contract's order.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Sent, Self::Failed, Self::Cancelled];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a wire name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A message. Each proposal has one, whose id has the proposal's bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outreach {
    /// The proposal.
    pub proposal: ProposalId,
    /// Its study.
    pub study: StudyId,
    /// Whose study.
    pub organization: OrganizationId,
    /// To whom.
    pub tester: UserId,
    /// How.
    pub channel: Channel,
    /// Subject of a mail; `None` on Telegram.
    pub subject: Option<String>,
    /// Text, without what follows from the moment of sending: until when to answer, and where.
    pub body: String,
    /// Where it stands.
    pub status: OutreachStatus,
    /// When it was drafted.
    pub generated_at: OffsetDateTime,
    /// When it was approved.
    pub approved_at: Option<OffsetDateTime>,
    /// When it is to be sent; `None` for a draft, and once its delivery began.
    pub send_at: Option<OffsetDateTime>,
    /// When its words were last changed.
    pub updated_at: OffsetDateTime,
    /// The request that changed the draft last, by its id: two may ask for the same in one second.
    pub changed_by: Option<String>,
    /// Counts changes; every write is conditional on it.
    pub version: u64,
}

impl Outreach {
    /// The draft for a new proposal; for one that is sent at once, approved in the same moment, and on its way.
    ///
    /// It is in the study's language, not in the tester's: who looks for testers reads it.
    #[must_use]
    pub fn draft(study: &Study, proposal: &Proposal, channel: Channel) -> Self {
        let now = proposal.created_at;
        let sent = proposal.sent_at.is_some();
        let (subject, body) = words(study);
        Self {
            proposal: proposal.id,
            study: proposal.study,
            organization: proposal.organization,
            tester: proposal.tester,
            channel,
            subject: (channel == Channel::Email).then(|| subject.to_owned()),
            body,
            status: if sent { OutreachStatus::Approved } else { OutreachStatus::Pending },
            generated_at: now,
            approved_at: sent.then_some(now),
            send_at: None,
            updated_at: now,
            changed_by: None,
            version: 1,
        }
    }

    /// Its id on the wire.
    #[must_use]
    pub const fn id(&self) -> OutreachId {
        OutreachId::of(self.proposal)
    }

    /// Whether it may still be sent.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(self.status, OutreachStatus::Pending | OutreachStatus::Approved)
    }

    /// The same, in another state.
    #[must_use]
    pub fn moved_to(&self, status: OutreachStatus) -> Self {
        Self { status, version: self.version + 1, ..self.clone() }
    }

    /// The same, approved: to be sent at the next full hour that is far enough away. Times count as they are printed, in
    /// whole seconds.
    #[must_use]
    pub fn approved(&self, now: OffsetDateTime) -> Self {
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let send_at = Some(full_hour(now + NOTICE));
        Self { approved_at: Some(now), send_at, ..self.moved_to(OutreachStatus::Approved) }
    }

    /// The same, to be sent at the first full hour after `now`.
    #[must_use]
    pub fn put_off(&self, now: OffsetDateTime) -> Self {
        Self { send_at: Some(full_hour(now + Duration::SECOND)), version: self.version + 1, ..self.clone() }
    }

    /// The same, on its way.
    #[must_use]
    pub fn under_way(&self) -> Self {
        Self { send_at: None, version: self.version + 1, ..self.clone() }
    }

    /// The same, in other words.
    #[must_use]
    pub fn edited(&self, subject: Option<String>, body: Option<String>, now: OffsetDateTime) -> Self {
        Self {
            subject: subject.or_else(|| self.subject.clone()),
            body: body.unwrap_or_else(|| self.body.clone()),
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        }
    }
}

/// The first full hour that is not before a time.
fn full_hour(at: OffsetDateTime) -> OffsetDateTime {
    let seconds = at.unix_timestamp() + i64::from(at.nanosecond() > 0);
    let hours = seconds.div_euclid(HOUR) + i64::from(seconds.rem_euclid(HOUR) > 0);
    OffsetDateTime::from_unix_timestamp(hours * HOUR).unwrap_or(at)
}

/// Subject and text of a draft: nothing of the tester, nothing of what the study's owner is after.
fn words(study: &Study) -> (&'static str, String) {
    let details = &study.details;
    let (title, minutes) = (&study.name, details.settings.max_duration_minutes);
    let pay = details.compensation.as_ref().and_then(|paid| {
        let minor = paid.minor_units().filter(|minor| *minor > 0)?;
        Some(format!("{} {}", major_units(minor, &paid.currency), paid.currency))
    });
    let (subject, hello, what, pays) = match message_language(study) {
        Locale::En => (
            "A study for you",
            "Hello,",
            format!("a study looks for testers like you: {title}. It takes up to {minutes} minutes."),
            pay.map(|pay| format!("It pays {pay}.")),
        ),
        Locale::Fr => (
            "Une étude pour vous",
            "Bonjour,",
            format!("une étude cherche des testeurs comme vous : {title}. Elle dure {minutes} minutes au plus."),
            pay.map(|pay| format!("Elle est payée {pay}.")),
        ),
    };
    let sentences = [Some(what), pays].into_iter().flatten().collect::<Vec<_>>().join(" ");
    (subject, format!("{hello}\n\n{sentences}"))
}

/// The language that a study's messages are drafted in: the first of those that its testers must speak, where there are
/// words in it.
#[must_use]
pub fn message_language(study: &Study) -> Locale {
    match study.details.targeting.languages.first() {
        Some(language) if language == "fr" => Locale::Fr,
        _ => Locale::En,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::{Compensation, Details, MatchScore, Status};

    fn study(currency: &str, amount: f64) -> Study {
        let compensation = Compensation { currency: currency.to_owned(), amount, kind: "flat".to_owned() };
        let now = OffsetDateTime::UNIX_EPOCH;
        Study {
            id: StudyId::generate(),
            organization: OrganizationId::generate(),
            name: "Checkout".to_owned(),
            status: Status::Open,
            paused_from: None,
            completion_url: None,
            target_url: None,
            tasks: Vec::new(),
            details: Details {
                description: "find barriers".to_owned(),
                compensation: Some(compensation),
                ..Details::default()
            },
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    fn draft(study: &Study, channel: Channel) -> Outreach {
        let now = OffsetDateTime::UNIX_EPOCH;
        Outreach::draft(study, &Proposal::new(study, UserId::generate(), MatchScore(7_200), false, now), channel)
    }

    #[test]
    fn drafts_tell_what_it_is_about_and_what_it_pays() {
        let mut study = study("USD", 15.0);
        let mail = draft(&study, Channel::Email);
        assert_eq!(mail.subject.as_deref(), Some("A study for you"));
        assert!(mail.body.contains("Checkout") && mail.body.contains("15.00 USD") && !mail.body.contains("barriers"));
        study.details.targeting.languages = vec!["fr".to_owned(), "en".to_owned()];
        study.details.compensation = None;
        let message = draft(&study, Channel::Telegram);
        assert!(message.subject.is_none() && message.body.starts_with("Bonjour,") && !message.body.contains("payée"));
        for (currency, amount, told) in [("JPY", 1_500.0, "1500 JPY"), ("KWD", 1.5, "1.500 KWD"), ("USD", 0.1, "0.10")]
        {
            assert!(draft(&self::study(currency, amount), Channel::Email).body.contains(told), "{told}");
        }
        assert!(!draft(&self::study("USD", 0.0), Channel::Email).body.contains("pays"));
    }

    #[test]
    fn an_approval_is_sent_at_the_next_full_hour_that_leaves_a_quarter_of_one() {
        let message = draft(&study("USD", 15.0), Channel::Email);
        for (at, send_at) in [
            (datetime!(2026-11-30 08:30 UTC), datetime!(2026-11-30 09:00 UTC)),
            (datetime!(2026-11-30 08:45 UTC), datetime!(2026-11-30 09:00 UTC)),
            (datetime!(2026-11-30 08:45:00.9 UTC), datetime!(2026-11-30 09:00 UTC)),
            (datetime!(2026-11-30 08:45:01 UTC), datetime!(2026-11-30 10:00 UTC)),
            (datetime!(2026-12-31 23:50 UTC), datetime!(2027-01-01 01:00 UTC)),
        ] {
            assert_eq!(message.approved(at).send_at, Some(send_at), "{at}");
        }
        let approved = message.approved(datetime!(2026-11-30 08:30 UTC));
        let again = approved.put_off(datetime!(2026-11-30 09:00 UTC));
        assert_eq!(again.send_at, Some(datetime!(2026-11-30 10:00 UTC)));
    }
}
