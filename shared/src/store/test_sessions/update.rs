//! Changes of a session by a rule (openscouter 5.2, 10.4).

use time::OffsetDateTime;

use crate::{
    model::{TestSession, TestSessionId},
    store::{BoxFuture, Store, UpdateError, after_lost_race},
};

impl Store {
    /// Changes a session by `rule`, which sees its current state and gives the next one, or `None` to leave it as it
    /// is. The check and the write are atomic: on a lost race the session is read and `rule` asked again. The first
    /// one that it sees is `known`, where the caller has read it already.
    ///
    /// # Errors
    /// As [`UpdateError`] says.
    pub fn update_test_session<'a, E: Send + 'a>(
        &'a self,
        id: TestSessionId,
        mut known: Option<TestSession>,
        now: OffsetDateTime,
        rule: &'a (dyn Fn(&TestSession) -> Result<Option<TestSession>, E> + Send + Sync),
    ) -> BoxFuture<'a, Result<TestSession, UpdateError<E>>> {
        Box::pin(async move {
            let mut attempt = 0;
            loop {
                let current = match known.take() {
                    Some(session) => session,
                    None => self.test_session(id).await?.ok_or(UpdateError::NotFound)?,
                };
                let Some(next) = rule(&current).map_err(UpdateError::Refused)? else { return Ok(current) };
                if self.change_test_session(&current, &next, None, now).await? {
                    return Ok(next);
                }
                after_lost_race(attempt).await?;
                attempt += 1;
            }
        })
    }
}
