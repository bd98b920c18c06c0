//! A run is compared with the one before it, key by key, and what was found is ranked (outsend 15.4, 15.5).

use engine::{
    Row,
    veille::{Bucket, Comparison, keyed, rank},
};
use shared::{
    model::{JobId, JobStatus, Veille, VeilleCounts, VeilleRun, VeilleRunStatus},
    outsend::messages::Detail,
    store::{RunTable, Series},
};

use super::{
    rows::{Cursor, Writer},
    sort::{Sorted, sort},
    sorting::{Sorting, Step},
};
use crate::{kind::WorkError, workers::Workers};

/// Rows between two looks at the clock.
const STRIDE: u64 = 2_000;
/// Modified rows that are ranked in memory.
const FEW: u64 = 1_000;

/// Compares a run whose results are those of `job`, and ends it.
pub(super) async fn compare(
    workers: &Workers,
    veille: &Veille,
    run: &VeilleRun,
    job: JobId,
) -> Result<Step, WorkError> {
    let store = workers.store();
    let run = VeilleRun { base: veille.snapshot, ..run.clone() };
    let mut sorting = Sorting::of(workers, &run)?;
    if !sorting.progress.sorted {
        match sorted(&mut sorting, job).await? {
            Sorted::Rows => {}
            Sorted::Step(step) => return Ok(step),
            Sorted::Gone => return sorting.end(VeilleRunStatus::Failed, Some(Detail::SourceExpired)).await,
        }
    }
    let tables = store.run_tables(run.veille, &[run.base, run.number]).await?;
    let [Some(before), Some(after)] = &tables[..] else {
        return Err(WorkError::Failed("a run without a table".to_owned()));
    };
    let Some(rows) = before.rows else { return without_base(sorting, job).await };
    if !sorting.progress.compared {
        match walk(&mut sorting, (before, rows), after).await? {
            Step::Done => {}
            step => return Ok(step),
        }
    }
    match order(&mut sorting).await? {
        Step::Done => {}
        step => return Ok(step),
    }
    sorting.run.job = Some(job);
    let progress = &sorting.progress;
    sorting.run.counts = VeilleCounts {
        new: progress.new,
        closed: progress.closed,
        modified: progress.modified(),
        unchanged: progress.unchanged,
    };
    sorting.end(VeilleRunStatus::Done, None).await
}

/// Waits for the source's rows, which are sorted by work of their own. Where they went before, there is nothing to compare
/// with, and this run is what the next one is compared with.
async fn without_base(mut sorting: Sorting<'_>, job: JobId) -> Result<Step, WorkError> {
    let (store, of) = (sorting.workers.store(), (sorting.run.veille, sorting.run.base));
    let base = store.veille_with_run(of).await?;
    if base.is_some_and(|(_, base)| base.status.is_active()) {
        sorting.keep().await?;
        return Ok(Step::Later);
    }
    // what ended between the two looks has its rows now
    let table = store.run_tables(of.0, &[of.1]).await?.into_iter().next().flatten();
    if table.is_some_and(|table| table.rows.is_some()) {
        return sorting.pause().await;
    }
    sorting.run.job = Some(job);
    sorting.end(VeilleRunStatus::Done, None).await
}

/// Sorts the rows of a job, as far as they are there.
async fn sorted(sorting: &mut Sorting<'_>, job: JobId) -> Result<Sorted, WorkError> {
    let (store, now) = (sorting.workers.store(), sorting.workers.now());
    let (known, parameters) = futures_util::future::join(store.any_job(job), store.job_parameters(job)).await;
    let source = known?.filter(|job| job.status_at(now) == JobStatus::Done).zip(parameters?);
    let Some((job, parameters)) = source else { return Ok(Sorted::Gone) };
    let table = RunTable { module: job.module, names: parameters.columns, source_rows: job.results, rows: None };
    sort(sorting, &store.results(job.id), table).await
}

