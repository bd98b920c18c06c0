//! Work that outlives a request.

use super::{Checkout, Email, Payout, PipelineId, Proposal, ProposalId, Study, StudyId, TestSessionId, ThreadId};

/// What the ids of mails begin with.
const MAIL: &str = "mail-";

/// What is to be done: mails, named for what they say (outsend 6.2, openscouter 7), and what follows from a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkKind {
    /// Welcome, with the link that verifies the address.
    Welcome,
    /// The link that verifies the address, again.
    Verify,
    /// The link that sets a new password.
    Reset,
    /// The password was changed.
    PasswordChanged,
    /// Somebody tried to sign up with the address of an account.
    AddressTaken,
    /// The link that verifies the address, of OpenScouter, asked for again.
    ScouterVerify,
    /// The link that verifies the address, for the OpenScouter sign-up that made the account.
    ScouterWelcome,
    /// The link that verifies the address, for a later sign-up at OpenScouter.
    ScouterSignUp,
    /// The link that sets a new password, of OpenScouter.
    ScouterReset,
    /// The link that signs in (openscouter 7).
    MagicLink,
    /// A thread was opened: told to the staff's address (outsend 17).
    Feedback,
    /// A record of the audit trail is ranked in the lists.
    RankAudit,
    /// An organization is ranked in the operator's list.
    RankOrganization,
    /// Studies are ranked in the operator's lists.
    RankStudies,
    /// A test session is ranked in the lists.
    RankTestSession,
    /// An agent works (openscouter 12).
    Agent,
    /// What a withdrawn consent covered goes (openscouter 18).
    WithdrawConsent,
    /// A personal export is put together.
    Export,
    /// Keys, API tokens and connections that a user ended are removed.
    EndCredentials,
    /// What is left of a deleted account is removed, slice by slice.
    Erase,
    /// A job goes on, slice by slice (outsend 7.4).
    Job,
    /// A run of a pipeline follows what its jobs came to (outsend 14.4).
    Run,
    /// A run of a veille starts, or follows what its job or pipeline came to (outsend 15.3).
    Veille,
    /// The rows of a job that expired or was deleted are removed (outsend 7.5), the runs of a deleted pipeline, or what
    /// a veille's run needs no more.
    Purge,
    /// An event is added to its account's feed (outsend 16.2).
    Publish,
    /// An event is sent to a webhook (outsend 16.2).
    Deliver,
    /// Deliveries of a webhook that failed are queued again, slice by slice (outsend 16.1).
    Redeliver,
    /// Testers are proposed for a study (openscouter 14.1).
    Propose,
    /// Proposals end with their study (openscouter 5.3).
    EndProposals,
    /// The message of a proposal is delivered (openscouter 14.2).
    Offer,
    /// A tester who accepted, or whose session is paused, is reminded (openscouter 20).
    Remind,
    /// A payout is made: the transfer to the tester's account, and the payout from there (openscouter 16.1).
    Payout,
    /// What waits for a tester's account is begun, slice by slice (openscouter 16.2).
    ReleasePayouts,
    /// A tester is told that a payout failed (openscouter 16.2).
    PayoutFailed,
    /// A checkout whose study is gone ends at Stripe (openscouter 16.1).
    ExpireCheckout,
    /// A tester who accepted in Telegram is sent the link to the test there, where that did not succeed at once
    /// (openscouter 15).
    TestLink,
}

