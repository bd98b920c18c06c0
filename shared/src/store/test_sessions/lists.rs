//! The lists that sessions are in. They follow by work, since a thousand testers who start at once must not wait for
//! one another; where nobody is in the way, a session is in its lists before its creator is answered.

use ranked::Change;
use std::time::Duration;

use time::OffsetDateTime;

use super::{key, read_test_session, test_session_pk};
use crate::{
    model::{OrganizationId, Status, Study, StudyId, TestSession, TestSessionId, TestStatus, UserId, WorkItem},
    store::{
        BoxFuture, Page, Store, StoreError, UpdateError,
        collection::{Placing, newest_first},
        seats::End,
        studies::{ListedStudy, read_study, study_pk},
    },
};

/// Most tries to put a session into the lists before its creator is answered, and how long they may take.
const MAX_TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_millis(300);

/// Which sessions a list shows; `None` does not narrow it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestSessionFilter {
    /// Of this organization's studies.
    pub organization: Option<OrganizationId>,
    /// Of this study.
    pub study: Option<StudyId>,
    /// Of this tester.
    pub tester: Option<UserId>,
    /// In this state.
    pub status: Option<TestStatus>,
}

pub(super) fn list(scope: &str, status: Option<TestStatus>) -> String {
    match status {
        None => format!("RANK#{scope}tests"),
        Some(status) => format!("RANK#{scope}tests/status={}", status.as_str()),
    }
}

/// The lists that a session is in: one for each combination of filters that does not come down to one session.
fn lists_of(session: &TestSession) -> Vec<String> {
    let (organization, study, tester) = (session.organization, session.study, session.tester);
    let scopes = [
        String::new(),
        format!("{organization}#"),
        format!("{study}#"),
        format!("{tester}#"),
        format!("{organization}#{tester}#"),
    ];
    scopes.iter().flat_map(|scope| [list(scope, None), list(scope, Some(session.status))]).collect()
}

fn tester_studies(tester: UserId) -> String {
    format!("RANK#{tester}#tested")
}

/// The lists that are a study's own.
pub(in crate::store) fn study_lists(study: StudyId) -> Vec<String> {
    let states = TestStatus::ALL.into_iter().map(Some);
    [None].into_iter().chain(states).map(|status| list(&format!("{study}#"), status)).collect()
}

/// The lists that are a tester's own.
pub(in crate::store) fn test_lists(tester: UserId) -> Vec<String> {
    let states = TestStatus::ALL.into_iter().map(Some);
    let lists = [None].into_iter().chain(states).map(|status| list(&format!("{tester}#"), status));
    lists.chain([tester_studies(tester)]).collect()
}

/// A session's membership of `lists`.
fn membership<'a>(session: &TestSession, rank: &'a [u8], lists: &'a [String]) -> Placing<'a> {
    Placing { pk: test_session_pk(session.id), rank, lists, version: session.version }
}

impl Store {
    /// Puts a session into its lists right away where nobody is long in the way, so that its creator finds it there;
    /// else the work does it.
    pub(super) async fn rank_now(&self, session: &TestSession, work: &WorkItem) {
        let ranking = async {
            let _alone = self.placing.lock().await;
            let rank = newest_first(session.created_at, session.id.as_bytes());
            if self.try_place(&membership(session, &rank, &lists_of(session)), MAX_TRIES).await? {
                // it is there from the beginning on
                if session.version == 1 {
                    self.rank_study_of_tester(session.study, session.tester, Change::Insert).await?;
                }
                self.finish_work(work).await?;
            }
            Ok::<_, StoreError>(())
        };
        match tokio::time::timeout(PATIENCE, ranking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(cause = %error, "session ranked later"),
            Err(_) => tracing::debug!("session ranked later"),
        }
    }

    /// Puts a study among those of a tester, or takes it out.
    pub(super) async fn rank_study_of_tester(
        &self,
        study: StudyId,
        tester: UserId,
        change: fn(Vec<u8>) -> Change,
    ) -> Result<(), StoreError> {
        let Some(study) = self.linked_study(study).await? else { return Ok(()) };
        let rank = newest_first(study.created_at, study.id.as_bytes());
        self.change_everywhere(&[tester_studies(tester)], change(rank)).await
    }

