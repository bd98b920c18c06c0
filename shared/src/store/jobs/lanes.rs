//! Lanes: which job gets a slot next (outsend 7.3).
//!
//! A lane's item names the jobs that have its slots; a user's item names the user's running jobs. Admission changes
//! both, and the job, in one transaction, so that neither number is ever exceeded. A user's waiting jobs stand in
//! the user's own partition; in the lane's queue stands only the oldest of them, and only while the user is below
//! the ceiling: the queue's head is therefore always a job that may go, however many jobs wait behind one user.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use time::OffsetDateTime;

use super::item::{header_key, job_item, read_job};
use crate::{
    clock::epoch_micros,
    model::{Job, JobId, JobRules, JobStatus, Lane, UserId, WorkItem, WorkKind},
    store::{
        BoxFuture, Store, StoreError, after_lost_race,
        client::Written,
        item::{Condition, Item, delete},
        round_trips::round_trip,
        user_items::user_pk,
    },
};

/// Candidates that one look at a queue reads: all but the first matter only when owners were deactivated.
const CANDIDATES: i32 = 25;

/// What became of one look at a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// This job got a slot.
    Admitted(JobId),
    /// No slot is free.
    Full,
    /// Nobody who may go is waiting.
    Nobody,
}

pub(super) fn lane_pk(lane: Lane) -> String {
    format!("LANE#{}", lane.as_str())
}

/// The key of a job in its queue: by creation, then id.
pub(super) fn queue_key(job: &Job) -> String {
    format!("{:020}#{}", epoch_micros(job.created_at), job.id)
}

fn wait_sk(lane: Lane, key: &str) -> String {
    format!("WAIT#{}#{key}", lane.as_str())
}

/// What a user has in the lanes.
#[derive(Clone, Debug, Default)]
pub(super) struct UserLanes {
    running: Vec<String>,
    ready: [Option<String>; 2],
    version: u64,
}

