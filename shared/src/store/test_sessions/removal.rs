//! What becomes of sessions when their tester withdraws a consent, or when an account goes (openscouter 18, 21). What
//! is found by something goes before what finds it, so that a fault in between leaves nothing behind.

use ranked::Change;
use std::convert::Infallible;

use time::OffsetDateTime;

use super::super::seats::link_key;
use super::{
    assigned_key, assignment_key, guard_key, key, lists::every_list, read_test_session, test_session_item,
    test_session_pk, tested_key,
};
use crate::{
    model::{StudyId, TestSession, TestSessionId, UserId},
    store::{
        Store, StoreError, UpdateError, after_lost_race,
        client::Written,
        item::{Condition, delete, delete_version},
    },
};

/// Beside the place of a session that was removed, until nothing is left of it: what it was.
const GONE: &str = "GONE";

impl Store {
    /// Ends a session for its tester, if it runs. Again, nothing changes.
    pub(in crate::store) async fn end_test_session(
        &self,
        id: TestSessionId,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let end = |session: &TestSession| {
            let at = now.max(session.created_at);
            Ok::<_, Infallible>(session.status.is_running().then(|| session.completed(at, false)))
        };
        match self.update_test_session(id, None, now, &end).await {
            Ok(_) | Err(UpdateError::NotFound | UpdateError::Refused(_)) => Ok(()),
            Err(UpdateError::Store(error)) => Err(error),
        }
    }

    /// Ends a session if it runs, and removes what was captured of it and what was made of it. What stays is that it
    /// took place. Again, nothing changes.
    pub(in crate::store) async fn forget_test_session(
        &self,
        id: TestSessionId,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.end_test_session(id, now).await?;
        for prefix in ["DATA#", "NOTES"] {
            self.drop_items(&test_session_pk(id), prefix).await?;
        }
        // whatever is asked for meanwhile changes the session, so that it is looked at again
        for attempt in 0.. {
            let Some(session) = self.test_session(id).await? else { return Ok(()) };
            self.drop_made(&session).await?;
            let named = session.snapshot.is_some() || session.analyst.is_some() || session.reporter.is_some();
            if !named && session.report.is_none() {
                // an analyst that was at work may have written since
                return self.drop_items(&test_session_pk(id), "NOTES").await;
            }
            let next = session.with(|next| {
                (next.snapshot, next.analyst, next.reporter, next.report) = (None, None, None, None);
            });
            if self.change_test_session(&session, &next, None, now).await? {
                return Ok(());
            }
            after_lost_race(attempt).await?;
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// Removes what agents made of a session: its report, and every job that it ever had.
    async fn drop_made(&self, session: &TestSession) -> Result<(), StoreError> {
        if let Some(id) = session.report
            && let Some(report) = self.report(id).await?
        {
            self.drop_report(&report).await?;
        }
        self.drop_agent_jobs(test_session_pk(session.id)).await
    }

    /// Removes a session with all that was kept of it.
    pub(in crate::store) async fn erase_test_session(
        &self,
        id: TestSessionId,
        study: StudyId,
        tester: UserId,
    ) -> Result<(), StoreError> {
        let pk = test_session_pk(id);
        if let Some(session) = self.gone_test_session(id).await? {
            self.unlist_test_session(&session).await?;
            let scope = format!("{}#{}#", session.organization, session.tester);
            for list in every_list(&scope) {
                if self.head(&list).await?.total == 0 {
                    self.drop_items(&list, "").await?;
                }
            }
            self.rank_study_of_tester(study, tester, Change::Remove).await?;
            self.batch_delete(vec![guard_key(&session)]).await?;
        }
        // without the session nothing is asked for any more: what was asked for until now goes, too
        self.drop_agent_jobs(pk.clone()).await?;
        self.forget_feedback_given(id).await?;
        self.drop_items(&pk, "").await?;
        let found_by = [
            link_key(study, tester),
            tested_key(id, tester),
            assignment_key(study, tester),
            assigned_key(study, tester),
        ];
        for attempt in 0.. {
            let members = found_by.iter().cloned().map(|(pk, sk)| delete(&self.main, pk, sk));
            if self.transact(members.collect::<Result<_, _>>()?).await? == Written::Done {
                break;
            }
            after_lost_race(attempt).await?;
        }
        Ok(())
    }

    /// Removes what was made of a session and its item, so that nothing puts it into a list any more; what it was stays
    /// beside its place until nothing else of it is left. `None` when there is neither.
    async fn gone_test_session(&self, id: TestSessionId) -> Result<Option<TestSession>, StoreError> {
        let (pk, sk) = key(id);
        for attempt in 0.. {
            let Some(item) = self.get(&self.main, pk.clone(), sk.clone()).await? else { break };
            let session = read_test_session(&item)?;
            self.drop_made(&session).await?;
            for prefix in ["DATA#", "NOTES"] {
                self.drop_items(&pk, prefix).await?;
            }
            let gone = test_session_item(&session).text("sk", GONE);
            let mut members = vec![
                delete_version(&self.main, pk.clone(), sk.clone(), session.version)?,
                gone.put(&self.main, Condition::None)?,
            ];
            members.extend(self.gone_member(&session).await?);
            if self.transact(members).await? == Written::Done {
                return Ok(Some(session));
            }
            after_lost_race(attempt).await?;
        }
        self.get(&self.main, pk, GONE.to_owned()).await?.as_ref().map(read_test_session).transpose()
    }
}
