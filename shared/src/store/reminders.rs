//! What the job `reminders` finds (openscouter 20): proposals whose time is over, testers who accepted and have not begun,
//! and sessions that stand still.
//!
//! Who begins, declines or goes on takes nothing away here: what stands for nothing goes when it comes due.

use aws_sdk_dynamodb::types::TransactWriteItem;
use time::{Duration, OffsetDateTime};

use super::{
    BoxFuture, Store, StoreError, after_lost_race,
    client::Written,
    due::{REMINDERS, due_name, read_due_name},
};
use crate::model::{ProposalId, ProposalStatus, Status, Study, TestSessionId, WorkItem};

/// Reminders of one acceptance, and of one pause.
const MOST: u8 = 3;
/// When a pause is looked at first: a study reminds after so long at the least.
const FIRST_LOOK: Duration = Duration::HOUR;

/// Something that comes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueReminder {
    /// The tester let the time to answer go by.
    Offered(ProposalId),
    /// The tester accepted; the number of the reminder.
    Accepted(ProposalId, u8),
    /// The session is paused; the number of the reminder.
    Paused(TestSessionId, u8),
}

impl DueReminder {
    /// What a name of [`Store::due_reminders`] stands for.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (kind, rest) = read_due_name(name)?.1.split_once('#')?;
        let numbered = || {
            let (id, number) = rest.split_once('#')?;
            let number = number.parse().ok().filter(|number| (1..=MOST).contains(number))?;
            Some((id, number))
        };
        match kind {
            "offered" => ProposalId::parse(rest).map(Self::Offered),
            "accepted" => numbered().and_then(|(id, number)| Some(Self::Accepted(ProposalId::parse(id)?, number))),
            "paused" => numbered().and_then(|(id, number)| Some(Self::Paused(TestSessionId::parse(id)?, number))),
            _ => None,
        }
    }

    /// Where it comes due at a time.
    pub(super) fn key(self, at: OffsetDateTime) -> (String, String) {
        let (id, what) = match self {
            Self::Offered(id) => (id.to_string(), format!("offered#{id}")),
            Self::Accepted(id, number) => (id.to_string(), format!("accepted#{id}#{number}")),
            Self::Paused(id, number) => (id.to_string(), format!("paused#{id}#{number}")),
        };
        REMINDERS.key(&id, due_name(at, &what))
    }

    /// The one that follows, if there is one.
    fn next(self) -> Option<Self> {
        match self {
            Self::Accepted(id, number) if number < MOST => Some(Self::Accepted(id, number + 1)),
            Self::Paused(id, number) if number < MOST => Some(Self::Paused(id, number + 1)),
            _ => None,
        }
    }
}

/// What becomes of something that is due.
enum Turn {
    /// It stands for nothing.
    Over,
    /// It is not its time yet.
    At(OffsetDateTime),
    /// The tester is reminded, and again after this.
    Now(WorkItem, Duration),
}

/// After how long a study reminds.
fn reminds_after(study: &Study) -> Duration {
    Duration::hours(study.details.settings.reminder_after_hours.into())
}

