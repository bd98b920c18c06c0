//! The items of veilles and their runs, written and read.

use time::OffsetDateTime;

use crate::{
    clock::epoch_millis,
    model::{
        JobId, LastRun, OrganizationId, PipelineId, RunState, Schedule, ScheduleStatus, UserId, Veille, VeilleCounts,
        VeilleRun, VeilleRunStatus, VeilleSource,
    },
    store::{
        StoreError,
        item::{Item, Reader},
        user_items::user_pk,
    },
};

/// Lists that veilles that are to run are spread over.
pub(super) const SHARDS: u8 = 8;

/// Most digits of a veille's number, so that they sort.
const DIGITS: usize = 15;

pub(super) fn veille_pk(id: u64) -> String {
    format!("VEILLE#{id}")
}

pub(super) fn header_key(id: u64) -> (String, String) {
    (veille_pk(id), "VEILLE".to_owned())
}

pub(super) fn template_key(id: u64) -> (String, String) {
    (veille_pk(id), "TEMPLATE".to_owned())
}

pub(super) fn run_sk(number: u64) -> String {
    format!("RUN#{number:08}")
}

pub(super) fn run_key((veille, number): (u64, u64)) -> (String, String) {
    (veille_pk(veille), run_sk(number))
}

pub(super) fn table_key((veille, number): (u64, u64)) -> (String, String) {
    (veille_pk(veille), format!("COLUMNS#{number:08}"))
}

/// The directory of a user's veilles that are shown.
pub(super) fn listed_key(user: UserId) -> (String, String) {
    (user_pk(user), "VEILLES".to_owned())
}

/// What the sort keys of the marks begin with that lead to all veilles of a user.
pub(super) const OWNED: &str = "VEILLE#";

pub(super) fn owned_key(user: UserId, id: u64) -> (String, String) {
    (user_pk(user), format!("{OWNED}{id:0DIGITS$}"))
}

pub(super) fn due_pk(shard: u8) -> String {
    format!("VEILLEDUE#{shard}")
}

pub(super) fn due_key(id: u64, at: OffsetDateTime) -> (String, String) {
    let shard = u8::try_from(id % u64::from(SHARDS)).unwrap_or(0);
    (due_pk(shard), format!("{:015}#{id:0DIGITS$}", epoch_millis(at)))
}

fn source_text(source: VeilleSource) -> (&'static str, String) {
    match source {
        VeilleSource::Job(id) => ("source_job", id.to_string()),
        VeilleSource::Pipeline(id) => ("source_pipeline", id.to_string()),
    }
}

pub(super) fn veille_item(veille: &Veille) -> Item {
    let (pk, sk) = header_key(veille.id);
    let schedule = &veille.schedule;
    let (source, id) = source_text(veille.source);
    let item = Item::new(pk, sk)
        .number("id", veille.id)
        .text("user", veille.user.to_string())
        .text("organization", veille.organization.to_string())
        .text("name", &*veille.name)
        .text(source, id)
        .text("status", schedule.status.as_str())
        .number("frequency", schedule.frequency_days)
        .time("created_at", schedule.created_at)
        .time("next_run_at", schedule.next_run_at)
        .optional_time("claimed", schedule.claimed)
        .number("runs", veille.runs)
        .number("successes", veille.successes)
        .optional_time("last_success_at", veille.last_success_at)
        .optional_text("last_success_job", veille.last_success_job.map(|id| id.to_string()).as_deref())
        .number("snapshot", veille.snapshot)
        .optional_time("due_at", veille.due_at)
        .number("version", veille.version);
    match schedule.last_run {
        None => item,
        Some(run) => {
            item.time("last_slot", run.slot).number("last_attempt", run.attempt).text("last_state", run.state.as_str())
        }
    }
}

pub(super) fn read_veille(item: &Item) -> Result<Veille, StoreError> {
    let reader = item.read("veille");
    let source = match reader.optional_text("source_job") {
        Some(_) => VeilleSource::Job(reader.parsed("source_job", JobId::parse)?),
        None => VeilleSource::Pipeline(reader.parsed("source_pipeline", PipelineId::parse)?),
    };
    let last_run = match reader.optional_time("last_slot")? {
        None => None,
        Some(slot) => Some(LastRun {
            slot,
            attempt: reader.number("last_attempt")?,
            state: reader.parsed("last_state", RunState::parse)?,
        }),
    };
    Ok(Veille {
        id: reader.number("id")?,
        user: reader.parsed("user", UserId::parse)?,
        organization: reader.parsed("organization", OrganizationId::parse)?,
        name: reader.text("name")?.to_owned(),
        source,
        schedule: Schedule {
            status: reader.parsed("status", ScheduleStatus::parse)?,
            frequency_days: reader.number("frequency")?,
            created_at: reader.time("created_at")?,
            next_run_at: reader.time("next_run_at")?,
            claimed: reader.optional_time("claimed")?,
            last_run,
        },
        runs: reader.number("runs")?,
        successes: reader.number("successes")?,
        last_success_at: reader.optional_time("last_success_at")?,
        last_success_job: optional_job(&reader, "last_success_job")?,
        snapshot: reader.number("snapshot")?,
        due_at: reader.optional_time("due_at")?,
        version: reader.number("version")?,
    })
}

fn optional_job(reader: &Reader<'_>, name: &'static str) -> Result<Option<JobId>, StoreError> {
    reader.optional_text(name).map(|_| reader.parsed(name, JobId::parse)).transpose()
}

pub(super) fn run_item(run: &VeilleRun) -> Item {
    let (pk, sk) = run_key((run.veille, run.number));
    let counts = run.counts;
    let item = Item::new(pk, sk)
        .number("veille", run.veille)
        .number("number", run.number)
        .text("status", run.status.as_str())
        .optional_text("job", run.job.map(|id| id.to_string()).as_deref())
        .time("slot", run.slot)
        .time("started_at", run.started_at)
        .optional_time("completed_at", run.completed_at)
        .optional_text("error", run.error.as_deref())
        .number("new", counts.new)
        .number("closed", counts.closed)
        .number("modified", counts.modified)
        .number("unchanged", counts.unchanged)
        .number("base", run.base)
        .optional_text("progress", run.progress.as_deref())
        .number("version", run.version);
    match run.pipeline {
        None => item,
        Some((id, number)) => item.text("pipeline", id.to_string()).number("pipeline_run", number),
    }
}

pub(super) fn read_run(item: &Item) -> Result<VeilleRun, StoreError> {
    let reader = item.read("veille run");
    let pipeline = match reader.optional_text("pipeline") {
        None => None,
        Some(_) => Some((reader.parsed("pipeline", PipelineId::parse)?, reader.number("pipeline_run")?)),
    };
    Ok(VeilleRun {
        veille: reader.number("veille")?,
        number: reader.number("number")?,
        status: reader.parsed("status", VeilleRunStatus::parse)?,
        job: optional_job(&reader, "job")?,
        pipeline,
        slot: reader.time("slot")?,
        started_at: reader.time("started_at")?,
        completed_at: reader.optional_time("completed_at")?,
        error: reader.optional_text("error").map(str::to_owned),
        counts: VeilleCounts {
            new: reader.number("new")?,
            closed: reader.number("closed")?,
            modified: reader.number("modified")?,
            unchanged: reader.number("unchanged")?,
        },
        base: reader.number("base")?,
        progress: reader.optional_text("progress").map(str::to_owned),
        version: reader.number("version")?,
    })
}