    /// Ranks a session in its lists by what it is now, and does what else follows from it: its seat is taken, its
    /// study moves on. Again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rank_test_session(&self, id: TestSessionId, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let Some(session) = self.test_session(id).await? else { return Ok(()) };
            let rank = newest_first(session.created_at, id.as_bytes());
            self.place(&membership(&session, &rank, &lists_of(&session))).await?;
            self.rank_study_of_tester(session.study, session.tester, Change::Insert).await?;
            // its creator may have come no further than the session
            let seat = (session.number.saturating_sub(1), false);
            self.settle_seat(session.study, session.tester, seat, End::Used).await?;
            // erased in between
            if self.test_session(id).await?.is_none() {
                self.unplace(test_session_pk(id), &rank).await?;
                return self.rank_study_of_tester(session.study, session.tester, Change::Remove).await;
            }
            self.follow_sessions(session.study, now).await
        })
    }

    /// Moves a study on by what its sessions are (openscouter 5.1): the first one begins it, and the last seat that
    /// is confirmed ends it. Again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn follow_sessions(&self, study: StudyId, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let Some((study, progress)) = self.study_with_progress(study).await? else { return Ok(()) };
            let change = move |study: &Study| {
                let running = matches!(study.status, Status::Open | Status::InProgress | Status::Paused);
                let to = if running && progress.confirmed >= study.details.targeting.tester_count {
                    Status::Completed
                } else if study.status == Status::Open && progress.sessions > 0 {
                    Status::InProgress
                } else {
                    return Ok::<_, std::convert::Infallible>(None);
                };
                Ok(Some(study.moved_to(to, now.max(study.updated_at))))
            };
            match self.update_study(study.organization, study.id, Some(study), &change).await {
                Ok(_) | Err(UpdateError::NotFound | UpdateError::Refused(_)) => Ok(()),
                Err(UpdateError::Store(error)) => Err(error),
            }
        })
    }

    /// One page of sessions, newest first. Both a study and a tester come down to one session.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_sessions_page<'a>(
        &'a self,
        filter: &'a TestSessionFilter,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'a, Result<Page<TestSession>, StoreError>> {
        Box::pin(async move {
            if let (Some(study), Some(tester)) = (filter.study, filter.tester) {
                let session = match self.test_session_of(study, tester).await? {
                    None => None,
                    Some(id) => self.test_session(id).await?,
                };
                let fits = |session: &TestSession| {
                    filter.status.is_none_or(|status| session.status == status)
                        && filter.organization.is_none_or(|organization| session.organization == organization)
                };
                let members: Vec<_> = session.into_iter().filter(fits).collect();
                let total = u64::try_from(members.len()).unwrap_or_default();
                let members = members.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).collect();
                return Ok(Page { total, members });
            }
            let scope = match (filter.organization, filter.study, filter.tester) {
                (_, Some(study), _) => format!("{study}#"),
                (Some(organization), None, Some(tester)) => format!("{organization}#{tester}#"),
                (Some(organization), None, None) => format!("{organization}#"),
                (None, None, Some(tester)) => format!("{tester}#"),
                (None, None, None) => String::new(),
            };
            let by_id = |id| key(TestSessionId::from_uuid(id));
            let pk = list(&scope, filter.status);
            let mut page = self.page_of(&pk, (None, None), (offset, limit), by_id, read_test_session).await?;
            // a list of a study shows it to its organization only
            page.members.retain(|session| filter.organization.is_none_or(|own| session.organization == own));
            Ok(page)
        })
    }

    /// One page of the studies that a tester has a session of, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tested_studies(
        &self,
        tester: UserId,
        offset: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Page<ListedStudy>, StoreError>> {
        Box::pin(async move {
            let key = |id| (study_pk(StudyId::from_uuid(id)), "STUDY".to_owned());
            self.page_of(&tester_studies(tester), (None, None), (offset, limit), key, read_study).await
        })
    }
}
