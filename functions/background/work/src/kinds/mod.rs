//! The kinds of work, one module each.

mod agent;
mod checkout;
mod consent;
mod credentials;
mod deliver;
mod erase;
mod export;
mod job;
mod mail;
mod payout;
mod propose;
mod publish;
mod purge;
mod rank;
mod redeliver;
mod run;
mod telegram;
mod veille;

use shared::model::WorkKind;

use crate::kind::Kind;

/// The kind that a name stands for.
pub(crate) const fn of(kind: WorkKind) -> Kind {
    match kind {
        WorkKind::Welcome => mail::WELCOME,
        WorkKind::Verify => mail::VERIFY,
        WorkKind::Reset => mail::RESET,
        WorkKind::PasswordChanged => mail::PASSWORD_CHANGED,
        WorkKind::AddressTaken => mail::ADDRESS_TAKEN,
        WorkKind::ScouterVerify => mail::SCOUTER_VERIFY,
        WorkKind::ScouterWelcome => mail::SCOUTER_WELCOME,
        WorkKind::ScouterSignUp => mail::SCOUTER_SIGN_UP,
        WorkKind::ScouterReset => mail::SCOUTER_RESET,
        WorkKind::MagicLink => mail::MAGIC_LINK,
        WorkKind::Feedback => mail::FEEDBACK,
        WorkKind::RankAudit => rank::AUDIT,
        WorkKind::RankOrganization => rank::ORGANIZATION,
        WorkKind::RankStudies => rank::STUDIES,
        WorkKind::RankTestSession => rank::TEST_SESSION,
        WorkKind::Agent => agent::AGENT,
        WorkKind::WithdrawConsent => consent::WITHDRAW,
        WorkKind::Export => export::EXPORT,
        WorkKind::EndCredentials => credentials::END,
        WorkKind::Erase => erase::ERASE,
        WorkKind::Job => job::JOB,
        WorkKind::Run => run::RUN,
        WorkKind::Veille => veille::VEILLE,
        WorkKind::Purge => purge::PURGE,
        WorkKind::Publish => publish::PUBLISH,
        WorkKind::Deliver => deliver::DELIVER,
        WorkKind::Redeliver => redeliver::REDELIVER,
        WorkKind::Propose => propose::PROPOSE,
        WorkKind::EndProposals => propose::END,
        WorkKind::Offer => mail::OFFER,
        WorkKind::Remind => mail::REMIND,
        WorkKind::Payout => payout::PAYOUT,
        WorkKind::ReleasePayouts => payout::RELEASE,
        WorkKind::PayoutFailed => mail::PAYOUT_FAILED,
        WorkKind::TestLink => telegram::TEST_LINK,
        WorkKind::ExpireCheckout => checkout::EXPIRE,
    }
}
