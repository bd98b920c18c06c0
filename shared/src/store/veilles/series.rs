//! The rows that a veille keeps: each run has a few series of them, found by position.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::try_join_all;

use super::item::{table_key, veille_pk};
use crate::{
    BoxFuture,
    model::{Module, Veille},
    store::{
        Chunks, PackedRows, Store, StoreError,
        chunked::{compress, decompress},
        client::unhindered,
        item::Item,
    },
};

/// Chunks that are written at a time.
const AT_A_TIME: usize = 8;

/// A series of rows of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// The source's rows, as they were copied for the first comparison.
    Source,
    /// A sorted part of the run's rows, which waits to be merged with the others.
    Part(u32),
    /// The run's rows by key: what the next run is compared with.
    Snapshot,
    /// What was modified, by key.
    Changed,
    /// What is new, by rank.
    New,
    /// What is closed, by rank.
    Closed,
    /// What was modified, by rank.
    Modified,
}

impl Series {
    /// Those that nobody needs once a run is over.
    const PASSING: [&'static str; 3] = ["SOURCE#", "PART#", "CHANGED#"];

    fn name(self) -> String {
        match self {
            Self::Source => "SOURCE".to_owned(),
            Self::Part(number) => format!("PART#{number:05}"),
            Self::Snapshot => "SNAPSHOT".to_owned(),
            Self::Changed => "CHANGED".to_owned(),
            Self::New => "NEW".to_owned(),
            Self::Closed => "CLOSED".to_owned(),
            Self::Modified => "MODIFIED".to_owned(),
        }
    }
}

/// The table of a run's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTable {
    /// What the rows are results of.
    pub module: Module,
    /// Their columns.
    pub names: Vec<String>,
    /// How many there are.
    pub source_rows: u64,
    /// How many rows the run's snapshot has, those with a key, each key once; `None` until it is there.
    pub rows: Option<u64>,
}

fn prefix(run: u64) -> String {
    format!("DATA#{run:08}#")
}

pub(super) fn series_prefix(run: u64, series: Series) -> String {
    format!("{}{}#", prefix(run), series.name())
}

pub(super) fn table_item(of: (u64, u64), table: &RunTable) -> Result<Item, StoreError> {
    let (pk, sk) = table_key(of);
    let names = serde_json::to_vec(&table.names)
        .map_err(|error| StoreError::Call { operation: "pack", cause: error.to_string() })?;
    let item = Item::new(pk, sk)
        .text("module", table.module.as_str())
        .bytes("names", compress(&names)?)
        .number("source_rows", table.source_rows);
    Ok(match table.rows {
        Some(rows) => item.number("rows", rows),
        None => item,
    })
}

fn read_table(item: &Item) -> Result<RunTable, StoreError> {
    let reader = item.read("columns");
    let names = decompress(reader.bytes("names")?).and_then(|names| serde_json::from_slice(&names).ok());
    let names = names.ok_or_else(|| reader.malformed("names"))?;
    let rows = if item.0.contains_key("rows") { Some(reader.number("rows")?) } else { None };
    Ok(RunTable {
        module: reader.parsed("module", Module::parse)?,
        names,
        source_rows: reader.number("source_rows")?,
        rows,
    })
}

impl Store {
    /// A series of a run of a veille.
    #[must_use]
    pub fn series(&self, (veille, run): (u64, u64), series: Series) -> Chunks {
        Chunks::new(self.clone(), veille_pk(veille), series_prefix(run, series))
    }

    /// Writes rows into a series from position `first` on. The rows of a position are always the same; where more of them
    /// stand in one chunk already, they stay, so that whoever writes once more takes nothing off.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_series<'a>(
        &'a self,
        (veille, run): (u64, u64),
        series: Series,
        first: u64,
        rows: &'a PackedRows,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let chunks = rows.items(&veille_pk(veille), &series_prefix(run, series), first)?;
            for some in chunks.chunks(AT_A_TIME) {
                try_join_all(some.iter().map(|chunk| self.put_chunk(chunk))).await?;
            }
            Ok(())
        })
    }

    async fn put_chunk(&self, chunk: &Item) -> Result<(), StoreError> {
        let rows = chunk.read("chunk").number::<u64>("count")?;
        let call = self
            .client
            .put_item()
            .table_name(&self.main)
            .set_item(Some(chunk.0.clone()))
            .condition_expression("attribute_not_exists(pk) OR #count <= :rows")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":rows", AttributeValue::N(rows.to_string()));
        match unhindered(|| call.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(StoreError::call("PutItem", &error)),
        }
    }

    /// Keeps the table of a run's rows.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_run_table<'a>(&'a self, of: (u64, u64), table: &'a RunTable) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.batch_put(vec![table_item(of, table)?]).await })
    }

    /// The tables of the rows of some runs of a veille, in the order that was asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub fn run_tables<'a>(
        &'a self,
        veille: u64,
        runs: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<Option<RunTable>>, StoreError>> {
        Box::pin(async move {
            let keys: Vec<_> = runs.iter().map(|run| table_key((veille, *run))).collect();
            let items = self.batch_get(keys.clone()).await?;
            let found = |sk: &String| items.iter().find(|item| item.read("columns").optional_text("sk") == Some(sk));
            keys.iter().map(|(_, sk)| found(sk).map(read_table).transpose()).collect()
        })
    }

    /// Removes what a run that is over has no use for any more: what was on its way, and its snapshot unless a run can
    /// still be compared with it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_veille_run(&self, (veille, run): (u64, u64)) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let pk = veille_pk(veille);
            for passing in Series::PASSING {
                self.drop_items(&pk, &format!("{}{passing}", prefix(run))).await?;
            }
            let current = |known: Veille| known.snapshot == run && known.needs_snapshot();
            if !self.any_veille(veille).await?.is_some_and(current) {
                self.drop_items(&pk, &series_prefix(run, Series::Snapshot)).await?;
            }
            Ok(())
        })
    }
}
