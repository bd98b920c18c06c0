//! Reminders (openscouter 20): a tester accepted and has not begun, or a session stands still. Each has a fresh test token in
//! its link; an older one stops working.

use shared::{
    BoxFuture,
    model::{
        Locale, ProposalId, ProposalStatus, Study, StudyId, TestSessionId, TestStatus, UserId, WorkItem,
        message_language,
    },
    openscouter::profiles::local_time,
    secret::new_test_token,
};

use super::{application, letter::letter, within_limits};
use crate::{
    kind::{Kind, Outcome, WorkError, forget},
    kinds::telegram,
    mailer::Mail,
    workers::Workers,
};

/// The subject says what the tester is reminded of, and behind that its id.
pub(crate) const REMIND: Kind = Kind { run: remind, give_up: forget };

/// What a tester is reminded of.
#[derive(Clone, Copy)]
enum About {
    /// Beginning.
    Beginning,
    /// Going on.
    GoingOn,
}

fn remind<'a>(workers: &'a Workers, work: &'a WorkItem) -> BoxFuture<'a, Result<Outcome, WorkError>> {
    Box::pin(async move {
        let store = workers.store();
        let Some((about, study, tester)) = wanted(workers, &work.subject).await? else {
            return Ok(Outcome::Done("nothing to remind of"));
        };
        let account = store.account(tester).await?;
        let Some(account) = account.filter(|account| account.user.active && account.user.verified) else {
            return Ok(Outcome::Done("no such account"));
        };
        let Some(study) = store.linked_study(study).await? else { return Ok(Outcome::Done("no such study")) };
        let user = &account.user;
        let Some(app) = application(workers.settings()) else { return Ok(Outcome::Done("no URL for the link")) };
        // before the token, since a new one ends the one before
        if !telegram::is_reachable(workers, user).await? {
            if workers.mailer().is_none() {
                return Ok(Outcome::Done("no sender configured"));
            }
            if !within_limits(workers, &user.email, None).await? {
                return Ok(Outcome::Done("too many mails to the address"));
            }
        }
        let (plain, hash) = new_test_token().map_err(|error| WorkError::Failed(error.to_string()))?;
        let token = store.issue_test_token(user, study.id, &hash, workers.now()).await?;
        let link = format!("{}/test#token={plain}", app.trim_end_matches('/'));
        let end = local_time(token.expires_at, &store.profile(user.id).await?.0);
        let mail = write(about, &study, &end, &link);
        if telegram::remind(workers, user, &mail.text).await? {
            return Ok(Outcome::Done("reminded in Telegram"));
        }
        let Some(mailer) = workers.mailer() else { return Ok(Outcome::Done("no sender configured")) };
        mailer.send(&user.email, &mail).await.map_err(WorkError::Failed)?;
        Ok(Outcome::Done("reminded"))
    })
}

/// What a reminder is about, if it still holds.
async fn wanted(workers: &Workers, subject: &str) -> Result<Option<(About, StudyId, UserId)>, WorkError> {
    let (what, id) = subject.split_once(' ').ok_or(WorkError::Subject)?;
    let store = workers.store();
    if what == "accepted" {
        let id = ProposalId::parse(id).ok_or(WorkError::Subject)?;
        let proposal = store.proposal(id).await?.filter(|proposal| proposal.status == ProposalStatus::Accepted);
        let Some(proposal) = proposal else { return Ok(None) };
        let began = store.test_session_of(proposal.study, proposal.tester).await?.is_some();
        return Ok((!began).then_some((About::Beginning, proposal.study, proposal.tester)));
    }
    let id = TestSessionId::parse(id).ok_or(WorkError::Subject)?;
    let session = store.test_session(id).await?.filter(|session| session.status == TestStatus::Paused);
    Ok(session.map(|session| (About::GoingOn, session.study, session.tester)))
}

fn write(about: About, study: &Study, end: &str, link: &str) -> Mail {
    let (locale, title) = (message_language(study), &study.name);
    let (subject, text, called) = match (about, locale) {
        (About::Beginning, Locale::En) => (
            "Your test is waiting",
            format!("Hello,\n\nyou accepted to test {title}, and have not begun. This link begins it, until {end}."),
            "Begin",
        ),
        (About::GoingOn, Locale::En) => (
            "Your test is paused",
            format!("Hello,\n\nyour test of {title} is paused. This link takes you back to it, until {end}."),
            "Go on",
        ),
        (About::Beginning, Locale::Fr) => (
            "Votre test vous attend",
            format!(
                "Bonjour,\n\nvous avez accepté de tester {title} et n'avez pas commencé. Ce lien permet de commencer, jusqu'au {end}."
            ),
            "Commencer",
        ),
        (About::GoingOn, Locale::Fr) => (
            "Votre test est en pause",
            format!("Bonjour,\n\nvotre test de {title} est en pause. Ce lien permet de le reprendre, jusqu'au {end}."),
            "Reprendre",
        ),
    };
    letter(subject.to_owned(), locale, &text, Some((called, link)))
}
