//! The message of a proposal on its way to the tester (openscouter 14.1, 14.2): the words that were drafted, and below them
//! until when to answer, and where.

use shared::{
    BoxFuture,
    model::{
        Locale, Outreach, OutreachId, OutreachStatus, Proposal, ProposalId, ProposalStatus, User, WorkItem,
        message_language,
    },
};
use time::Duration;

use super::{
    application,
    letter::{letter, local_time},
    within_limits,
};
use crate::{
    kind::{Kind, Outcome, WorkError},
    mailer::Mail,
    workers::Workers,
};

/// The subject is the proposal's id.
pub(crate) const OFFER: Kind = Kind { run: deliver, give_up };

/// How often the delivery of a message is tried (openscouter 20).
const TRIES: u32 = 3;
/// The pause before an address that got too many mails is written to.
const LATER: Duration = Duration::HOUR;

/// What became of a delivery.
enum Delivery {
    /// It came to an end.
    Ended(OutreachStatus, &'static str),
    /// The address got too many mails; what is said can wait.
    Later,
}

fn deliver<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = ProposalId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let (store, now, id) = (workers.store(), workers.now(), OutreachId::of(id));
        let message = store.outreach(id).await?.filter(|message| message.status == OutreachStatus::Approved);
        let Some(message) = message else { return Ok(Outcome::Done("nothing to send")) };
        let proposal = store.proposal(message.proposal).await?;
        let proposal = proposal.filter(|proposal| proposal.status_at(now) == ProposalStatus::Sent);
        let delivered = match proposal {
            // answered or over before it was told
            None => Ok(Delivery::Ended(OutreachStatus::Cancelled, "nothing to answer")),
            Some(proposal) => send(workers, &message, &proposal).await,
        };
        match delivered {
            Ok(Delivery::Later) => Ok(Outcome::AgainAt(now + LATER)),
            Ok(Delivery::Ended(status, told)) => {
                store.settle_outreach(id, status).await?;
                Ok(Outcome::Done(told))
            }
            Err(error) if work.attempt >= TRIES => {
                tracing::warn!(cause = %error, "message not delivered");
                store.settle_outreach(id, OutreachStatus::Failed).await?;
                Ok(Outcome::Done("failed"))
            }
            Err(error) => Err(error),
        }
    })
}

fn give_up<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = ProposalId::parse(&work.subject).ok_or(WorkError::Subject)?;
        workers.store().settle_outreach(OutreachId::of(id), OutreachStatus::Failed).await?;
        Ok(crate::kind::given_up())
    })
}

async fn send(workers: &Workers, message: &Outreach, proposal: &Proposal) -> Result<Delivery, WorkError> {
    let store = workers.store();
    let account = store.account(message.tester).await?;
    let Some(account) = account.filter(|account| account.user.active && account.user.verified) else {
        return Ok(Delivery::Ended(OutreachStatus::Failed, "no such account"));
    };
    let Some(mailer) = workers.mailer() else {
        return Ok(Delivery::Ended(OutreachStatus::Failed, "no sender configured"));
    };
    let user = &account.user;
    if !within_limits(workers, &user.email, None).await? {
        return Ok(Delivery::Later);
    }
    let mail = written(workers, message, proposal, user).await?;
    mailer.send(&user.email, &mail).await.map_err(WorkError::Failed)?;
    Ok(Delivery::Ended(OutreachStatus::Sent, "sent"))
}

async fn written(workers: &Workers, message: &Outreach, proposal: &Proposal, user: &User) -> Result<Mail, WorkError> {
    let (profile, _) = workers.store().profile(user.id).await?;
    let study = workers.store().linked_study(message.study).await?;
    let locale = study.as_ref().map_or(Locale::En, message_language);
    let end = proposal.expires_at.map(|end| local_time(end, &profile)).unwrap_or_default();
    let (answer, called) = match locale {
        Locale::En => (format!("You can accept or decline until {end}. If you decline, nobody minds."), "Answer"),
        Locale::Fr => {
            (format!("Vous pouvez accepter ou refuser jusqu'au {end}. Un refus est sans conséquence."), "Répondre")
        }
    };
    let app = application(workers.settings()).map(|app| app.trim_end_matches('/'));
    let link = app.map(|app| format!("{app}/proposals/{}", proposal.id.wire()));
    let subject = message.subject.clone().unwrap_or_else(|| called.to_owned());
    let text = format!("{}\n\n{answer}", message.body);
    Ok(letter(subject, locale, &text, link.as_deref().map(|link| (called, link))))
}
