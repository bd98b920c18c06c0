//! Stream mappings: each table's stream is read in order, filtered by the template's patterns, and
//! handed to its functions in batches. A batch that fails is sent again; nothing passes it.

mod checkpoint;
mod event;
mod pattern;
mod tracker;

use std::{
    collections::HashMap,
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
use shared::{
    config::Credentials,
    lambda::{Invoke, InvokeError},
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};

pub use checkpoint::Checkpoints;
pub use pattern::{Pattern, PatternError};

use crate::embedded_store::{signing, stopped};
use tracker::Tracker;

/// How often an idle stream is looked at.
const IDLE: Duration = Duration::from_millis(200);

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

/// Reads one mapping's stream until stopped.
struct Poller {
    mapping: Mapping,
    client: Client,
    tracker: Tracker,
    lanes: Vec<mpsc::Sender<(u64, Value)>>,
    /// How far each shard was read; the checkpoints follow when what was read is done.
    read: HashMap<String, String>,
}

/// Hands batches to the function, those of one lane after another.
#[derive(Clone)]
struct Deliverer {
    mapping: Mapping,
    invoke: Invoke,
    tracker: Tracker,
}

/// Starts a mapping over the store at a place, for who has the credentials, until `stop` says so.
pub fn run(
    mapping: Mapping,
    (endpoint, credentials): (&str, &Credentials),
    checkpoints: Checkpoints,
    invoke: Invoke,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let client = client(endpoint, credentials);
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
        let mut poller = Poller { lanes: lanes.collect(), mapping, client, tracker, read: HashMap::new() };
        tokio::select! {
            () = stopped(stop) => {}
            () = poller.run() => {}
        }
    })
}

fn client(endpoint: &str, credentials: &Credentials) -> Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(signing(credentials))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

impl Poller {
    async fn run(&mut self) {
        loop {
            match self.pass().await {
                Ok(0) => tokio::time::sleep(IDLE).await,
                Ok(_) => {}
                Err(cause) => {
                    let cause = aws_sdk_dynamodbstreams::error::DisplayErrorContext(&*cause).to_string();
                    tracing::warn!(function = self.mapping.function, cause, "stream not read");
                    tokio::time::sleep(BACKOFF.1).await;
                }
            }
        }
    }

    /// Reads what is new in every shard; the number of records that were seen.
    async fn pass(&mut self) -> Result<usize, Failure> {
        let mut seen = 0;
        let streams = self.client.list_streams().table_name(&self.mapping.table).send().await?;
        for stream in streams.streams().iter().filter_map(|stream| stream.stream_arn()) {
            let described = self.client.describe_stream().stream_arn(stream).send().await?;
            let shards = described.stream_description().map(|description| description.shards()).unwrap_or_default();
            for shard in shards.iter().filter_map(|shard| shard.shard_id()) {
                seen += self.read(stream, shard).await?;
            }
        }
        Ok(seen)
    }

    /// Reads a shard from where it was read to its present end.
    async fn read(&mut self, stream: &str, shard: &str) -> Result<usize, Failure> {
        let mut iterator = Some(self.iterator(stream, shard).await?);
        let mut seen = 0;
        while let Some(position) = iterator {
            let answer = self.client.get_records().shard_iterator(position).send().await?;
            if answer.records().is_empty() {
                break;
            }
            seen += answer.records().len();
            self.hand_on(stream, shard, answer.records()).await?;
            iterator = answer.next_shard_iterator;
        }
        Ok(seen)
    }

    async fn iterator(&self, stream: &str, shard: &str) -> Result<String, Failure> {
        let call = self.client.get_shard_iterator().stream_arn(stream).shard_id(shard);
        let start = || call.clone().shard_iterator_type(ShardIteratorType::TrimHorizon);
        let call = match self.read.get(shard).cloned().or_else(|| self.tracker.reached(shard)) {
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
    async fn hand_on(&mut self, stream: &str, shard: &str, records: &[Record]) -> Result<(), Failure> {
        for record in records {
            let event = event::record(record, stream);
            let Some(number) = event::sequence_number(record) else { continue };
            let passes = self.passes(&event);
            let ticket = self.tracker.begin(shard, number);
            if passes {
                let lane = self.lanes.get(lane_of(&event, self.lanes.len())).ok_or("no lane")?;
                lane.send((ticket, event)).await?;
            } else {
                self.tracker.finish(&[ticket])?;
            }
            self.read.insert(shard.to_owned(), number.to_owned());
        }
        Ok(())
    }

    fn passes(&self, event: &Value) -> bool {
        self.mapping.filters.is_empty() || self.mapping.filters.iter().any(|filter| filter.matches(event))
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
