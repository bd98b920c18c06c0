//! Stream mappings: each table's stream is read in order, filtered by the template's patterns, and
//! handed to its functions in batches. A batch that fails is sent again; nothing passes it.

mod checkpoint;
mod event;
mod pattern;
mod tracker;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use aws_sdk_dynamodbstreams::{
    Client,
    config::{BehaviorVersion, Region},
    types::{Record, ShardIteratorType},
};
use bytes::Bytes;
use serde_json::{Value, json};
use shared::lambda::{Invoke, InvokeError};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

pub use checkpoint::Checkpoints;
pub(crate) use event::record as event;
pub use pattern::{Pattern, PatternError};

use crate::embedded_store::{Engine, signing, stopped};
use tracker::Tracker;

/// The least time from one look at a stream to the next: what is written meanwhile is read together.
const GAP: Duration = Duration::from_millis(50);

/// How often a stream is looked at when nobody says that something was written.
const IDLE: Duration = Duration::from_secs(30);

/// How often a stream that was found is looked for again: its shards change seldom, and to describe one can cost as much
/// as it holds records.
const DESCRIBED_EVERY: Duration = Duration::from_secs(60);

/// The pause before a failed batch goes out again: it doubles, up to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Records that may wait for their lane; the stream is read on as long as no lane has more.
const AHEAD: usize = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One stream consumer.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Crate name of the function.
    pub function: String,
    /// Local name of the table.
    pub table: String,
    /// A record passes when one of them matches, or when there are none.
    pub filters: Vec<Pattern>,
    /// Most records of one invocation.
    pub batch_size: usize,
    /// Batches of one shard that are under way at a time; records of one partition key stay in order.
    pub parallel: usize,
    /// How often a failed batch is sent again; `None` means until it succeeds.
    pub most_retries: Option<u32>,
    /// Whether the function says which records failed.
    pub reports_items: bool,
}

impl Mapping {
    /// Whether a record, as Lambda hands it on, is one for the function.
    #[must_use]
    pub fn passes(&self, event: &Value) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(event))
    }
}

/// Reads one mapping's stream until stopped.
struct Poller {
    mapping: Mapping,
    client: Client,
    tracker: Tracker,
    lanes: Vec<mpsc::Sender<(u64, Value)>>,
    /// The shards that were found, and when.
    shards: Vec<Shard>,
    described_at: Option<Instant>,
    /// Says when something was written.
    writes: watch::Receiver<()>,
}

/// A shard that is read.
struct Shard {
    stream: String,
    id: String,
    /// Where the next records are; `None` when it is to be asked for.
    iterator: Option<String>,
    /// The last record that was read; the checkpoints follow when what was read is done.
    read: Option<String>,
}

/// Hands batches to the function, those of one lane after another.
#[derive(Clone)]
struct Deliverer {
    mapping: Mapping,
    invoke: Invoke,
    tracker: Tracker,
}

/// Starts a mapping over a store, until `stop` says so.
pub fn run(
    mapping: Mapping,
    store: &Engine,
    checkpoints: Checkpoints,
    invoke: Invoke,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (client, writes) = (client(store), store.writes());
    tokio::spawn(async move {
        let tracker = Tracker::new(mapping.function.clone(), checkpoints);
        let deliverer = Deliverer { mapping: mapping.clone(), invoke, tracker: tracker.clone() };
        // they end with this task
        let mut tasks = JoinSet::new();
        let lanes = (0..mapping.parallel.max(1)).map(|_| {
            let (sender, receiver) = mpsc::channel(AHEAD);
            tasks.spawn(deliverer.clone().run(receiver));
            sender
        });
        let lanes = lanes.collect();
        let mut poller = Poller { lanes, mapping, client, tracker, shards: Vec::new(), described_at: None, writes };
        tokio::select! {
            () = stopped(stop) => {}
            () = poller.run() => {}
        }
    })
}

fn client(store: &Engine) -> Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Engine::in_process(&[store]))
        .region(Region::new("us-east-1"))
        .credentials_provider(signing(&store.credentials))
        .endpoint_url(&*store.endpoint);
    Client::from_conf(config.build())
}

impl Poller {
    async fn run(&mut self) {
        loop {
            let soonest = Instant::now() + GAP;
            self.writes.mark_unchanged();
            match self.pass().await {
                Ok(()) => {
                    let _ = tokio::time::timeout(IDLE, self.writes.changed()).await;
                    tokio::time::sleep_until(soonest).await;
                }
                Err(cause) => {
                    let cause = aws_sdk_dynamodbstreams::error::DisplayErrorContext(&*cause).to_string();
                    tracing::error!(function = self.mapping.function, cause, "stream not read");
                    tokio::time::sleep(BACKOFF.1).await;
                }
            }
        }
    }

    /// Reads what is new in every shard.
    async fn pass(&mut self) -> Result<(), Failure> {
        if self.described_at.is_none_or(|at| at.elapsed() >= DESCRIBED_EVERY) || self.shards.is_empty() {
            self.describe().await?;
        }
        for position in 0..self.shards.len() {
            self.read(position).await?;
        }
        Ok(())
    }

    /// Finds the table's shards; those that are known keep their place.
    async fn describe(&mut self) -> Result<(), Failure> {
        let mut found = Vec::new();
        let streams = self.client.list_streams().table_name(&self.mapping.table).send().await?;
        for stream in streams.streams().iter().filter_map(|stream| stream.stream_arn()) {
            let described = self.client.describe_stream().stream_arn(stream).send().await?;
            let shards = described.stream_description().map(|description| description.shards()).unwrap_or_default();
            for id in shards.iter().filter_map(|shard| shard.shard_id()) {
                let known = self.shards.iter().position(|shard| shard.stream == stream && shard.id == id);
                found.push(match known {
                    Some(position) => self.shards.swap_remove(position),
                    None => Shard { stream: stream.to_owned(), id: id.to_owned(), iterator: None, read: None },
                });
            }
        }
        self.shards = found;
        self.described_at = Some(Instant::now());
        Ok(())
    }

