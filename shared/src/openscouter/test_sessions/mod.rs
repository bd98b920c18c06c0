//! Test sessions (openscouter 5.2, 10): who sees one, how it is changed, and how answers show it.

mod notes;
mod view;

use time::Duration;

pub use self::{
    notes::NotesView,
    view::{SessionView, StateView, latest_jobs},
};
use super::{
    access::{Caller, CredentialKind, Viewer},
    envelope::Problem,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    model::{TestSession, TestSessionId},
    store::UpdateError,
};

/// How far ahead of ours a client's clock may be.
pub const LEEWAY: Duration = Duration::seconds(60);

/// 404: there is no such session that the caller may see.
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found("Session")
}

/// 422: the session is in another state than the call needs; `expected` names those that would do.
#[must_use]
pub fn wrong_state(session: &TestSession, expected: &str) -> Problem {
    Problem::invalid("", &format!("Session is {}, expected {expected}", session.status.as_str()))
}

/// 422: the tester has withdrawn the consent that sessions need, so that nothing of theirs is taken in (openscouter 18).
#[must_use]
pub fn consent_withdrawn() -> Problem {
    Problem::invalid("", "Tester has withdrawn consent")
}

/// Whether a caller may see a session (openscouter 3.6, 3.8).
fn sees(caller: &Caller, session: &TestSession) -> bool {
    let bound = match &caller.credential {
        CredentialKind::Test(token) => token.study == session.study,
        CredentialKind::Jwt(_) | CredentialKind::Token(_) | CredentialKind::Connection(..) => true,
    };
    bound
        && match caller.viewer() {
            Viewer::Admin => true,
            Viewer::Owner(organization) => session.organization == organization,
            Viewer::Tester(tester) => session.tester == tester,
        }
}

/// The session of this wire id, if the caller may see it.
///
/// # Errors
/// 404 when there is no such session for the caller, and when the store fails.
pub fn seen<'a>(
    cx: &'a RequestContext,
    caller: &'a Caller,
    id: &'a str,
) -> BoxFuture<'a, Result<TestSession, Problem>> {
    Box::pin(async move {
        let id = TestSessionId::from_wire(id).ok_or_else(missing)?;
        let session = cx.context.store().test_session(id).await?;
        session.filter(|session| sees(caller, session)).ok_or_else(missing)
    })
}

/// Changes a session by `rule`, which is asked again as often as somebody else's change gets in the way; `None` leaves
/// the session as it is.
///
/// # Errors
/// What `rule` refuses, 404 when the session is gone, and when the store fails.
pub fn update<'a>(
    cx: &'a RequestContext,
    session: TestSession,
    rule: &'a (dyn Fn(&TestSession) -> Result<Option<TestSession>, Problem> + Send + Sync),
) -> BoxFuture<'a, Result<TestSession, Problem>> {
    Box::pin(async move {
        match cx.context.store().update_test_session(session.id, Some(session), cx.now, rule).await {
            Ok(session) => Ok(session),
            Err(UpdateError::NotFound) => Err(missing()),
            Err(UpdateError::Refused(problem)) => Err(problem),
            Err(UpdateError::Store(error)) => Err(error.into()),
        }
    })
}
