//! Changes of the notes on a session (openscouter 10.4).

use time::OffsetDateTime;

use crate::{
    model::{Notes, TestSession},
    store::{BoxFuture, Store, UpdateError, after_lost_race},
};

impl Store {
    /// Changes the notes on a session by `rule`, which sees the session and its notes and gives the next ones. Both are
    /// written together, so that the session is what the rule saw: on a lost race both are read and `rule` asked again.
    /// The session comes back with its notes.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn update_notes<'a, E: Send + 'a>(
        &'a self,
        mut session: TestSession,
        now: OffsetDateTime,
        rule: &'a (dyn Fn(&TestSession, &Notes) -> Result<Notes, E> + Send + Sync),
    ) -> BoxFuture<'a, Result<(TestSession, Notes), UpdateError<E>>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let before = self.notes(session.id).await?;
                let notes = rule(&session, &before).map_err(UpdateError::Refused)?;
                let next = session.with(|_| {});
                let members = self.notes_members(session.id, &notes)?;
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