impl WorkKind {
    const ALL: [Self; 36] = [
        Self::Welcome,
        Self::Verify,
        Self::Reset,
        Self::PasswordChanged,
        Self::AddressTaken,
        Self::ScouterVerify,
        Self::ScouterWelcome,
        Self::ScouterSignUp,
        Self::ScouterReset,
        Self::MagicLink,
        Self::Feedback,
        Self::RankAudit,
        Self::RankOrganization,
        Self::RankStudies,
        Self::RankTestSession,
        Self::Agent,
        Self::WithdrawConsent,
        Self::Export,
        Self::EndCredentials,
        Self::Erase,
        Self::Job,
        Self::Run,
        Self::Veille,
        Self::Purge,
        Self::Publish,
        Self::Deliver,
        Self::Redeliver,
        Self::Propose,
        Self::EndProposals,
        Self::Offer,
        Self::Remind,
        Self::Payout,
        Self::ReleasePayouts,
        Self::PayoutFailed,
        Self::ExpireCheckout,
        Self::TestLink,
    ];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Welcome => "mail.welcome",
            Self::Verify => "mail.verify",
            Self::Reset => "mail.reset",
            Self::PasswordChanged => "mail.password_changed",
            Self::AddressTaken => "mail.address_taken",
            Self::ScouterVerify => "mail.openscouter_verify",
            Self::ScouterWelcome => "mail.openscouter_welcome",
            Self::ScouterSignUp => "mail.openscouter_sign_up",
            Self::ScouterReset => "mail.openscouter_reset",
            Self::MagicLink => "mail.magic_link",
            Self::Feedback => "mail.feedback",
            Self::RankAudit => "rank.audit",
            Self::RankOrganization => "rank.organization",
            Self::RankStudies => "rank.studies",
            Self::RankTestSession => "rank.test_session",
            Self::Agent => "agent",
            Self::WithdrawConsent => "consent.withdraw",
            Self::Export => "export",
            Self::EndCredentials => "credentials.end",
            Self::Erase => "erase",
            Self::Job => "job",
            Self::Run => "run",
            Self::Veille => "veille",
            Self::Purge => "purge",
            Self::Publish => "publish",
            Self::Deliver => "deliver",
            Self::Redeliver => "redeliver",
            Self::Propose => "propose",
            Self::EndProposals => "proposals.end",
            Self::Offer => "mail.offer",
            Self::Remind => "mail.reminder",
            Self::Payout => "payout",
            Self::ReleasePayouts => "payouts.release",
            Self::PayoutFailed => "mail.payout_failed",
            Self::ExpireCheckout => "checkout.expire",
            Self::TestLink => "telegram.test_link",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One piece of work. It names no secret: a token is made when the mail is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// Names it among all that waits.
    pub id: String,
    /// What is to be done.
    pub kind: WorkKind,
    /// What it concerns: of a mail to a user the address, else an id.
    pub subject: String,
    /// How often it was taken up.
    pub attempt: u32,
}

impl WorkItem {
    /// A mail to an address, of which a request asks for no second one: its work is named for the request's own id.
    #[must_use]
    pub fn mail(kind: WorkKind, email: &Email, request: &str) -> Self {
        Self { id: format!("{MAIL}{request}"), kind, subject: email.as_str().to_owned(), attempt: 0 }
    }

    /// A mail to the staff about a thread.
    #[must_use]
    pub fn feedback(thread: ThreadId) -> Self {
        Self { id: format!("{MAIL}{thread}"), kind: WorkKind::Feedback, subject: thread.to_string(), attempt: 0 }
    }

    /// The try that a payout is at.
    #[must_use]
    pub fn payout(payout: &Payout) -> Self {
        Self {
            id: format!("payout-{}-{}", payout.id, payout.attempt),
            kind: WorkKind::Payout,
            subject: payout.id.to_string(),
            attempt: 0,
        }
    }

    /// A run of a pipeline is to follow what happened.
    #[must_use]
    pub fn run(pipeline: PipelineId, run: u64, what: &str) -> Self {
        Self {
            id: format!("run-{pipeline}-{run}-{what}"),
            kind: WorkKind::Run,
            subject: format!("{pipeline} {run}"),
            attempt: 0,
        }
    }

    /// The best testers are proposed for a study that was launched: twice as many as it has places.
    #[must_use]
    pub fn propose(study: &Study) -> Self {
        let most = u64::from(study.details.targeting.tester_count) * 2;
        let (id, subject) = (format!("propose-{}", study.id), format!("{} {most}", study.id));
        Self { id, kind: WorkKind::Propose, subject, attempt: 0 }
    }

    /// The next best tester is proposed, in the place of who did not take part.
    #[must_use]
    pub fn propose_next(instead: &Proposal) -> Self {
        let (id, subject) = (format!("propose-{}", instead.id), format!("{} {}", instead.study, instead.id));
        Self { id, kind: WorkKind::Propose, subject, attempt: 0 }
    }

