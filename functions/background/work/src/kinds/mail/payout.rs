//! The mails that tell of a payout that failed (openscouter 16.2): to its tester, in the tester's language, and to the
//! staff's address. What failed stands in the list of payouts, too, and in the audit trail.

use maud::{DOCTYPE, html};
use shared::{
    BoxFuture, limits,
    model::{Email, Locale, Owner, Payout, PayoutId, WorkItem},
};

use crate::{
    kind::{Kind, Outcome, WorkError, forget},
    mailer::Mail,
    workers::Workers,
};

/// The subject is the payout's id.
pub(crate) const PAYOUT_FAILED: Kind = Kind { run: tell, give_up: forget };

/// Mails to an address in an hour and in a day, and each window's seconds.
const WINDOWS: [(&str, u32, u32); 2] = [("hour", 20, 3_600), ("day", 100, 86_400)];

fn tell<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = PayoutId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let Some(payout) = workers.store().payout(id).await? else { return Ok(Outcome::Done("no such payout")) };
        if let Some(account) = workers.store().account(payout.tester).await?
            && account.user.active
        {
            send(workers, &account.user.email, &to_tester(&payout, account.user.locale)).await?;
        }
        if let Some(staff) = &workers.settings().mail.feedback {
            send(workers, staff, &to_staff(&payout)).await?;
        }
        Ok(Outcome::Done("told"))
    })
}

async fn send(workers: &Workers, to: &Email, mail: &Mail) -> Result<(), WorkError> {
    let Some(mailer) = workers.mailer() else { return Ok(()) };
    let (hash, now) = (to.hash(), workers.now());
    for (window, most, seconds) in WINDOWS {
        let bucket = limits::of(Owner::Email(&hash), &format!("mail/payout/{window}"));
        if !workers.context().limits().attempt(&bucket, seconds, now).await?.under(most).passed {
            return Ok(());
        }
    }
    mailer.send(to, mail).await.map_err(WorkError::Failed)
}

fn mail(language: &str, subject: &'static str, text: &str) -> Mail {
    let page = html! {
        (DOCTYPE)
        html lang=(language) { body { p { (text) } } }
    };
    Mail { subject: subject.into(), text: format!("{text}\n"), html: page.into_string() }
}

fn to_tester(payout: &Payout, locale: Locale) -> Mail {
    let again = payout.retry_at.is_some();
    match locale {
        Locale::En => mail(
            "en",
            "A payout failed",
            match again {
                true => {
                    "A payout for one of your tests failed. We try it again. Please check the bank details of your account \
                     at Stripe."
                }
                false => {
                    "A payout for one of your tests failed, and is not tried again by itself. Please check the bank \
                     details of your account at Stripe; we get in touch."
                }
            },
        ),
        Locale::Fr => mail(
            "fr",
            "Un versement a échoué",
            match again {
                true => {
                    "Le versement pour l'un de vos tests a échoué. Nous réessayons. Merci de vérifier les coordonnées \
                     bancaires de votre compte Stripe."
                }
                false => {
                    "Le versement pour l'un de vos tests a échoué et n'est plus réessayé automatiquement. Merci de vérifier \
                     les coordonnées bancaires de votre compte Stripe ; nous vous contactons."
                }
            },
        ),
    }
}

/// Ids and the code alone: nothing of the tester.
fn to_staff(payout: &Payout) -> Mail {
    let code = payout.failure.as_ref().map_or("unknown", |failure| &*failure.code);
    let text = format!("{} of {} failed at try {}: {code}", payout.id.wire(), payout.study.wire(), payout.attempt);
    mail("en", "A payout failed", &text)
}
