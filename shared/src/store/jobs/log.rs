//! A job's log (outsend 7.4 rule 8).

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    item::job_pk,
    pack::{pack, unpack},
};
use crate::{
    clock::{epoch_micros, from_epoch_micros},
    model::{JobId, Level, Line},
    store::{BoxFuture, Store, StoreError, item::Item, round_trips::round_trip},
};

/// Log lines that are kept of a job (outsend 7.4 rule 8).
const MAX_LINES: u64 = 10_000;

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub message: String,
    /// When.
    pub at: OffsetDateTime,
}

impl LogLine {
    /// A line of a module at `now`.
    #[must_use]
    pub fn at(line: Line, now: OffsetDateTime) -> Self {
        Self { level: line.level, message: line.message, at: now }
    }
}

/// The item of log lines that begin with `first`, if there are any.
pub(super) fn log_chunk(id: JobId, first: u64, lines: &[LogLine]) -> Result<Option<Item>, StoreError> {
    if lines.is_empty() {
        return Ok(None);
    }
    let lines: Vec<_> =
        lines.iter().map(|line| json!([line.level.as_str(), line.message, epoch_micros(line.at)])).collect();
    let item = Item::new(job_pk(id), format!("LOG#{first:010}")).number("count", lines.len());
    Ok(Some(item.bytes("lines", pack(Value::Array(lines).to_string().as_bytes())?)))
}

fn read_log(item: &Item) -> Result<Vec<(u64, LogLine)>, StoreError> {
    let reader = item.read("log");
    let first = reader.parsed("sk", |sk| sk.strip_prefix("LOG#")?.parse::<u64>().ok())?;
    let lines: Vec<(String, String, i64)> =
        serde_json::from_slice(&unpack(reader.bytes("lines")?)?).map_err(|_| reader.malformed("lines"))?;
    let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error];
    let read = lines.into_iter().zip(first..).map(|((level, message, at), seq)| {
        let level = levels.into_iter().find(|known| known.as_str() == level)?;
        Some((seq, LogLine { level, message, at: from_epoch_micros(at)? }))
    });
    read.collect::<Option<_>>().ok_or_else(|| reader.malformed("lines"))
}

impl Store {
    /// Deletes lines that are too many of a log whose last line is `last`.
    pub(super) async fn drop_old_lines(&self, id: JobId, last: u64) -> Result<(), StoreError> {
        let Some(last) = last.checked_sub(MAX_LINES).filter(|surplus| *surplus > 0) else { return Ok(()) };
        let call = self
            .client
            .query()
            .table_name(&self.main)
            .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
            .expression_attribute_values(":pk", AttributeValue::S(job_pk(id)))
            .expression_attribute_values(":low", AttributeValue::S("LOG#".to_owned()))
            .expression_attribute_values(":high", AttributeValue::S(format!("LOG#{last:010}")))
            .projection_expression("pk, sk, #count")
            .expression_attribute_names("#count", "count")
            .limit(10);
        let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
        let mut old = Vec::new();
        for item in output.items.unwrap_or_default().into_iter().map(Item::from) {
            let reader = item.read("log");
            let first = reader.parsed("sk", |sk| sk.strip_prefix("LOG#")?.parse::<u64>().ok())?;
            if first + reader.number::<u64>("count")? <= last + 1 {
                old.push((item.pk().to_owned(), reader.text("sk")?.to_owned()));
            }
        }
        self.batch_delete(old).await
    }

    /// Lines of a job's log after `seq`, at most a few chunks of them, in order; `last` is the job's last line.
    ///
    /// # Errors
    /// When the store fails.
    pub fn job_log(&self, id: JobId, after: u64, last: u64) -> BoxFuture<'_, Result<Vec<(u64, LogLine)>, StoreError>> {
        Box::pin(async move {
            let after = after.max(last.saturating_sub(MAX_LINES));
            if after >= last {
                return Ok(Vec::new());
            }
            // the chunk that holds the first of them may begin before it
            let bound = |forward: bool, limit: i32| {
                let (low, high) = if forward {
                    (format!("LOG#{:010}", after + 2), "LOG#~".to_owned())
                } else {
                    ("LOG#".to_owned(), format!("LOG#{:010}", after + 1))
                };
                self.client
                    .query()
                    .table_name(&self.main)
                    .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                    .expression_attribute_values(":pk", AttributeValue::S(job_pk(id)))
                    .expression_attribute_values(":low", AttributeValue::S(low))
                    .expression_attribute_values(":high", AttributeValue::S(high))
                    .consistent_read(true)
                    .scan_index_forward(forward)
                    .limit(limit)
            };
            let mut lines = Vec::new();
            for call in [bound(false, 1), bound(true, 50)] {
                let output = round_trip(call.send()).await.map_err(|error| StoreError::call("Query", &error))?;
                for item in output.items.unwrap_or_default().into_iter().map(Item::from) {
                    lines.extend(read_log(&item)?.into_iter().filter(|(seq, _)| *seq > after && *seq <= last));
                }
            }
            Ok(lines)
        })
    }
}
