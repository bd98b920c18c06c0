//! The rows of a run are sorted by key, in parts that are merged (outsend 15.4).

use engine::veille::{Sorter, keyed};
use shared::store::{Chunks, RunTable, Series};

use super::{
    rows::{Cursor, Writer},
    sorting::{Sorting, Step},
};
use crate::kind::WorkError;

/// Most rows of a part.
const MAX_ROWS: u64 = 20_000;
/// Rows between two looks at the clock.
const STRIDE: u64 = 2_000;

/// What became of the sorting.
pub(super) enum Sorted {
    /// The rows are there.
    Rows,
    /// It goes on later.
    Step(Step),
    /// The rows went meanwhile.
    Gone,
}

/// Sorts the rows of a source into the run's snapshot.
pub(super) async fn sort(sorting: &mut Sorting<'_>, source: &Chunks, table: RunTable) -> Result<Sorted, WorkError> {
    let (store, total) = (sorting.workers.store(), table.source_rows);
    while sorting.progress.read < total {
        if !part(sorting, source, &table).await? {
            return Ok(Sorted::Gone);
        }
        if sorting.progress.read < total && sorting.is_late() {
            return Ok(Sorted::Step(sorting.pause().await?));
        }
    }
    if !sorting.progress.sorted {
        match merge(sorting).await? {
            Step::Done => {}
            step => return Ok(Sorted::Step(step)),
        }
    }
    let table = RunTable { rows: Some(sorting.progress.rows), ..table };
    store.put_run_table(sorting.named(), &table).await?;
    Ok(Sorted::Rows)
}

/// Sorts as many rows as fit into a part; `Ok(false)` when they are gone. A run that is one part has its snapshot then.
async fn part(sorting: &mut Sorting<'_>, source: &Chunks, table: &RunTable) -> Result<bool, WorkError> {
    let (store, of, total) = (sorting.workers.store(), sorting.named(), table.source_rows);
    let mut sorter = Sorter::new(table.module, &table.names);
    let begin = sorting.progress.read;
    let mut read = begin;
    while read < total && !sorter.is_full() && read - begin < MAX_ROWS {
        let mut rows = source.from(read).await?;
        if rows.is_empty() {
            return Ok(false);
        }
        rows.truncate(usize::try_from(total - read).unwrap_or(usize::MAX));
        read += rows.len() as u64;
        rows.iter().for_each(|row| sorter.take(row));
    }
    let number = u32::try_from(sorting.progress.parts.len()).unwrap_or(u32::MAX);
    let only = number == 0 && read == total;
    let series = if only { Series::Snapshot } else { Series::Part(number) };
    let mut writer = Writer::new(store, of, series, 0);
    for row in sorter.part() {
        writer.push_text(&row).await?;
    }
    let rows = writer.flush().await?;
    let progress = &mut sorting.progress;
    progress.read = read;
    progress.parts.push(rows);
    if only {
        (progress.rows, progress.sorted) = (rows, true);
    }
    Ok(true)
}

/// Merges the parts; of rows with one key the first one stays.
async fn merge(sorting: &mut Sorting<'_>) -> Result<Step, WorkError> {
    let (store, of) = (sorting.workers.store(), sorting.named());
    let progress = &mut sorting.progress;
    progress.merged.resize(progress.parts.len(), 0);
    let cursor =
        |(number, (at, end)): (u32, (&u64, &u64))| Cursor::new(store.series(of, Series::Part(number)), *at, *end);
    let mut cursors: Vec<_> = (0..).zip(progress.merged.iter().zip(&progress.parts)).map(cursor).collect();
    let mut writer = Writer::new(store, of, Series::Snapshot, progress.rows);
    let mut last = progress.last.take();
    let mut taken = 0_u64;
    let mut late = false;
    while !late {
        let mut least: Option<(String, usize)> = None;
        for (place, cursor) in cursors.iter_mut().enumerate() {
            let key = cursor.peek().await?.and_then(|row| keyed(row)).map(|(key, _)| key);
            // of equal keys the earlier part's comes first
            if let Some(key) = key.filter(|key| least.as_ref().is_none_or(|(known, _)| *key < known.as_str())) {
                least = Some((key.to_owned(), place));
            }
        }
        let Some((key, place)) = least else { break };
        let row = match cursors.get_mut(place) {
            Some(cursor) => cursor.next().await?,
            None => None,
        };
        if let Some(row) = row.filter(|_| last.as_ref() != Some(&key)) {
            writer.push(&row).await?;
            last = Some(key);
        }
        taken += 1;
        late = taken.is_multiple_of(STRIDE) && sorting.workers.now() >= sorting.until;
    }
    let progress = &mut sorting.progress;
    progress.rows = writer.flush().await?;
    progress.merged = cursors.iter().map(Cursor::position).collect();
    progress.last = last;
    if late {
        return sorting.pause().await;
    }
    progress.sorted = true;
    Ok(Step::Done)
}