    /// A study's open proposals end, because it came to `version`.
    #[must_use]
    pub fn end_proposals(study: StudyId, version: u64) -> Self {
        let id = format!("proposals-{study}-{version}");
        Self { id, kind: WorkKind::EndProposals, subject: study.to_string(), attempt: 0 }
    }

    /// A tester who accepted is reminded, for the so-manieth time.
    #[must_use]
    pub fn remind_accepted(proposal: ProposalId, number: u8) -> Self {
        let (id, subject) = (format!("{MAIL}{proposal}-{number}"), format!("accepted {proposal}"));
        Self { id, kind: WorkKind::Remind, subject, attempt: 0 }
    }

    /// A tester whose session is paused is reminded, for the so-manieth time since then.
    #[must_use]
    pub fn remind_paused(session: TestSessionId, number: u8) -> Self {
        let (id, subject) = (format!("{MAIL}{session}-{number}"), format!("paused {session}"));
        Self { id, kind: WorkKind::Remind, subject, attempt: 0 }
    }

    /// The message of a proposal is delivered.
    #[must_use]
    pub fn offer(proposal: ProposalId) -> Self {
        Self { id: format!("{MAIL}{proposal}"), kind: WorkKind::Offer, subject: proposal.to_string(), attempt: 0 }
    }

    /// A checkout is to end at Stripe, whose id of it the subject names, and behind it when it ends by itself; `None` of
    /// one whose page nobody was given.
    #[must_use]
    pub fn expire_checkout(checkout: &Checkout) -> Option<Self> {
        let (session, _) = checkout.session.as_ref()?;
        let subject = format!("{session} {}", checkout.expires_at.unix_timestamp());
        Some(Self { id: format!("checkout-{session}"), kind: WorkKind::ExpireCheckout, subject, attempt: 0 })
    }

    /// A tester who accepted a proposal is sent the link to the test.
    #[must_use]
    pub fn test_link(proposal: ProposalId) -> Self {
        Self {
            id: format!("test-link-{proposal}"),
            kind: WorkKind::TestLink,
            subject: proposal.to_string(),
            attempt: 0,
        }
    }

    /// The own id of the request that asked for a mail.
    #[must_use]
    pub fn request(&self) -> &str {
        self.id.strip_prefix(MAIL).unwrap_or(&self.id)
    }
}

/// What a one-time token is for (outsend 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Verifies an address; valid 48 hours.
    Verify,
    /// Sets a new password; valid 1 hour.
    Reset,
    /// Verifies an address; valid 24 hours (openscouter 7).
    ScouterVerify,
    /// Sets a new password; valid 1 hour (openscouter 7).
    ScouterReset,
    /// Signs in; valid 15 minutes (openscouter 7).
    Magic,
    /// Signs in at the end of a provider's log-in; valid 60 seconds (openscouter 7).
    Callback,
    /// Links a chat with a tester; valid 15 minutes (openscouter 15).
    Telegram,
}

impl TokenKind {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::ScouterVerify => "openscouter-verify",
            Self::ScouterReset => "openscouter-reset",
            Self::Magic => "magic",
            Self::Callback => "callback",
            Self::Telegram => "telegram",
        }
    }

    /// Reads a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let of_mails = [Self::Verify, Self::Reset, Self::ScouterVerify, Self::ScouterReset, Self::Magic];
        of_mails.into_iter().chain([Self::Callback, Self::Telegram]).find(|kind| kind.as_str() == text)
    }

    /// How long a token is valid.
    #[must_use]
    pub const fn lifetime(self) -> time::Duration {
        match self {
            Self::Verify => time::Duration::hours(48),
            Self::Reset | Self::ScouterReset => time::Duration::hours(1),
            Self::ScouterVerify => time::Duration::hours(24),
            Self::Magic | Self::Telegram => time::Duration::minutes(15),
            Self::Callback => time::Duration::seconds(60),
        }
    }

    /// How many of a user work at a time: of more, the oldest stop working.
    #[must_use]
    pub const fn most(self) -> usize {
        match self {
            Self::Telegram => 1,
            _ => 5,
        }
    }
}
