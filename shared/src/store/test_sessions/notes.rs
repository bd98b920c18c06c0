//! Changes of the notes on a session (openscouter 10.4).

use time::OffsetDateTime;

use crate::{
    model::{Notes, TestSession},
    store::{BoxFuture, Store, UpdateError, after_lost_race},
};

impl Store {
    /// Changes the notes on a session by `rule`, which sees the session, its notes and whether its tester has withdrawn
    /// the consent, and gives the next ones. All are as the rule saw them when they are written: on a lost race they are
    /// read and `rule` asked again. The session comes back with its notes.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn update_notes<'a, E: Send + 'a>(
        &'a self,
        mut session: TestSession,
        now: OffsetDateTime,
        rule: &'a (dyn Fn(&TestSession, &Notes, bool) -> Result<Notes, E> + Send + Sync),
    ) -> BoxFuture<'a, Result<(TestSession, Notes), UpdateError<E>>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let consent = self.has_withdrawn(session.tester);
                let (before, withdrawn) = futures_util::future::try_join(self.notes(session.id), consent).await?;
                let notes = rule(&session, &before, withdrawn).map_err(UpdateError::Refused)?;
                let next = session.with(|_| {});
                let mut members = self.notes_members(session.id, &notes)?;
                members.push(self.consent_member(session.tester)?);
                if self.write_test_session(&session, &next, members, now).await? {
                    return Ok((next, notes));
                }
                after_lost_race(attempt).await?;
                attempt += 1;
                session = self.test_session(session.id).await?.ok_or(UpdateError::NotFound)?;
            }
        })
    }
}
