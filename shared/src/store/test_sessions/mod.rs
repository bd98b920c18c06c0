//! Test sessions (openscouter 10): the session, the link that makes it the only one of a tester and a study, and what
//! it is found by from its tester.

mod lists;
mod moves;
mod notes;
mod removal;
mod running;
mod update;

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::OffsetDateTime;

pub use lists::TestSessionFilter;
pub(super) use lists::{study_lists, test_lists, tester_studies};
use moves::{pending_id, subject};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    due::DueList,
    item::{Condition, Item, check, delete},
    pending::{Pending, SharedList},
    retry::MAX_ATTEMPTS,
    seats::{Choice, End, Progress, Ticket, link_key, read_progress, reservation, seats_key, variant_of},
    studies::{read_study, study_pk},
    testers::proposed_key,
    user_items::user_pk,
};
use crate::{
    clock::epoch_millis,
    model::{
        AgentJobId, AuditEntry, OrganizationId, Records, ReportId, Status, Study, StudyId, TestSession, TestSessionId,
        TestStatus, UserId, VariantLabel,
    },
};

/// Where the ends of running sessions stand, in the order of time.
const GUARD: &str = "GUARD";
/// Members of a new session's transaction that come before its assignment.
const WITHOUT_ASSIGNMENT: usize = 6;
/// Where among them the tester's consent is.
const CONSENT: usize = 5;
/// What a tester's partition finds sessions by.
const TESTED: &str = "TESTED#";

pub(super) fn test_session_pk(id: TestSessionId) -> String {
    format!("SESS#{id}")
}

pub(super) fn key(id: TestSessionId) -> (String, String) {
    (test_session_pk(id), "SESS".to_owned())
}

pub(super) fn assignment_key(study: StudyId, tester: UserId) -> (String, String) {
    (study_pk(study), format!("ASSIGNED#{tester}"))
}

/// The assignment as it is found from its tester.
pub(super) fn assigned_key(study: StudyId, tester: UserId) -> (String, String) {
    (user_pk(tester), format!("ASSIGNED#{study}"))
}

/// The session as it is found from its tester.
fn tested_key(session: TestSessionId, tester: UserId) -> (String, String) {
    (user_pk(tester), format!("{TESTED}{session}"))
}

/// The session that an item of its tester's names.
fn tested_id(sk: &str) -> Option<TestSessionId> {
    TestSessionId::parse(sk.strip_prefix(TESTED)?)
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
    let record = |index: usize| records.get(index) == Some(&b'1');
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

/// What became of the creation of a session.
#[derive(Debug)]
pub enum TestCreation {
    /// It is there.
    Created(Box<TestSession>),
    /// The tester has one already.
    Exists,
    /// The tester has withdrawn the consent that sessions need.
    Withdrawn,
    /// The tester declined meanwhile.
    Unassigned,
    /// The study takes no new sessions.
    Shut,
    /// The study has no seat left.
    Full,
}

/// What became of the write of a new session.
enum NewWritten {
    Done,
    /// The tester has one already, of this number.
    Exists(u32),
    /// The tester has withdrawn the consent.
    Withdrawn,
    /// The tester is not assigned any more.
    Unassigned,
}

/// What the rules for a new session rest on (openscouter 10.3).
#[derive(Debug)]
pub struct TestGround {
    /// The study.
    pub study: Option<Study>,
    /// Whether the tester accepted it.
    pub assigned: bool,
    /// Whether the tester was told of a proposal of it.
    pub proposed: bool,
    /// Whether the tester has a session of it.
    pub exists: bool,
    /// Sessions that there are, without those that are only begun.
    pub sessions: u32,
    /// Whether a seat is reserved for the tester, whose earlier try came to nothing.
    pub reserved: bool,
}

/// A session that is to be created (openscouter 10.3).
#[derive(Clone, Copy, Debug)]
pub struct NewTest<'a> {
    /// Its study.
    pub study: &'a Study,
    /// Whose.
    pub tester: UserId,
    /// The variant that was asked for; `None` leaves it to the study's ratio.
    pub variant: Option<VariantLabel>,
    /// Whether the tester is assigned by it, as an operator's call does.
    pub assigns: bool,
}