/// A change of what a user has in the lanes.
#[derive(Clone, Debug)]
pub(super) enum Move<'a> {
    /// A new job waits.
    Enter(&'a Job),
    /// A waiting job got a slot.
    Admit(&'a Job),
    /// A waiting or running job ended.
    Leave(&'a Job),
}

/// The keys that a lane's waiting jobs gain and lose in a step.
#[derive(Clone, Debug, Default)]
struct Turn {
    entered: Option<(Lane, String)>,
    left: Option<(Lane, String)>,
}

fn ids(item: &Item, name: &'static str) -> Result<Vec<String>, StoreError> {
    let text = item.read("lane").text(name)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

impl Store {
    pub(super) async fn user_lanes(&self, user: UserId) -> Result<UserLanes, StoreError> {
        let Some(item) = self.get(&self.main, user_pk(user), "LANES".to_owned()).await? else {
            return Ok(UserLanes::default());
        };
        let reader = item.read("user's lanes");
        let ready = Lane::ALL.map(|lane| reader.optional_text(ready_name(lane)).map(str::to_owned));
        Ok(UserLanes { running: ids(&item, "running")?, ready, version: reader.number("version")? })
    }

    /// Ids of a user's running jobs.
    pub(super) async fn running_of(&self, user: UserId) -> Result<Vec<JobId>, StoreError> {
        Ok(self.user_lanes(user).await?.running.iter().filter_map(|id| JobId::parse(id)).collect())
    }

    /// The first waiting jobs of a user in a lane.
    async fn oldest_waiting(&self, user: UserId, lane: Lane) -> Result<Vec<String>, StoreError> {
        let prefix = wait_sk(lane, "");
        let call = self
            .client
            .query()
            .table_name(&self.main)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(user_pk(user)))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.clone()))
            .consistent_read(true)
            .limit(2);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
        let items = output.items.unwrap_or_default().into_iter().map(Item::from);
        items
            .map(|item| item.read("waiting job").parsed("sk", |sk| sk.strip_prefix(&prefix).map(str::to_owned)))
            .collect()
    }

    /// The transaction members that make a move in what the user has in the lanes, all conditional on `lanes`
    /// being as they were read.
    pub(super) async fn lane_members(
        &self,
        user: UserId,
        lanes: &UserLanes,
        step: &Move<'_>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut next = lanes.clone();
        next.version += 1;
        let mut members = Vec::new();
        let mut turn = Turn::default();
        match step {
            Move::Enter(job) => {
                let key = queue_key(job);
                let wait = Item::new(user_pk(user), wait_sk(job.lane(), &key)).text("job", job.id.to_string());
                members.push(wait.put(&self.main, Condition::None)?);
                turn.entered = Some((job.lane(), key));
            }
            Move::Admit(job) => {
                next.running.push(job.id.to_string());
                turn.left = Some((job.lane(), queue_key(job)));
            }
            Move::Leave(job) if job.status == JobStatus::Pending => {
                turn.left = Some((job.lane(), queue_key(job)));
            }
            Move::Leave(job) => next.running.retain(|id| *id != job.id.to_string()),
        }
        if let Some((lane, key)) = &turn.left {
            members.push(delete(&self.main, user_pk(user), wait_sk(*lane, key))?);
        }
        let running = (lanes.running.len(), next.running.len());
        for (lane, slot) in Lane::ALL.into_iter().zip(next.ready.iter_mut()) {
            let before = slot.take();
            *slot = self.next_ready(user, lane, before.as_ref(), running, &turn).await?;
            if *slot != before {
                if let Some(before) = before {
                    members.push(delete(&self.main, lane_pk(lane), format!("READY#{before}"))?);
                }
                if let Some(key) = slot {
                    let ready = Item::new(lane_pk(lane), format!("READY#{key}")).text("user", user.to_string());
                    members.push(ready.put(&self.main, Condition::None)?);
                }
            }
        }
        let condition = if lanes.version == 0 { Condition::Absent } else { Condition::Version(lanes.version) };
        let mut item = Item::new(user_pk(user), "LANES".to_owned())
            .text("running", next.running.join(" "))
            .number("version", next.version);
        for (lane, ready) in Lane::ALL.into_iter().zip(&next.ready) {
            item = item.optional_text(ready_name(lane), ready.as_deref());
        }
        members.push(item.put(&self.main, condition)?);
        Ok(members)
    }

    /// The job of a user that is next in a lane after a step: its queue key, or nothing when nobody waits or the user's
    /// running jobs leave no room. `running` counts those before and after the step.
    async fn next_ready(
        &self,
        user: UserId,
        lane: Lane,
        before: Option<&String>,
        running: (usize, usize),
        turn: &Turn,
    ) -> Result<Option<String>, StoreError> {
        let below = |running: usize| running < self.rules.running_of_user;
        let of_lane = |key: &'_ Option<(Lane, String)>| key.clone().filter(|(of, _)| *of == lane).map(|(_, key)| key);
        let (entered, left) = (of_lane(&turn.entered), of_lane(&turn.left));
        Ok(match (before, entered) {
            _ if !below(running.1) => None,
            // a new job is the youngest, unless it is the only one, or clocks differ
            (Some(oldest), Some(key)) if *oldest > key => Some(key),
            (None, Some(key)) => Some(key),
            (Some(oldest), _) if left.as_ref() != Some(oldest) => Some(oldest.clone()),
            // there was room already, so nobody waits
            (None, None) if below(running.0) => None,
            _ => self.oldest_waiting(user, lane).await?.into_iter().find(|key| Some(key) != left.as_ref()),
        })
    }

    async fn lane(&self, lane: Lane) -> Result<(Vec<String>, u64), StoreError> {
        match self.get(&self.main, lane_pk(lane), "LANE".to_owned()).await? {
            None => Ok((Vec::new(), 0)),
            Some(item) => Ok((ids(&item, "running")?, item.read("lane").number("version")?)),
        }
    }

    fn put_lane(&self, lane: Lane, running: &[String], version: u64) -> Result<TransactWriteItem, StoreError> {
        let condition = if version == 0 { Condition::Absent } else { Condition::Version(version) };
        Item::new(lane_pk(lane), "LANE".to_owned())
            .text("running", running.join(" "))
            .number("version", version + 1)
            .put(&self.main, condition)
    }

    /// The member that gives a running job's slot back.
    pub(super) async fn free_slot(&self, job: &Job) -> Result<TransactWriteItem, StoreError> {
        let (mut running, version) = self.lane(job.lane()).await?;
        running.retain(|id| *id != job.id.to_string());
        self.put_lane(job.lane(), &running, version)
    }

    /// Gives a free slot of `lane` to the oldest job that may have it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn admit(&self, lane: Lane, now: OffsetDateTime) -> BoxFuture<'_, Result<Admission, StoreError>> {
        Box::pin(async move {
            for attempt in 0.. {
                let (mut running, version) = self.lane(lane).await?;
                if running.len() >= slots(&self.rules, lane) {
                    return Ok(Admission::Full);
                }
                let Some((job, members)) = self.candidate(lane, now).await? else { return Ok(Admission::Nobody) };
                running.push(job.to_string());
                let mut members = members;
                members.push(self.put_lane(lane, &running, version)?);
                if self.transact(members).await? == Written::Done {
                    return Ok(Admission::Admitted(job));
                }
                after_lost_race(attempt).await?;
            }
            Ok(Admission::Nobody)
        })
    }

    /// Gives every free slot of `lane` away, as long as somebody waits who may have it (outsend 7.3).
    ///
    /// # Errors
    /// When the store fails.
    pub fn fill_lane(&self, lane: Lane, now: OffsetDateTime) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            while let Admission::Admitted(job) = self.admit(lane, now).await? {
                tracing::info!(job = %job, lane = lane.as_str(), "job admitted");
            }
            Ok(())
        })
    }

    /// The job that goes next, with the members that start it.
    async fn candidate(
        &self,
        lane: Lane,
        now: OffsetDateTime,
    ) -> Result<Option<(JobId, Vec<TransactWriteItem>)>, StoreError> {
        let mut start = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.main)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", AttributeValue::S(lane_pk(lane)))
                .expression_attribute_values(":prefix", AttributeValue::S("READY#".to_owned()))
                .consistent_read(true)
                .limit(CANDIDATES)
                .set_exclusive_start_key(start);
            let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
            for item in output.items.unwrap_or_default().into_iter().map(Item::from) {
                if let Some(found) = self.start_members(lane, &item, now).await? {
                    return Ok(Some(found));
                }
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(None);
            }
        }
    }

    /// The members that start the job of a queue's entry; `None` when its owner is not active, or somebody was
    /// faster.
    async fn start_members(
        &self,
        lane: Lane,
        entry: &Item,
        now: OffsetDateTime,
    ) -> Result<Option<(JobId, Vec<TransactWriteItem>)>, StoreError> {
        let reader = entry.read("waiting job");
        let key = reader.parsed("sk", |sk| sk.strip_prefix("READY#").map(str::to_owned))?;
        let user = reader.parsed("user", UserId::parse)?;
        let id = key.rsplit('#').next().and_then(JobId::parse).ok_or_else(|| reader.malformed("sk"))?;
        let lanes = self.user_lanes(user).await?;
        let at = Lane::ALL.iter().position(|of| *of == lane).and_then(|at| lanes.ready.get(at));
        if at != Some(&Some(key.clone())) {
            return Ok(None);
        }
        let (pk, sk) = header_key(id);
        let found = self.batch_get(vec![(pk.clone(), sk), (user_pk(user), "USER".to_owned())]).await?;
        let job = found.iter().find(|item| item.pk() == pk).map(read_job).transpose()?;
        let active = found.iter().find(|item| item.pk() != pk).map(|user| user.read("user").flag("active"));
        let Some(job) = job.filter(|job| job.status == JobStatus::Pending) else { return Ok(None) };
        if !active.transpose()?.unwrap_or(false) {
            return Ok(None);
        }
        let started = Job {
            status: JobStatus::Running,
            started_at: Some(job.started_at.unwrap_or(now)),
            version: job.version + 1,
            ..job.clone()
        };
        let mut members = self.lane_members(user, &lanes, &Move::Admit(&job)).await?;
        members.push(job_item(&started).put(&self.main, Condition::Version(job.version))?);
        members.push(self.work_member(&job_work(id), now)?);
        if let Some(work) = started.run_work() {
            members.push(self.work_member(&work, now)?);
        }
        Ok(Some((id, members)))
    }
}

const fn ready_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Serial => "ready_serial",
        Lane::Parallel => "ready_parallel",
    }
}

const fn slots(rules: &JobRules, lane: Lane) -> usize {
    match lane {
        Lane::Serial => rules.serial_width,
        Lane::Parallel => rules.parallel_slots,
    }
}

/// The work that a running job is: one piece, as long as it runs.
pub(super) fn job_work(id: JobId) -> WorkItem {
    WorkItem { id: id.to_string(), kind: WorkKind::Job, subject: id.to_string(), attempt: 0 }
}