/// Walks both snapshots side by side, and writes what is new and closed by rank, and what was modified by key.
async fn walk(
    sorting: &mut Sorting<'_>,
    (before, rows): (&RunTable, u64),
    after: &RunTable,
) -> Result<Step, WorkError> {
    let (store, of, base) = (sorting.workers.store(), sorting.named(), sorting.run.base);
    let until = sorting.until;
    let progress = &mut sorting.progress;
    let comparison = Comparison::new(&before.names, &after.names);
    let mut was = Cursor::new(store.series((of.0, base), Series::Snapshot), progress.before, rows);
    let mut is = Cursor::new(store.series(of, Series::Snapshot), progress.after, progress.rows);
    let mut new = Writer::new(store, of, Series::New, progress.new);
    let mut closed = Writer::new(store, of, Series::Closed, progress.closed);
    let mut changed = Writer::new(store, of, Series::Changed, progress.modified());
    let (mut walked, mut late) = (0_u64, false);
    while !late {
        let old = was.peek().await?.and_then(|row| keyed(row)).map(|(key, _)| key);
        let now = is.peek().await?.and_then(|row| keyed(row)).map(|(key, _)| key);
        let (take_old, take_now) = match (old, now) {
            (None, None) => break,
            (Some(old), Some(now)) => (old <= now, now <= old),
            (old, now) => (old.is_some(), now.is_some()),
        };
        let old = if take_old { was.next().await? } else { None };
        let now = if take_now { is.next().await? } else { None };
        let (old, now) = (old.as_ref().and_then(|row| keyed(row)), now.as_ref().and_then(|row| keyed(row)));
        let Some((key, _)) = now.or(old) else { break };
        let finding = comparison.of(key, old.map(|(_, cells)| cells), now.map(|(_, cells)| cells));
        match finding {
            None => progress.unchanged += 1,
            Some(found) => {
                let writer = match found.bucket {
                    Bucket::New => &mut new,
                    Bucket::Closed => &mut closed,
                    Bucket::Modified => {
                        *progress.scores.entry(found.score).or_default() += 1;
                        &mut changed
                    }
                };
                writer.push(&found.row).await?;
            }
        }
        walked += 1;
        late = walked.is_multiple_of(STRIDE) && sorting.workers.now() >= until;
    }
    (progress.before, progress.after) = (was.position(), is.position());
    (progress.new, progress.closed) = (new.flush().await?, closed.flush().await?);
    changed.flush().await?;
    if late {
        return sorting.pause().await;
    }
    progress.compared = true;
    Ok(Step::Done)
}

/// Writes what was modified by rank: score by score from the highest, within each by key, as it is stored.
async fn order(sorting: &mut Sorting<'_>) -> Result<Step, WorkError> {
    let (store, of) = (sorting.workers.store(), sorting.named());
    let all = sorting.progress.modified();
    let changed = |at: u64| Cursor::new(store.series(of, Series::Changed), at, all);
    if all <= FEW {
        let (mut rows, mut cursor) = (Vec::<Row>::new(), changed(0));
        while let Some(row) = cursor.next().await? {
            rows.push(row);
        }
        rows.sort_by(|one, other| rank(one).cmp(&rank(other)));
        let mut writer = Writer::new(store, of, Series::Modified, 0);
        for row in &rows {
            writer.push(row).await?;
        }
        writer.flush().await?;
        return Ok(Step::Done);
    }
    let scores: Vec<u8> = sorting.progress.scores.keys().rev().copied().collect();
    for score in scores {
        if sorting.progress.score.is_some_and(|done| score >= done) {
            continue;
        }
        let mut cursor = changed(sorting.progress.looked);
        let mut writer = Writer::new(store, of, Series::Modified, sorting.progress.ranked);
        while let Some(row) = cursor.next().await? {
            if rank(&row).0.0 == u64::from(score) {
                writer.push(&row).await?;
            }
            if cursor.position().is_multiple_of(STRIDE) && sorting.is_late() {
                sorting.progress.looked = cursor.position();
                sorting.progress.ranked = writer.flush().await?;
                return sorting.pause().await;
            }
        }
        let progress = &mut sorting.progress;
        progress.ranked = writer.flush().await?;
        (progress.looked, progress.score) = (0, Some(score));
        if sorting.is_late() {
            return sorting.pause().await;
        }
    }
    Ok(Step::Done)
}