impl Store {
    /// At most `limit` names of what is due, in order, behind the name `after`, which may be empty.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_reminders<'a>(
        &'a self,
        after: &'a str,
        now: OffsetDateTime,
        limit: i32,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.due_names(REMINDERS, after, now, limit)
    }

    /// Deals with something that is due, by its name: a proposal expires, and the next best tester is proposed; a tester is
    /// reminded by the work that follows. Of two at once one does it; whether this was it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remind<'a>(&'a self, name: &'a str, now: OffsetDateTime) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let (Some(due), Some((at, _))) = (DueReminder::parse(name), read_due_name(name)) else { return Ok(false) };
            for attempt in 0.. {
                if let DueReminder::Offered(id) = due
                    && self.expire_proposal(id, now).await?
                {
                    return Ok(true);
                }
                let turn = match due {
                    DueReminder::Offered(_) => Turn::Over,
                    DueReminder::Accepted(id, number) => self.unstarted(id, number, now).await?,
                    DueReminder::Paused(id, number) => self.unresumed(id, number, now).await?,
                };
                let reminds = matches!(turn, Turn::Now(..));
                if self.transact(self.turn_members(due, at, turn, now)?).await? == Written::Done {
                    return Ok(reminds);
                }
                // somebody else was faster, or the first answer to this very write was lost
                let (pk, sk) = due.key(at);
                if self.get(&self.main, pk, sk).await?.is_none() {
                    return Ok(false);
                }
                after_lost_race(attempt).await?;
            }
            Err(StoreError::Contended(u32::MAX))
        })
    }

    fn turn_members(
        &self,
        due: DueReminder,
        at: OffsetDateTime,
        turn: Turn,
        now: OffsetDateTime,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut members = vec![self.taken_member(due.key(at))?];
        match turn {
            Turn::Over => {}
            Turn::At(later) => members.push(self.due_member(due.key(later))?),
            Turn::Now(work, after) => {
                members.push(self.work_member(&work, now)?);
                // who was not looked at for long is not reminded of all at once
                let next = (at + after).max(now + FIRST_LOOK);
                members.extend(due.next().map(|due| self.due_member(due.key(next))).transpose()?);
            }
        }
        Ok(members)
    }

    /// A tester who accepted and may not have begun.
    async fn unstarted(&self, id: ProposalId, number: u8, now: OffsetDateTime) -> Result<Turn, StoreError> {
        let proposal = self.proposal(id).await?.filter(|proposal| proposal.status == ProposalStatus::Accepted);
        let Some(proposal) = proposal else { return Ok(Turn::Over) };
        if self.test_session_of(proposal.study, proposal.tester).await?.is_some() {
            return Ok(Turn::Over);
        }
        let study = self.linked_study(proposal.study).await?;
        let Some(study) = study else { return Ok(Turn::Over) };
        let after = reminds_after(&study);
        Ok(match study.status {
            status if status.is_active() => Turn::Now(WorkItem::remind_accepted(proposal.id, number), after),
            Status::Paused => Turn::At(now + after),
            _ => Turn::Over,
        })
    }

    /// A session that may stand still.
    async fn unresumed(&self, id: TestSessionId, number: u8, now: OffsetDateTime) -> Result<Turn, StoreError> {
        let session = self.test_session(id).await?;
        let paused = session.and_then(|session| Some((session.paused_since()?, session)));
        let Some((since, session)) = paused else { return Ok(Turn::Over) };
        // who has begun may go on, whatever became of the study
        let Some(study) = self.linked_study(session.study).await? else { return Ok(Turn::Over) };
        let after = reminds_after(&study);
        let wanted = since + after * i32::from(number);
        Ok(if wanted > now { Turn::At(wanted) } else { Turn::Now(WorkItem::remind_paused(session.id, number), after) })
    }

    /// The member that has a session looked at which is paused from now on.
    pub(super) fn pause_member(
        &self,
        session: TestSessionId,
        now: OffsetDateTime,
    ) -> Result<TransactWriteItem, StoreError> {
        self.due_member(DueReminder::Paused(session, 1).key(now + FIRST_LOOK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let (at, id, session) = (OffsetDateTime::UNIX_EPOCH, ProposalId::generate(), TestSessionId::generate());
        for due in [DueReminder::Offered(id), DueReminder::Accepted(id, 1), DueReminder::Paused(session, 3)] {
            assert_eq!(DueReminder::parse(&due.key(at).1), Some(due));
        }
        for wrong in ["", "offered", "accepted#x#1", "paused#x", "offered#x"] {
            assert_eq!(DueReminder::parse(&due_name(at, wrong)), None, "{wrong}");
        }
        for number in [0, 4] {
            assert_eq!(DueReminder::parse(&due_name(at, &format!("accepted#{id}#{number}"))), None);
        }
        assert_eq!(DueReminder::Accepted(id, 3).next(), None);
    }
}
