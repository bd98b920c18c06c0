//! Test sessions (openscouter 10): the session with its places in the lists, and the link that makes it the only one
//! of a tester and a study. The lists follow by work: a thousand testers who start at once must not wait for one
//! another.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::{
    BoxFuture, Page, Store, StoreError,
    accounts::MOST_ATTEMPTS,
    after_lost_race,
    client::Written,
    collection::newest_first,
    item::{Condition, Item, delete},
    places::{Choice, Ticket, variant_of},
    ranked::Change,
    studies::{ListedStudy, read_study, study_pk},
    trips::trip,
};
use crate::{
    clock::epoch_millis,
    model::{
        AgentJobId, AuditEntry, OrganizationId, Records, ReportId, Status, Study, StudyId, TestSession, TestSessionId,
        TestStatus, UserId, VariantLabel, Work, WorkKind,
    },
};

/// Where the ends of running sessions stand, in the order of time.
const GUARD: &str = "GUARD";
/// Tries to put a session into the lists before its creator is answered.
const MOST_PLACINGS: u32 = 1;

pub(super) fn test_session_pk(id: TestSessionId) -> String {
    format!("SESS#{id}")
}

fn key(id: TestSessionId) -> (String, String) {
    (test_session_pk(id), "SESS".to_owned())
}

fn link_key(study: StudyId, tester: UserId) -> (String, String) {
    (study_pk(study), format!("TESTER#{tester}"))
}

pub(super) fn assignment_key(study: StudyId, tester: UserId) -> (String, String) {
    (study_pk(study), format!("ASSIGNED#{tester}"))
}

fn guard_key(session: &TestSession) -> (String, String) {
    (GUARD.to_owned(), format!("{:015}#{}", epoch_millis(session.guarded_until()), session.id))
}

pub(super) fn test_session_item(session: &TestSession) -> Item {
    let (pk, sk) = key(session.id);
    let flags = [session.records.events, session.records.facial, session.records.voice];
    let records: String = flags.iter().map(|flag| if *flag { '1' } else { '0' }).collect();
    let mut item = Item::new(pk, sk)
        .text("id", session.id.to_string())
        .text("study", session.study.to_string())
        .text("organization", session.organization.to_string())
        .text("tester", session.tester.to_string())
        .number("number", session.number)
        .optional_text("variant", session.variant.map(VariantLabel::as_str))
        .text("status", session.status.as_str())
        .text("records", records)
        .number("most_minutes", session.most_minutes)
        .text("pauses", serde_json::to_string(&session.pauses).unwrap_or_else(|_| "[]".to_owned()))
        .number("abandoned", u8::from(session.abandoned))
        .time("created_at", session.created_at)
        .optional_time("completed_at", session.completed_at)
        .optional_time("confirmed_at", session.confirmed_at)
        .number("version", session.version);
    let jobs = [("snapshot", session.snapshot), ("analyst", session.analyst), ("reporter", session.reporter)];
    for (name, job) in jobs {
        item = item.optional_text(name, job.map(|job| job.to_string()).as_deref());
    }
    item.optional_text("report", session.report.map(|report| report.to_string()).as_deref())
}