    /// Reads a shard from where it was read to its present end.
    async fn read(&mut self, position: usize) -> Result<(), Failure> {
        loop {
            let Some(shard) = self.shards.get_mut(position) else { return Ok(()) };
            let iterator = match shard.iterator.take() {
                Some(iterator) => iterator,
                None => self.iterator(position).await?,
            };
            // an iterator that is refused, because it is too old, is asked for again at the next pass
            let answer = self.client.get_records().shard_iterator(iterator).send().await?;
            self.hand_on(position, answer.records()).await?;
            let Some(shard) = self.shards.get_mut(position) else { return Ok(()) };
            shard.iterator = answer.next_shard_iterator;
            if answer.records.is_none_or(|records| records.is_empty()) {
                return Ok(());
            }
        }
    }

    async fn iterator(&self, position: usize) -> Result<String, Failure> {
        let shard = self.shards.get(position).ok_or("no such shard")?;
        let call = self.client.get_shard_iterator().stream_arn(&shard.stream).shard_id(&shard.id);
        let start = || call.clone().shard_iterator_type(ShardIteratorType::TrimHorizon);
        let call = match shard.read.clone().or_else(|| self.tracker.reached(&shard.id)) {
            None => start(),
            Some(number) => {
                call.clone().shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(number)
            }
        };
        let answer = match call.send().await {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_trimmed_data_access_exception()) => {
                start().send().await?
            }
            answered => answered?,
        };
        answer.shard_iterator.ok_or_else(|| "no shard iterator".into())
    }

    /// Hands records to the lanes of their partition keys.
    async fn hand_on(&mut self, position: usize, records: &[Record]) -> Result<(), Failure> {
        let mut skipped = Vec::new();
        for record in records {
            let shard = self.shards.get(position).ok_or("no such shard")?;
            let event = event::record(record, &shard.stream);
            let Some(number) = event::sequence_number(record) else { continue };
            let passes = self.mapping.passes(&event);
            let ticket = self.tracker.begin(&shard.id, number);
            if passes {
                let lane = self.lanes.get(lane_of(&event, self.lanes.len())).ok_or("no lane")?;
                lane.send((ticket, event)).await?;
            } else {
                skipped.push(ticket);
            }
            if let Some(shard) = self.shards.get_mut(position) {
                shard.read = Some(number.to_owned());
            }
        }
        // one checkpoint for all of them
        if skipped.is_empty() { Ok(()) } else { Ok(self.tracker.pass_over(&skipped)?) }
    }
}

/// The lane of a record: always the same for the same partition key.
fn lane_of(event: &Value, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    event.pointer("/dynamodb/Keys/pk").map(Value::to_string).hash(&mut hasher);
    usize::try_from(hasher.finish() % (lanes.max(1) as u64)).unwrap_or(0)
}

impl Deliverer {
    async fn run(self, mut records: mpsc::Receiver<(u64, Value)>) {
        while let Some(first) = records.recv().await {
            let mut batch = vec![first];
            while batch.len() < self.mapping.batch_size.max(1)
                && let Ok(next) = records.try_recv()
            {
                batch.push(next);
            }
            let (tickets, events): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            self.deliver(events).await;
            if let Err(cause) = self.tracker.finish(&tickets) {
                tracing::error!(function = self.mapping.function, %cause, "checkpoint not written");
            }
        }
    }

    /// Sends one batch until it succeeds or its retries are used up.
    async fn deliver(&self, mut records: Vec<Value>) {
        let mut pause = BACKOFF.0;
        let mut retries = 0;
        while !records.is_empty() {
            let cause = match self.send(&mut records).await {
                Ok(()) => return,
                Err(cause) => cause,
            };
            if self.mapping.most_retries.is_some_and(|most| retries >= most) {
                let (function, count) = (&self.mapping.function, records.len());
                tracing::error!(target: "dead_letter", function, records = count, attempts = retries + 1, %cause, "batch given up");
                return;
            }
            tracing::warn!(function = self.mapping.function, %cause, "batch failed, sent again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
            retries += 1;
        }
    }

    /// Invokes the function; what it reports as done leaves the batch.
    async fn send(&self, records: &mut Vec<Value>) -> Result<(), InvokeError> {
        let answer = (self.invoke)(Bytes::from(json!({"Records": records}).to_string())).await?;
        let answer = answer.whole().unwrap_or_default();
        if !self.mapping.reports_items {
            return Ok(());
        }
        match first_failed(&answer, records)? {
            None => Ok(()),
            Some(position) => {
                records.drain(..position);
                Err(InvokeError::failed("function reported failed records"))
            }
        }
    }
}

/// The position of the first record that the function reports as failed, from which the batch is sent again.
fn first_failed(answer: &[u8], records: &[Value]) -> Result<Option<usize>, InvokeError> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let Some(failures) = answer.get("batchItemFailures").and_then(Value::as_array) else { return Ok(None) };
    let mut first = None;
    for failure in failures {
        let number = failure.get("itemIdentifier");
        let position = records.iter().position(|record| record.pointer("/dynamodb/SequenceNumber") == number);
        // Lambda takes an unknown record for a failure of the whole batch
        let position =
            position.ok_or_else(|| InvokeError::failed("function reported a record that it was not sent"))?;
        first = Some(first.map_or(position, |first: usize| first.min(position)));
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
