//! What testers answer to proposals, over HTTP or by a button in Telegram: one way to do it (openscouter 14.1, 15).

use time::Duration;

use super::{is_visible, missing, wrong_state};
use crate::{
    model::{Proposal, ProposalId, ProposalStatus, Standing, Study, TestToken, User},
    openscouter::{
        access::Viewer,
        envelope::Problem,
        request_context::RequestContext,
        studies::{self, view::app_url},
    },
    secret::new_test_token,
    store::{Acceptance, Accepted, Declined},
};

/// Why an answer is not taken.
#[derive(Debug)]
pub enum AnswerError {
    /// No proposal that the tester knows of.
    Missing,
    /// It stands otherwise than expected.
    Stands(ProposalStatus, &'static str),
    /// The tester may not test.
    Inactive(Standing),
    /// No place of the study is left.
    Full,
    /// The tester's session has begun.
    Started,
    /// Something broke, or the study is gone.
    Failed(Problem),
}

impl<E: Into<Problem>> From<E> for AnswerError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl AnswerError {
    /// The answer over HTTP.
    #[must_use]
    pub fn problem(self) -> Problem {
        match self {
            Self::Missing => missing(),
            Self::Stands(status, expected) => wrong_state(status, expected),
            Self::Inactive(standing) => {
                Problem::invalid("", &format!("Tester is {}, expected active", standing.as_str()))
            }
            Self::Full => Problem::invalid("", "Study has no free places"),
            Self::Started => Problem::invalid("", "Session has already started"),
            Self::Failed(problem) => problem,
        }
    }
}

/// What a tester accepted. The token's text is told once.
#[derive(Debug)]
pub struct Participation {
    /// The proposal.
    pub proposal: Proposal,
    /// Its study.
    pub study: Study,
    /// The test token.
    pub token: TestToken,
    /// Its text.
    pub plain: String,
    /// Where the test begins, with the token.
    pub url: String,
}

/// The proposal, as the tester sees it.
async fn known(cx: &RequestContext, tester: &User, id: ProposalId) -> Result<Proposal, AnswerError> {
    let proposal = cx.context.store().proposal(id).await?;
    let visible = |proposal: &Proposal| is_visible(Viewer::Tester(tester.id), proposal);
    proposal.filter(visible).ok_or(AnswerError::Missing)
}

/// A tester accepts a proposal, by the update `heard` where it came by Telegram (openscouter 14.1).
///
/// # Errors
/// As [`AnswerError`] says.
pub async fn accept(
    cx: &RequestContext,
    tester: &User,
    id: ProposalId,
    heard: Option<i64>,
) -> Result<Participation, AnswerError> {
    let proposal = known(cx, tester, id).await?;
    let status = proposal.status_at(cx.now);
    if status != ProposalStatus::Sent {
        return Err(AnswerError::Stands(status, "sent"));
    }
    if tester.standing() != Standing::Active {
        return Err(AnswerError::Inactive(tester.standing()));
    }
    let store = cx.context.store();
    let study = store.linked_study(proposal.study).await?.ok_or_else(studies::missing)?;
    let (plain, hash) = new_test_token()?;
    let places = study.details.targeting.tester_count;
    let remind_after = Duration::hours(study.details.settings.reminder_after_hours.into());
    let acceptance = Acceptance { id, tester, token_hash: &hash, places, remind_after, heard };
    match store.accept_proposal(acceptance, cx.now).await? {
        Accepted::Done(proposal, token) => {
            let url = test_url(&app_url(cx), &plain);
            Ok(Participation { proposal: *proposal, study, token: *token, plain, url })
        }
        Accepted::Missing => Err(AnswerError::Missing),
        Accepted::Stands(status) => Err(AnswerError::Stands(status, "sent")),
        Accepted::Full => Err(AnswerError::Full),
    }
}

/// A tester declines a proposal, by the update `heard` where it came by Telegram (openscouter 14.1).
///
/// # Errors
/// As [`AnswerError`] says.
pub async fn decline(
    cx: &RequestContext,
    tester: &User,
    id: ProposalId,
    heard: Option<i64>,
) -> Result<Proposal, AnswerError> {
    known(cx, tester, id).await?;
    match cx.context.store().decline_proposal(id, tester, heard, cx.now).await? {
        Declined::Done(proposal) => Ok(*proposal),
        Declined::Missing => Err(AnswerError::Missing),
        Declined::Stands(status) => Err(AnswerError::Stands(status, "sent or accepted")),
        Declined::Started => Err(AnswerError::Started),
    }
}

/// Where a test begins: the web application, and a test token (openscouter 3.6).
#[must_use]
pub fn test_url(app: &str, token: &str) -> String {
    format!("{app}/test#token={token}")
}