pub(super) fn read_test_session(item: &Item) -> Result<TestSession, StoreError> {
    let reader = item.read("test session");
    let records = reader.text("records")?.as_bytes();
    let record = |place: usize| records.get(place) == Some(&b'1');
    let job = |name: &'static str| reader.optional_text(name).and_then(AgentJobId::parse);
    Ok(TestSession {
        id: reader.parsed("id", TestSessionId::parse)?,
        study: reader.parsed("study", StudyId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        tester: reader.parsed("tester", UserId::parse)?,
        number: reader.number("number")?,
        variant: reader.optional_text("variant").and_then(VariantLabel::parse),
        status: reader.parsed("status", TestStatus::parse)?,
        records: Records { events: record(0), facial: record(1), voice: record(2) },
        most_minutes: reader.number("most_minutes")?,
        pauses: reader.parsed("pauses", |text| serde_json::from_str(text).ok())?,
        abandoned: reader.flag("abandoned")?,
        created_at: reader.time("created_at")?,
        completed_at: reader.optional_time("completed_at")?,
        confirmed_at: reader.optional_time("confirmed_at")?,
        snapshot: job("snapshot"),
        analyst: job("analyst"),
        reporter: job("reporter"),
        report: reader.optional_text("report").and_then(ReportId::parse),
        version: reader.number("version")?,
    })
}

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
pub(super) fn study_lists(study: StudyId) -> Vec<String> {
    let states = TestStatus::ALL.into_iter().map(Some);
    [None].into_iter().chain(states).map(|status| list(&format!("{study}#"), status)).collect()
}

/// The lists that are a tester's own.
pub(super) fn test_lists(tester: UserId) -> Vec<String> {
    let states = TestStatus::ALL.into_iter().map(Some);
    let lists = [None].into_iter().chain(states).map(|status| list(&format!("{tester}#"), status));
    lists.chain([tester_studies(tester)]).collect()
}

/// What became of the creation of a session.
#[derive(Debug)]
pub enum TestCreation {
    /// It is there.
    Created(Box<TestSession>),
    /// The tester has one already.
    Exists,
    /// The study takes no new sessions.
    Shut,
    /// The study has no place left.
    Full,
}

/// What the rules for a new session rest on (openscouter 10.3).
#[derive(Debug)]
pub struct TestGround {
    /// The study.
    pub study: Option<Study>,
    /// Whether the tester accepted it.
    pub assigned: bool,
    /// Whether the tester has a session of it.
    pub exists: bool,
}

impl Store {
    /// What the rules for a new session rest on, in one read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_ground(&self, study: StudyId, tester: UserId) -> BoxFuture<'_, Result<TestGround, StoreError>> {
        Box::pin(async move {
            let keys =
                vec![(study_pk(study), "STUDY".to_owned()), assignment_key(study, tester), link_key(study, tester)];
            let mut ground = TestGround { study: None, assigned: false, exists: false };
            for item in self.batch_get(keys).await? {
                match item.read("item").text("sk")? {
                    "STUDY" => ground.study = self.whole_study(read_study(&item)?).await?,
                    sk if sk.starts_with("ASSIGNED#") => ground.assigned = true,
                    _ => ground.exists = true,
                }
            }
            Ok(ground)
        })
    }

    /// Notes that a tester accepted a study; again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn assign(&self, study: StudyId, tester: UserId, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (pk, sk) = assignment_key(study, tester);
            let item = Item::new(pk, sk).text("tester", tester.to_string()).time("accepted_at", now);
            // found from both ends, so that it goes with either
            let (user, name) = (super::accounts::user_pk(tester), format!("ASSIGNED#{study}"));
            for attempt in 0..MOST_ATTEMPTS {
                let members = vec![
                    item.clone().put(&self.main, Condition::Absent)?,
                    Item::new(user.clone(), name.clone()).put(&self.main, Condition::None)?,
                ];
                match self.transact(members).await? {
                    Written::Done => return Ok(()),
                    Written::Refused(failed) if !failed.is_empty() => return Ok(()),
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            Err(StoreError::Contended(MOST_ATTEMPTS))
        })
    }

    /// Creates the session of a tester: takes a number, then writes the session under it (openscouter 10.3).
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_test_session<'a>(
        &'a self,
        study: &'a Study,
        tester: UserId,
        variant: Option<VariantLabel>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<TestCreation, StoreError>> {
        Box::pin(async move {
            let choice = variant.map_or(Choice::Auto, Choice::Explicit);
            let (position, choices) = match self.take_place(study, tester, choice).await? {
                Ticket::Taken(position, choices) => (position, choices),
                Ticket::Shut => return Ok(TestCreation::Shut),
                Ticket::Full => return Ok(TestCreation::Full),
            };
            let compared = study.details.ab_test.as_ref().filter(|test| test.enabled);
            let variant = compared.map(|test| variant_of(&choices, test.split_ratio));
            let session = TestSession::new(study, tester, position + 1, variant, now);
            let work = place_work(&session);
            let (pk, sk) = link_key(study.id, tester);
            let link = Item::new(pk.clone(), sk.clone())
                .text("session", session.id.to_string())
                .number("number", session.number);
            for attempt in 0.. {
                let (guard_pk, guard_sk) = guard_key(&session);
                let members = vec![
                    link.clone().put(&self.main, Condition::Absent)?,
                    test_session_item(&session).put(&self.main, Condition::Absent)?,
                    Item::new(guard_pk, guard_sk).put(&self.main, Condition::None)?,
                    self.work_member(&work, now)?,
                ];
                match self.transact(members).await? {
                    Written::Done => break,
                    Written::Refused(failed) if failed.contains(&0) => {
                        let known = self.get(&self.main, pk.clone(), sk.clone()).await?;
                        // the first answer to this very write can have been lost
                        if known.as_ref().is_some_and(|known| known.0 == link.0) {
                            break;
                        }
                        // who was faster may have used this very number
                        let number = known.map(|known| known.read("link").number::<u32>("number")).transpose()?;
                        self.settle_place(study.id, tester, position, number != Some(session.number)).await?;
                        return Ok(TestCreation::Exists);
                    }
                    Written::Refused(_) => after_lost_race(attempt).await?,
                }
            }
            self.settle_place(study.id, tester, position, false).await?;
            if study.status == Status::Open {
                self.begin_study(study, now).await?;
            }
            self.place_now(&session, &work).await;
            Ok(TestCreation::Created(Box::new(session)))
        })
    }

    /// The first session moves an open study on (openscouter 5.1).
    async fn begin_study(&self, study: &Study, now: OffsetDateTime) -> Result<(), StoreError> {
        let change = move |study: &Study| {
            Ok::<_, std::convert::Infallible>(
                (study.status == Status::Open).then(|| study.moved_to(Status::InProgress, now)),
            )
        };
        match self.update_study(study.organization, study.id, None, &change).await {
            Ok(_) | Err(super::UpdateError::NotFound | super::UpdateError::Refused(_)) => Ok(()),
            Err(super::UpdateError::Store(error)) => Err(error),
        }
    }

    /// A session, whosever it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_session(&self, id: TestSessionId) -> BoxFuture<'_, Result<Option<TestSession>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = key(id);
            self.get(&self.main, pk, sk).await?.as_ref().map(read_test_session).transpose()
        })
    }

    /// The session of a tester and a study.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_session_of(
        &self,
        study: StudyId,
        tester: UserId,
    ) -> BoxFuture<'_, Result<Option<TestSessionId>, StoreError>> {
        Box::pin(async move {
            let (pk, sk) = link_key(study, tester);
            let item = self.get(&self.main, pk, sk).await?;
            item.map(|item| item.read("link").parsed("session", TestSessionId::parse)).transpose()
        })
    }

    /// Writes `next` over `current` with what goes along; `Ok(false)` when somebody was faster.
    ///
    /// # Errors
    /// When the store fails.
    pub fn change_test_session<'a>(
        &'a self,
        current: &'a TestSession,
        next: &'a TestSession,
        audit: Option<&'a AuditEntry>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let audit = audit.map(|audit| self.audit_members(audit)).transpose()?.unwrap_or_default();
            self.write_test_session(current, next, audit, now).await
        })
    }

    pub(super) async fn write_test_session(
        &self,
        current: &TestSession,
        next: &TestSession,
        beside: Vec<TransactWriteItem>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let item = test_session_item(next);
        let mut members = vec![item.clone().put(&self.main, Condition::Version(current.version))?];
        let work = place_work(next);
        if current.status != next.status {
            members.push(self.work_member(&work, now)?);
            if next.status == TestStatus::Completed {
                members.push(self.count_member(next.study, "completed")?);
            }
            if next.status == TestStatus::Confirmed {
                members.push(self.count_member(next.study, "confirmed")?);
            }
        }
        if current.status.is_running() && !next.status.is_running() {
            let (pk, sk) = guard_key(current);
            members.push(delete(&self.main, pk, sk)?);
        }
        members.extend(beside);
        for attempt in 0..MOST_ATTEMPTS {
            match self.transact(members.clone()).await? {
                Written::Done => {
                    if current.status != next.status {
                        self.place_now(next, &work).await;
                    }
                    return Ok(true);
                }
                Written::Refused(failed) if !failed.is_empty() => {
                    let (pk, sk) = key(next.id);
                    // the first answer to this very write can have been lost
                    return Ok(self.get(&self.main, pk, sk).await?.is_some_and(|known| known.0 == item.0));
                }
                Written::Refused(_) => after_lost_race(attempt).await?,
            }
        }
        Ok(false)
    }

    /// Puts a session into its lists right away where nobody is in the way, so that its creator finds it there; else
    /// the work does it.
    async fn place_now(&self, session: &TestSession, work: &Work) {
        let rank = newest_first(session.created_at, session.id.as_bytes());
        // while others are at it, this one waits for the work
        let Ok(_alone) = self.placing.try_lock() else { return };
        let placing = async {
            if !self.try_place(test_session_pk(session.id), &rank, &lists_of(session), MOST_PLACINGS).await? {
                return Ok(());
            }
            self.rank_study_of_tester(session, Change::Insert).await?;
            self.finish_work(work).await
        };
        if let Err(error) = placing.await {
            tracing::debug!(cause = %error, "session ranked later");
        }
    }

    /// Puts a session's study among those of its tester, or takes it out.
    async fn rank_study_of_tester(
        &self,
        session: &TestSession,
        change: fn(Vec<u8>) -> Change,
    ) -> Result<(), StoreError> {
        let Some(study) = self.linked_study(session.study).await? else { return Ok(()) };
        let rank = newest_first(study.created_at, study.id.as_bytes());
        self.change_everywhere(&[tester_studies(session.tester)], change(rank)).await
    }

    /// Ranks a session in its lists by what it is now; again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn rank_test_session(&self, id: TestSessionId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let Some(session) = self.test_session(id).await? else { return Ok(()) };
            let rank = newest_first(session.created_at, id.as_bytes());
            self.place(test_session_pk(id), &rank, &lists_of(&session)).await?;
            self.rank_study_of_tester(&session, Change::Insert).await
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

    /// All sessions of a study, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_sessions_of<'a>(&'a self, study: &'a Study) -> BoxFuture<'a, Result<Vec<TestSession>, StoreError>> {
        Box::pin(async move {
            let links = self.query(study_pk(study.id), "TESTER#").await?;
            let ids = links.iter().map(|item| item.read("link").parsed("session", TestSessionId::parse));
            let keys = ids.map(|id| id.map(key)).collect::<Result<Vec<_>, _>>()?;
            let items = self.batch_get(keys).await?;
            let mut sessions = items.iter().map(read_test_session).collect::<Result<Vec<_>, _>>()?;
            sessions.sort_by_key(|session| session.number);
            Ok(sessions)
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

    /// Running sessions whose time is over, the longest overdue first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn overdue_test_sessions(
        &self,
        now: OffsetDateTime,
        limit: i32,
    ) -> BoxFuture<'_, Result<Vec<TestSessionId>, StoreError>> {
        Box::pin(async move {
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND sk < :end")
                .expression_attribute_values(":pk", AttributeValue::S(GUARD.to_owned()))
                .expression_attribute_values(":end", AttributeValue::S(format!("{:015}#~", epoch_millis(now))))
                .consistent_read(true)
                .limit(limit);
            let output = trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            let items = output.items.unwrap_or_default().into_iter().map(Item::from);
            let ids =
                items.filter_map(|item| TestSessionId::parse(item.read("guard").text("sk").ok()?.split_once('#')?.1));
            Ok(ids.collect())
        })
    }

    /// Removes what was captured of a session and what was made of it; a running one is ended first. What stays is
    /// that it took place.
    pub(super) async fn forget_test_session(
        &self,
        session: TestSession,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut session = session;
        for attempt in 0.. {
            let mut next = if session.status.is_running() {
                session.completed(now.replace_nanosecond(0).unwrap_or(now), false)
            } else {
                session.with(|_| {})
            };
            let jobs = [next.snapshot.take(), next.analyst.take(), next.reporter.take()];
            let report = next.report.take();
            if self.change_test_session(&session, &next, None, now).await? {
                if let Some(id) = report
                    && let Some(report) = self.report(id).await?
                {
                    self.erase_report(&report).await?;
                }
                self.batch_delete(jobs.into_iter().flatten().map(super::agents::agent_job_key).collect()).await?;
                for prefix in ["DATA#", "NOTES"] {
                    self.erase_partition(test_session_pk(session.id), prefix, |_, _| None).await?;
                }
                return Ok(());
            }
            after_lost_race(attempt).await?;
            let Some(known) = self.test_session(session.id).await? else { return Ok(()) };
            session = known;
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// Removes a session with all that was kept of it.
    pub(super) async fn erase_test_session(&self, session: &TestSession) -> Result<(), StoreError> {
        let rank = newest_first(session.created_at, session.id.as_bytes());
        self.displace(test_session_pk(session.id), &rank).await?;
        let scope = format!("{}#{}#", session.organization, session.tester);
        for status in [None].into_iter().chain(TestStatus::ALL.into_iter().map(Some)) {
            let pk = list(&scope, status);
            if self.head(&pk).await?.total == 0 {
                self.erase_partition(pk, "", |_, _| None).await?;
            }
        }
        self.rank_study_of_tester(session, Change::Remove).await?;
        if let Some(id) = session.report
            && let Some(report) = self.report(id).await?
        {
            self.erase_report(&report).await?;
        }
        let (study, tester) = (session.study, session.tester);
        let mut keys = vec![link_key(study, tester), assignment_key(study, tester), guard_key(session)];
        for job in [session.snapshot, session.analyst, session.reporter].into_iter().flatten() {
            keys.push(super::agents::agent_job_key(job));
        }
        self.batch_delete(keys).await?;
        loop {
            // keys alone: what was captured can be long
            let keys = self.some_keys(test_session_pk(session.id), 100).await?;
            if keys.is_empty() {
                return Ok(());
            }
            self.batch_delete(keys).await?;
        }
    }
}

/// The work that puts a session into its lists.
fn place_work(session: &TestSession) -> Work {
    let id = session.id;
    Work {
        id: format!("test-{id}-{}", session.version),
        kind: WorkKind::RankTestSession,
        subject: id.to_string(),
        attempt: 0,
    }
}