impl Store {
    /// What the rules for a new session rest on, in one read.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_ground(&self, study: StudyId, tester: UserId) -> BoxFuture<'_, Result<TestGround, StoreError>> {
        Box::pin(async move {
            let keys = vec![
                (study_pk(study), "STUDY".to_owned()),
                assignment_key(study, tester),
                link_key(study, tester),
                proposed_key(study, tester),
                seats_key(study),
            ];
            let mut ground = TestGround {
                study: None,
                assigned: false,
                proposed: false,
                exists: false,
                sessions: 0,
                reserved: false,
            };
            for item in self.batch_get(keys).await? {
                match item.read("item").text("sk")? {
                    "STUDY" => ground.study = self.whole_study(read_study(&item)?).await?,
                    "PLACES" => {
                        let Progress { sessions, .. } = read_progress(&item)?;
                        ground.sessions = sessions;
                        ground.reserved = reservation(&item, &tester.to_string()).is_some();
                    }
                    sk if sk.starts_with("ASSIGNED#") => ground.assigned = true,
                    sk if sk.starts_with("PROPOSED#") => ground.proposed = item.read("pair").flag("told")?,
                    _ => ground.exists = true,
                }
            }
            Ok(ground)
        })
    }

    /// The members that note that a tester accepted a study, found from both ends, so that it goes with either.
    fn assignment_members(
        &self,
        study: StudyId,
        tester: UserId,
        now: OffsetDateTime,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let ((pk, sk), (user, name)) = (assignment_key(study, tester), assigned_key(study, tester));
        let item = Item::new(pk, sk).text("tester", tester.to_string()).time("accepted_at", now);
        Ok([
            item.put(&self.main, Condition::Absent)?,
            Item::new(user, name).time("accepted_at", now).put(&self.main, Condition::None)?,
        ])
    }

    /// As [`Store::assignment_members`], for who may be assigned already.
    pub(super) fn acceptance_members(
        &self,
        study: StudyId,
        tester: UserId,
        now: OffsetDateTime,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let ((pk, sk), (user, name)) = (assignment_key(study, tester), assigned_key(study, tester));
        let item = Item::new(pk, sk).text("tester", tester.to_string()).time("accepted_at", now);
        let named = Item::new(user, name).time("accepted_at", now);
        Ok([item.put(&self.main, Condition::None)?, named.put(&self.main, Condition::None)?])
    }

    /// Notes that a tester accepted a study, which is then among the tester's; again, nothing changes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn assign(&self, study: StudyId, tester: UserId, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for attempt in 0..MAX_ATTEMPTS {
                match self.transact(self.assignment_members(study, tester, now)?.to_vec()).await? {
                    Written::Refused(failed) if failed.is_empty() => after_lost_race(attempt).await?,
                    Written::Done | Written::Refused(_) => {
                        return self.rank_study_of_tester(study, tester, ranked::Change::Insert).await;
                    }
                }
            }
            Err(StoreError::Contended(MAX_ATTEMPTS))
        })
    }

    /// Creates the session of a tester: takes a number, then writes the session under it (openscouter 10.3).
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_test_session<'a>(
        &'a self,
        new: &'a NewTest<'a>,
        now: OffsetDateTime,
    ) -> BoxFuture<'a, Result<TestCreation, StoreError>> {
        Box::pin(async move {
            let NewTest { study, tester, variant, .. } = *new;
            let test = study.details.ab_test.as_ref().filter(|test| test.enabled);
            let choice = (variant.map_or(Choice::Auto, Choice::Explicit), test.is_some());
            let (index, choices) = match self.take_seat(study, tester, choice, now).await? {
                Ticket::Taken(index, choices) => (index, choices),
                Ticket::Shut => return Ok(TestCreation::Shut),
                Ticket::Full => return Ok(TestCreation::Full),
            };
            let variant = test.map(|test| variant_of(&choices, test.split_ratio));
            let session = TestSession::new(study, tester, index + 1, variant, now);
            let pending = pending_id(&session);
            let seat = (index, test.is_some());
            match self.write_new_test(new, &session, &pending, now).await? {
                NewWritten::Done => {}
                NewWritten::Exists(used) => {
                    // who was faster may have used this very number
                    let end = if used == session.number { End::Used } else { End::Void };
                    self.settle_seat(study.id, tester, seat, end).await?;
                    return Ok(TestCreation::Exists);
                }
                NewWritten::Withdrawn => {
                    self.settle_seat(study.id, tester, seat, End::Void).await?;
                    return Ok(TestCreation::Withdrawn);
                }
                NewWritten::Unassigned => {
                    self.settle_seat(study.id, tester, seat, End::Void).await?;
                    return Ok(TestCreation::Unassigned);
                }
            }
            // the session is there: what goes wrong from here on is made good by the lists' drainer
            let after = async {
                self.settle_seat(study.id, tester, seat, End::Used).await?;
                if study.status == Status::Open {
                    self.follow_sessions(study.id, now).await?;
                }
                Ok::<_, StoreError>(())
            };
            match after.await {
                Ok(()) => self.rank_now(&session, None, &pending).await,
                Err(error) => tracing::warn!(cause = %error, "the study follows its session later"),
            }
            Ok(TestCreation::Created(Box::new(session)))
        })
    }

    /// Writes a new session with what goes along, unless the tester has one already or withdrew the consent.
    async fn write_new_test(
        &self,
        new: &NewTest<'_>,
        session: &TestSession,
        pending: &str,
        now: OffsetDateTime,
    ) -> Result<NewWritten, StoreError> {
        let (pk, sk) = link_key(session.study, session.tester);
        let link =
            Item::new(pk.clone(), sk.clone()).text("session", session.id.to_string()).number("number", session.number);
        let (guard_pk, guard_sk) = guard_key(session);
        let (user, name) = tested_key(session.id, session.tester);
        let subjects = subject(session.id, None);
        let pending = Pending { list: SharedList::TestSessions, id: pending, subjects: &subjects, new: true };
        let mut members = vec![
            link.clone().put(&self.main, Condition::Absent)?,
            test_session_item(session).put(&self.main, Condition::Absent)?,
            Item::new(guard_pk, guard_sk).put(&self.main, Condition::None)?,
            Item::new(user, name).text("study", session.study.to_string()).put(&self.main, Condition::None)?,
            self.pending_member(pending)?,
            self.consent_member(session.tester)?,
        ];
        if new.assigns {
            members.extend(self.assignment_members(session.study, session.tester, now)?);
        } else {
            // who declines in this moment begins no session
            let assigned = assignment_key(session.study, session.tester);
            members.push(check(&self.main, assigned, "attribute_exists(pk)", None, [])?);
        }
        for attempt in 0.. {
            match self.transact(members.clone()).await? {
                Written::Done => return Ok(NewWritten::Done),
                Written::Refused(failed) if !failed.is_empty() => {
                    match self.get(&self.main, pk.clone(), sk.clone()).await? {
                        // the first answer to this very write can have been lost
                        Some(known) if known.0 == link.0 => return Ok(NewWritten::Done),
                        Some(known) => return known.read("link").number("number").map(NewWritten::Exists),
                        None if failed.contains(&CONSENT) => return Ok(NewWritten::Withdrawn),
                        None if !new.assigns && failed.contains(&WITHOUT_ASSIGNMENT) => {
                            return Ok(NewWritten::Unassigned);
                        }
                        None => {
                            // the tester was assigned meanwhile
                            members.truncate(WITHOUT_ASSIGNMENT);
                            after_lost_race(attempt).await?;
                        }
                    }
                }
                Written::Refused(_) => after_lost_race(attempt).await?,
            }
        }
        Err(StoreError::Contended(u32::MAX))
    }

    /// Sessions of a tester, whatever lists they are in yet, with their studies.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tested(&self, tester: UserId) -> BoxFuture<'_, Result<Vec<(TestSessionId, StudyId)>, StoreError>> {
        Box::pin(async move {
            let items = self.query(user_pk(tester), TESTED).await?;
            let read = |item: &Item| {
                let reader = item.read("session of a tester");
                let id = reader.parsed("sk", tested_id)?;
                Ok((id, reader.parsed("study", StudyId::parse)?))
            };
            items.iter().map(read).collect()
        })
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

    /// What follows a session that moved on from `left`; what goes wrong here is made good by the lists' drainer.
    async fn after_move(&self, session: &TestSession, left: TestStatus, now: OffsetDateTime) {
        let followed = match session.status {
            TestStatus::Confirmed => self.follow_sessions(session.study, now).await,
            _ => Ok(()),
        };
        match followed {
            Ok(()) => self.rank_now(session, Some(left), &pending_id(session)).await,
            Err(error) => tracing::warn!(cause = %error, "the study follows its session later"),
        }
    }

    pub(super) async fn write_test_session(
        &self,
        current: &TestSession,
        next: &TestSession,
        beside: Vec<TransactWriteItem>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        // two changes of the same kind at once would be alike but for this
        let item = test_session_item(next).text("write", uuid::Uuid::new_v4().to_string());
        let mut members = vec![item.clone().put(&self.main, Condition::Version(current.version))?];
        let moved = current.status != next.status;
        if moved {
            let (id, subjects) = (pending_id(next), subject(next.id, Some(current.status)));
            let pending = Pending { list: SharedList::TestSessions, id: &id, subjects: &subjects, new: false };
            members.push(self.pending_member(pending)?);
            if next.status == TestStatus::Completed {
                members.push(self.count_member(next.study, "completed", 1)?);
                members.push(self.tester_counts_member(next.tester, &[("completed", 1)])?);
                members.push(self.tester_member(next.tester, &format!("completed-{}", next.id))?);
            }
            if next.status == TestStatus::Paused {
                members.push(self.pause_member(next.id, now)?);
            }
            if next.status == TestStatus::Confirmed {
                members.push(self.count_member(next.study, "confirmed", 1)?);
            }
        }
        if current.status.is_running() && !next.status.is_running() {
            let (pk, sk) = guard_key(current);
            members.push(delete(&self.main, pk, sk)?);
        }
        members.extend(beside);
        for attempt in 0..MAX_ATTEMPTS {
            match self.transact(members.clone()).await? {
                Written::Done => {
                    if moved {
                        self.after_move(next, current.status, now).await;
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

    /// Sessions of a study with their testers, as their links name them.
    pub(super) async fn test_links(&self, study: StudyId) -> Result<Vec<(TestSessionId, UserId)>, StoreError> {
        let links = self.query(study_pk(study), "TESTER#").await?;
        let read = |item: &Item| {
            let reader = item.read("link");
            let tester = reader.parsed("sk", |sk| UserId::parse(sk.strip_prefix("TESTER#")?))?;
            Ok((reader.parsed("session", TestSessionId::parse)?, tester))
        };
        links.iter().map(read).collect()
    }

    /// All sessions of a study, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn test_sessions_of(&self, study: StudyId) -> BoxFuture<'_, Result<Vec<TestSession>, StoreError>> {
        Box::pin(async move {
            let keys = self.test_links(study).await?.into_iter().map(|(id, _)| key(id)).collect();
            let items = self.batch_get(keys).await?;
            let mut sessions = items.iter().map(read_test_session).collect::<Result<Vec<_>, _>>()?;
            sessions.sort_by_key(|session| session.number);
            Ok(sessions)
        })
    }

    /// Running sessions whose time is over, the longest overdue first, each with its key in that order; only those
    /// behind the key `after`, which may be empty.
    ///
    /// # Errors
    /// When the store fails.
    pub fn overdue_test_sessions<'a>(
        &'a self,
        after: &'a str,
        now: OffsetDateTime,
        limit: i32,
    ) -> BoxFuture<'a, Result<Vec<(String, TestSessionId)>, StoreError>> {
        Box::pin(async move {
            let names = self.due_names(DueList::Whole(GUARD), after, now, limit).await?;
            let read = |name: String| {
                let id = TestSessionId::parse(name.split_once('#')?.1)?;
                Some((name, id))
            };
            Ok(names.into_iter().filter_map(read).collect())
        })
    }
}
