//! Dead letters that are handed over again. A letter goes when its function took what it was about, and stays otherwise; what
//! comes twice is safe.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    Deployment, QUEUES,
    letters::{Batch, Letter, Matter},
    logical, refused,
};
use crate::{
    cloud::CloudError,
    doctor::{Finding, directory::count},
    streams,
};

/// The function whose sweep takes up what the tables hold and nobody did.
const SWEEPER: &str = "BackgroundWork";
/// How its sweep is asked for.
const SWEEP: &str = "{}";

/// What became of a letter.
enum Outcome {
    /// Its function took it: it may go.
    Done(String),
    /// The stream has the records no longer, and a sweep was run in their place.
    Swept(String),
    /// It stays, for this cause.
    Kept { cause: String, remedy: &'static str },
}

impl Deployment {
    /// Hands over what waits in the queues of what was missed, letter by letter.
    pub async fn put_back(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for logical in QUEUES {
            match self.physical("dead letters", logical) {
                Err(missing) => findings.push(missing),
                Ok(queue) => findings.extend(self.put_back_from(logical, queue).await),
            }
        }
        findings
    }

    async fn put_back_from(&self, logical: &str, queue: &str) -> Vec<Finding> {
        let (mut findings, mut kept, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        loop {
            let letter = match self.cloud.take(queue, 1).await {
                Ok(taken) => taken.first().map(Letter::read),
                Err(error) => {
                    findings.push(refused("dead letters", logical, &error));
                    None
                }
            };
            // one that comes again is of a run that took as long as letters are out
            let Some(letter) = letter.filter(|letter| seen.insert(letter.id.clone())) else { break };
            let place = format!("{logical}, {}", letter.id);
            let done = match self.hand_over(&letter).await {
                Outcome::Done(text) => Finding::ok("dead letter", place, text),
                Outcome::Swept(text) => {
                    let remedy = "nothing: the sweep took up what the tables hold of it";
                    Finding::warning("dead letter", place, text, remedy)
                }
                Outcome::Kept { cause, remedy } => {
                    findings.push(Finding::problem("dead letter", place, cause, remedy));
                    kept.push(letter.receipt);
                    continue;
                }
            };
            findings.push(match self.cloud.remove(queue, &letter.receipt).await {
                Ok(()) => done,
                Err(error) => refused("dead letter", &done.place, &error),
            });
        }
        for receipt in kept {
            if let Err(error) = self.cloud.give_back(queue, &receipt).await {
                findings.push(refused("dead letters", logical, &error));
            }
        }
        if findings.is_empty() {
            findings.push(Finding::ok("dead letters", logical, "none"));
        }
        findings
    }

    async fn hand_over(&self, letter: &Letter) -> Outcome {
        let unknown = |cause: String| Outcome::Kept {
            cause,
            remedy: "look at it (aws sqs receive-message); aws sqs purge-queue empties the queue",
        };
        let Some(function) = self.function(&letter.function) else {
            return unknown(format!("{}, for no function of this stack", letter.shown()));
        };
        let handed = match &letter.matter {
            Matter::Unknown => return unknown(letter.shown()),
            Matter::Tick { event, .. } => self.cloud.invoke(&letter.function, event.clone()).await.map(|_| None),
            Matter::Batch(batch) => self.hand_over_batch(function, &letter.function, batch).await,
        };
        match handed {
            Ok(None) => Outcome::Done(format!("{}, handed to {function}", letter.shown())),
            Ok(Some(swept)) => Outcome::Swept(format!("{}: {swept}", letter.shown())),
            Err(error) => Outcome::Kept {
                cause: format!("{}, for {function}: {error}", letter.shown()),
                remedy: "the function's log says why (cause); mend it, and put the letter back again",
            },
        }
    }

    /// Reads records of the stream again and hands them to the function, as its mapping does. Of those that the stream
    /// has no longer it tells, after a sweep did what the tables still ask for.
    async fn hand_over_batch(
        &self,
        function: &str,
        physical: &str,
        batch: &Batch,
    ) -> Result<Option<String>, CloudError> {
        let range = (batch.first.as_str(), batch.last.as_str());
        let Some(records) = self.cloud.records((&batch.stream, &batch.shard), range).await? else {
            self.sweep().await?;
            return Ok(Some(format!("the stream has them no longer, and the sweep of {SWEEPER} was run instead")));
        };
        let events: Vec<_> = records.iter().map(|record| streams::event(record, &batch.stream)).collect();
        let mapping = self.background.mappings.iter().find(|mapping| logical(&mapping.function) == function);
        let passing: Vec<_> =
            events.into_iter().filter(|event| mapping.is_none_or(|mapping| mapping.passes(event))).collect();
        for part in passing.chunks(mapping.map_or(1, |mapping| mapping.batch_size.max(1))) {
            let answer = self.cloud.invoke(physical, json!({"Records": part}).to_string()).await?;
            let told: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let failed = told.get("batchItemFailures").and_then(Value::as_array).map_or(0, Vec::len);
            if failed > 0 {
                return Err(CloudError::of("Invoke", format!("it failed on {}", count(failed, "record"))));
            }
        }
        Ok(None)
    }

    async fn sweep(&self) -> Result<(), CloudError> {
        let Ok(sweeper) = self.physical("function", SWEEPER) else {
            return Err(CloudError::of("Invoke", format!("the stack has no {SWEEPER}")));
        };
        self.cloud.invoke(sweeper, SWEEP.to_owned()).await.map(drop)
    }
}
