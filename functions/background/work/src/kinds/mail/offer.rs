//! The mail that tells a tester of a proposal (openscouter 14.1): the study's title and what it pays, in the tester's
//! language, and where to answer. A tester who has linked Telegram will be told there instead: this is the place.

use maud::{DOCTYPE, html};
use shared::{
    BoxFuture,
    model::{Locale, Proposal, ProposalId, ProposalStatus, Study, WorkItem},
    openscouter::format::timestamp,
};

use super::{application, within_limits};
use crate::{
    kind::{Kind, Outcome, WorkError, forget},
    mailer::Mail,
    workers::Workers,
};

/// The subject is the proposal's id.
pub(crate) const OFFER: Kind = Kind { run: tell, give_up: forget };

fn tell<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let id = ProposalId::parse(&work.subject).ok_or(WorkError::Subject)?;
        let (store, now) = (workers.store(), workers.now());
        let proposal = store.proposal(id).await?.filter(|one| one.status_at(now) == ProposalStatus::Sent);
        let Some(proposal) = proposal else { return Ok(Outcome::Done("nothing to answer")) };
        let Some(study) = store.linked_study(proposal.study).await? else {
            return Ok(Outcome::Done("no such study"));
        };
        let account = store.account(proposal.tester).await?;
        let Some(account) = account.filter(|account| account.user.active && account.user.verified) else {
            return Ok(Outcome::Done("no such account"));
        };
        let user = &account.user;
        if !within_limits(workers, &user.email, None).await? {
            return Ok(Outcome::Done("too many mails to the address"));
        }
        let Some(mailer) = workers.mailer() else { return Ok(Outcome::Done("no sender configured")) };
        let app = application(workers.settings()).map(|app| app.trim_end_matches('/'));
        let link = app.map(|app| format!("{app}/proposals/{}", proposal.id.wire()));
        let mail = compose(user.locale, &study, &proposal, link.as_deref());
        mailer.send(&user.email, &mail).await.map_err(WorkError::Failed)?;
        Ok(Outcome::Done("sent"))
    })
}

/// The words of the mail: nothing of the tester, nothing of what the study's owner is after.
fn compose(locale: Locale, study: &Study, proposal: &Proposal, link: Option<&str>) -> Mail {
    let (title, minutes) = (&study.name, study.details.settings.max_duration_minutes);
    let pay = study.details.compensation.as_ref().map(|paid| format!("{:.2} {}", paid.amount, paid.currency));
    let end = proposal.expires_at.map(timestamp).unwrap_or_default();
    let (subject, hello, what, pays, answer, called) = match locale {
        Locale::En => (
            "A study for you",
            "Hello,",
            format!("a study looks for testers like you: {title}. It takes up to {minutes} minutes."),
            pay.map(|pay| format!("It pays {pay}.")),
            format!("You can accept or decline until {end}. If you decline, nobody minds."),
            "Answer",
        ),
        Locale::Fr => (
            "Une étude pour vous",
            "Bonjour,",
            format!("une étude cherche des testeurs comme vous : {title}. Elle dure {minutes} minutes au plus."),
            pay.map(|pay| format!("Elle est payée {pay}.")),
            format!("Vous pouvez accepter ou refuser jusqu'au {end}. Un refus est sans conséquence."),
            "Répondre",
        ),
    };
    let sentence = [Some(what), pays].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let page = html! {
        (DOCTYPE)
        html lang=(locale.as_str()) {
            body {
                p { (hello) }
                p { (sentence) }
                p { (answer) }
                @if let Some(link) = link {
                    p { a href=(link) { (called) } }
                }
            }
        }
    };
    let text_link = link.map_or_else(String::new, |link| format!("\n{called}: {link}\n"));
    Mail { subject, text: format!("{hello}\n\n{sentence}\n\n{answer}\n{text_link}"), html: page.into_string() }
}

#[cfg(test)]
mod tests {
    use shared::model::{Compensation, Details, MatchScore, OrganizationId, Status, StudyId, UserId};
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_tester_reads_what_it_is_about_and_nothing_internal() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let compensation = Compensation { currency: "USD".to_owned(), amount: 15.0, kind: "flat".to_owned() };
        let description = "find barriers".to_owned();
        let study = Study {
            id: StudyId::generate(),
            organization: OrganizationId::generate(),
            name: "<i>Checkout".to_owned(),
            status: Status::Open,
            paused_from: None,
            completion_url: None,
            target_url: None,
            tasks: Vec::new(),
            details: Details { description, compensation: Some(compensation), ..Details::default() },
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let proposal = Proposal::new(&study, UserId::generate(), MatchScore(7_200), true, now);
        let mail = compose(Locale::En, &study, &proposal, Some("https://a.test/proposals/x"));
        assert!(mail.text.contains("<i>Checkout") && mail.text.contains("15.00 USD"));
        assert!(mail.text.contains("1970-01-04T00:00:00Z") && mail.text.contains("https://a.test/proposals/x"));
        assert!(mail.html.contains("&lt;i&gt;Checkout") && !mail.html.contains("find barriers"));
        let mail = compose(Locale::Fr, &study, &proposal, None);
        assert!(mail.text.starts_with("Bonjour,") && !mail.text.contains("Répondre"));
    }
}
