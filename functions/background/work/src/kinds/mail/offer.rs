//! The message of a proposal on its way to the tester (openscouter 14.1, 14.2): the words that were drafted, and below them
//! until when to answer, and where: in the chat of a tester who linked one, else by mail.

use shared::{
    BoxFuture,
    model::{
        Channel, Locale, Outreach, OutreachId, OutreachStatus, Proposal, ProposalId, ProposalStatus, User, WorkItem,
        message_language,
    },
    openscouter::{outreach::answer_by, telegram::answer_buttons},
};
use time::Duration;

use super::{application, letter::letter, within_limits};
use crate::{
    kind::{Kind, Outcome, WorkError},
    kinds::telegram::{self, Delivery},
    workers::Workers,
};

/// The subject is the proposal's id.
pub(crate) const OFFER: Kind = Kind { run: deliver, give_up };

/// How often the delivery of a message is tried (openscouter 20).
const TRIES: u32 = 3;
/// The pause before an address that got too many mails is written to.
const LATER: Duration = Duration::HOUR;

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
            Some(proposal) => send(workers, work, &message, &proposal).await,
        };
        match delivered {
            Ok(Delivery::At(time)) => Ok(Outcome::AgainAt(time)),
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

async fn send(
    workers: &Workers,
    work: &WorkItem,
    message: &Outreach,
    proposal: &Proposal,
) -> Result<Delivery, WorkError> {
    let store = workers.store();
    let account = store.account(message.tester).await?;
    let Some(account) = account.filter(|account| account.user.active && account.user.verified) else {
        return Ok(Delivery::Ended(OutreachStatus::Failed, "no such account"));
    };
    let user = &account.user;
    let (locale, text, called) = words(workers, message, proposal, user).await?;
    if message.channel == Channel::Telegram
        && let Some(delivery) =
            telegram::offer(workers, work, user, (&text, answer_buttons(locale, proposal.id))).await?
    {
        return Ok(delivery);
    }
    let Some(mailer) = workers.mailer() else {
        return Ok(Delivery::Ended(OutreachStatus::Failed, "no sender configured"));
    };
    if !within_limits(workers, &user.email, None).await? {
        return Ok(Delivery::At(workers.now() + LATER));
    }
    let app = application(workers.settings()).map(|app| app.trim_end_matches('/'));
    let link = app.map(|app| format!("{app}/proposals/{}", proposal.id.wire()));
    let subject = message.subject.clone().unwrap_or_else(|| called.to_owned());
    let mail = letter(subject, locale, &text, link.as_deref().map(|link| (called, link)));
    mailer.send(&user.email, &mail).await.map_err(WorkError::Failed)?;
    Ok(Delivery::Ended(OutreachStatus::Sent, "sent"))
}

/// The language of a message, its text with until when to answer, and what the link to the answer is called.
async fn words(
    workers: &Workers,
    message: &Outreach,
    proposal: &Proposal,
    user: &User,
) -> Result<(Locale, String, &'static str), WorkError> {
    let (profile, _) = workers.store().profile(user.id).await?;
    let study = workers.store().linked_study(message.study).await?;
    let locale = study.as_ref().map_or(Locale::En, message_language);
    let answer = proposal.expires_at.map(|end| answer_by(locale, end, &profile)).unwrap_or_default();
    let called = match locale {
        Locale::En => "Answer",
        Locale::Fr => "Répondre",
    };
    Ok((locale, format!("{}\n\n{answer}", message.body), called))
}
