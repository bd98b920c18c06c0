//! The lists that sessions are in. They follow by group commit, since a thousand testers who start at once must not wait
//! for one another; where nobody is in the way, a session is in its lists before its creator is answered.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::TransactWriteItem;
use ranked::Change;

use time::OffsetDateTime;

use super::{
    key,
    moves::{moves_of, subject},
    read_test_session,
};
use crate::{
    model::{OrganizationId, Status, Study, StudyId, TestSession, TestSessionId, TestStatus, UserId},
    store::{
        BoxFuture, Page, Store, StoreError, UpdateError, after_lost_race,
        collection::newest_first,
        group_commit::Committed,
        item::{check_version, delete},
        pending::{SharedList, pending_key},
        seats::{End, reservation, seats_key},
        studies::{ListedStudy, read_study, study_pk},
        study_items::study_key,
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

fn list(scope: &str, status: Option<TestStatus>) -> String {
    match status {
        None => format!("RANK#{scope}tests"),
        Some(status) => format!("RANK#{scope}tests/status={}", status.as_str()),
    }
}

/// What lists narrow sessions by, but for their state: each combination that does not come down to one session.
fn scopes(session: &TestSession) -> [String; 5] {
    let (organization, study, tester) = (session.organization, session.study, session.tester);
    [
        String::new(),
        format!("{organization}#"),
        format!("{study}#"),
        format!("{tester}#"),
        format!("{organization}#{tester}#"),
    ]
}

/// The lists of a state that show a session.
fn lists_in(session: &TestSession, status: TestStatus) -> impl Iterator<Item = String> {
    scopes(session).into_iter().map(move |scope| list(&scope, Some(status)))
}

/// The lists that show a session which is in this state.
fn lists_of(session: &TestSession, status: TestStatus) -> impl Iterator<Item = String> {
    scopes(session).into_iter().map(|scope| list(&scope, None)).chain(lists_in(session, status))
}

/// All lists of a scope.
pub(super) fn every_list(scope: &str) -> impl Iterator<Item = String> {
    [None].into_iter().chain(TestStatus::ALL.into_iter().map(Some)).map(move |status| list(scope, status))
}

/// The studies that a tester has a session or a proposal of.
pub(in crate::store) fn tester_studies(tester: UserId) -> String {
    format!("RANK#{tester}#tested")
}

/// The lists that are a study's own.
pub(in crate::store) fn study_lists(study: StudyId) -> Vec<String> {
    every_list(&format!("{study}#")).collect()
}

/// The lists that are a tester's own.
pub(in crate::store) fn test_lists(tester: UserId) -> Vec<String> {
    every_list(&format!("{tester}#")).chain([tester_studies(tester)]).collect()
}

impl Store {
    /// Puts a session into its lists right away where nobody is in the way, so that its creator finds it there; else the
    /// lists' drainer does it.
    pub(super) async fn rank_now(&self, session: &TestSession, left: Option<TestStatus>, pending: &str) {
        // who finds somebody at it goes on: that one, or the drainer, takes it up
        let Ok(_alone) = self.placing.try_lock() else { return };
        let ranking = async {
            if self.is_drained(SharedList::TestSessions, self.clock.now()).await? {
                return Ok(());
            }
            let (pk, sk) = pending_key(SharedList::TestSessions, pending);
            let gone = delete(&self.main, pk, sk)?;
            for attempt in 0..MAX_TRIES {
                let moved = vec![subject(session.id, left)];
                if self.commit_test_sessions(moved, vec![gone.clone()]).await? == Committed::Done {
                    return Ok(());
                }
                after_lost_race(attempt).await?;
            }
            Ok::<_, StoreError>(())
        };
        match tokio::time::timeout(PATIENCE, ranking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(cause = %error, "session ranked later"),
            Err(_) => tracing::debug!("session ranked later"),
        }
    }

    /// Ranks the sessions that pending items name in their lists by what they are now: all of it in one transaction, with
    /// the condition that they are still that. Again, nothing changes.
    pub(in crate::store) async fn commit_test_sessions(
        &self,
        subjects: Vec<String>,
        along: Vec<TransactWriteItem>,
    ) -> Result<Committed, StoreError> {
        let moves = moves_of(&subjects);
        let began: HashSet<_> = moves.iter().filter(|moved| moved.began).map(|moved| moved.id).collect();
        let left: HashMap<_, _> = moves.iter().map(|moved| (moved.id, moved.left.as_slice())).collect();
        let mut sessions = Vec::new();
        for item in self.batch_get(moves.iter().map(|moved| key(moved.id)).collect()).await? {
            match read_test_session(&item) {
                Ok(session) => sessions.push(session),
                Err(error) => tracing::error!(cause = %error, "session left out of its lists"),
            }
        }
        let (mut changes, mut members) = (BTreeMap::<String, Vec<Change>>::new(), along);
        for session in &sessions {
            let rank = newest_first(session.created_at, session.id.as_bytes());
            for list in lists_of(session, session.status) {
                changes.entry(list).or_default().push(Change::Insert(rank.clone()));
            }
            for status in left.get(&session.id).into_iter().copied().flatten() {
                for list in lists_in(session, *status).filter(|_| *status != session.status) {
                    changes.entry(list).or_default().push(Change::Remove(rank.clone()));
                }
            }
            let (pk, sk) = key(session.id);
            members.push(check_version(&self.main, pk, sk, session.version)?);
        }
        let begun: Vec<_> = sessions.iter().filter(|session| began.contains(&session.id)).collect();
        let studies: BTreeSet<_> = begun.iter().map(|session| session.study).collect();
        let (heads, studies) = futures_util::future::try_join(
            self.heads_of_tests(&changes, &begun),
            self.batch_get(studies.into_iter().map(study_key).collect()),
        )
        .await?;
        for item in &studies {
            let Ok(ListedStudy { study, .. }) = read_study(item) else { continue };
            for session in begun.iter().filter(|session| session.study == study.id) {
                let rank = newest_first(study.created_at, study.id.as_bytes());
                changes.entry(tester_studies(session.tester)).or_default().push(Change::Insert(rank));
            }
        }
        self.commit_at_once(&heads, &changes, members).await
    }

    async fn heads_of_tests(
        &self,
        changes: &BTreeMap<String, Vec<Change>>,
        begun: &[&TestSession],
    ) -> Result<HashMap<String, ranked::Head>, StoreError> {
        let testers: BTreeSet<_> = begun.iter().map(|session| tester_studies(session.tester)).collect();
        let lists: Vec<_> = changes.keys().cloned().chain(testers).collect();
        self.heads(&lists).await
    }

    /// Does what else follows from sessions whose creators or movers may have come no further: their seats are taken,
    /// their studies move on. Again, nothing changes.
    pub(in crate::store) async fn settle_test_sessions(
        &self,
        subjects: &[String],
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let items = self.batch_get(moves_of(subjects).iter().map(|moved| key(moved.id)).collect()).await?;
        let sessions: Vec<_> = items.iter().filter_map(|item| read_test_session(item).ok()).collect();
        let studies: BTreeSet<_> = sessions.iter().map(|session| session.study).collect();
        let seats = self.batch_get(studies.iter().map(|study| seats_key(*study)).collect()).await?;
        for session in &sessions {
            let number = session.number.saturating_sub(1);
            let (pk, _) = seats_key(session.study);
            let seat = seats.iter().find(|seats| seats.pk() == pk);
            if seat.and_then(|seats| reservation(seats, &session.tester.to_string())) == Some(number) {
                self.settle_seat(session.study, session.tester, (number, false), End::Used).await?;
            }
        }
        for study in studies {
            self.follow_sessions(study, now).await?;
        }
        Ok(())
    }

    /// Takes a session off every list that it may be in.
    pub(super) async fn unlist_test_session(&self, session: &TestSession) -> Result<(), StoreError> {
        let rank = newest_first(session.created_at, session.id.as_bytes());
        for scope in scopes(session) {
            let lists: Vec<_> = every_list(&scope).collect();
            let heads = self.heads(&lists).await?;
            let there = lists.into_iter().filter(|list| heads.get(list).is_some_and(|head| head.total > 0));
            self.remove_everywhere(&there.collect::<Vec<_>>(), rank.clone()).await?;
        }
        Ok(())
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
