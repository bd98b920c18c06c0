//! The scheduler: fires functions by the template's expressions, on the local system's clock.

mod expression;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use shared::{
    clock::Clock,
    lambda::{Invoke, InvokeError},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{sync::watch, task::JoinHandle};

pub use expression::{Expression, ExpressionError};

use crate::embedded_store::stopped;

/// How often the clock is looked at, since it may be moved forward at any time.
const TICK: Duration = Duration::from_millis(200);

/// An invocation that fails is tried twice more, as Lambda does (there after one and two minutes).
const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// One schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Resource and event in the template.
    pub name: String,
    /// Crate name of the function.
    pub function: String,
    /// When it fires.
    pub expression: Expression,
    /// What the function gets in place of the scheduled event.
    pub input: Option<String>,
}

/// Why a schedule cannot be fired by hand.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// No schedule names the function.
    #[error("no schedule fires {0}")]
    Unknown(String),
    /// The function failed each time.
    #[error("scheduled function failed: {0}")]
    Failed(#[from] InvokeError),
}

/// Fires schedules. Clones share them.
#[derive(Clone, Debug)]
pub struct Scheduler(Arc<Inner>);

struct Inner {
    schedules: Vec<Schedule>,
    invokers: HashMap<String, Invoke>,
    clock: Clock,
    retries: [Duration; 2],
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scheduler").field("schedules", &self.schedules).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// A scheduler of functions by crate name. It fires nothing until [`Self::run`].
    #[must_use]
    pub fn new(schedules: Vec<Schedule>, invokers: HashMap<String, Invoke>, clock: Clock) -> Self {
        Self(Arc::new(Inner { schedules, invokers, clock, retries: RETRIES }))
    }

    /// The time by which it fires.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }

    /// The schedules' names and functions, each function once: what [`Self::fire`] takes.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str)> {
        let schedules = &self.0.schedules;
        let first = |at: usize, function: &str| schedules.iter().position(|one| one.function == function) == Some(at);
        let named = schedules.iter().enumerate().filter(move |(at, schedule)| first(*at, &schedule.function));
        named.map(|(_, schedule)| (&*schedule.name, &*schedule.function))
    }

    /// Fires schedules as they come due, until `stop` says so.
    pub fn run(&self, stop: watch::Receiver<bool>) -> JoinHandle<()> {
        let scheduler = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped(stop) => {}
                () = scheduler.watch() => {}
            }
        })
    }

    /// Fires the first schedule of `function` now and waits for the outcome.
    ///
    /// # Errors
    /// When there is none, or the function failed.
    pub async fn fire(&self, function: &str) -> Result<(), FireError> {
        let schedule = self.0.schedules.iter().find(|schedule| schedule.function == function);
        let schedule = schedule.ok_or_else(|| FireError::Unknown(function.to_owned()))?;
        Ok(self.deliver(schedule, self.0.clock.now()).await?)
    }

    async fn watch(&self) {
        let started = self.0.clock.now();
        let mut due: Vec<_> = self.0.schedules.iter().map(|schedule| schedule.expression.next(started)).collect();
        loop {
            tokio::time::sleep(TICK).await;
            let now = self.0.clock.now();
            for (position, due) in due.iter_mut().enumerate() {
                let Some(at) = due.filter(|at| *at <= now) else { continue };
                let Some(schedule) = self.0.schedules.get(position) else { continue };
                // a clock that jumped over several times fires once, as a late scheduler does
                *due = schedule.expression.next(now);
                let (scheduler, schedule) = (self.clone(), schedule.clone());
                tokio::spawn(async move { scheduler.deliver(&schedule, at).await });
            }
        }
    }

    /// One event, tried again when the function fails; what fails for good is logged as a dead letter.
    async fn deliver(&self, schedule: &Schedule, at: OffsetDateTime) -> Result<(), InvokeError> {
        let event = event(schedule, at);
        let mut outcome = self.invoke(schedule, &event).await;
        for pause in self.0.retries {
            if outcome.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            outcome = self.invoke(schedule, &event).await;
        }
        outcome.inspect_err(|cause| {
            let attempts = self.0.retries.len() + 1;
            tracing::error!(target: "dead_letter", schedule = schedule.name, function = schedule.function, attempts, %cause, "event given up");
        })
    }

    async fn invoke(&self, schedule: &Schedule, event: &Bytes) -> Result<(), InvokeError> {
        let invoke = self.0.invokers.get(&schedule.function);
        let invoke = invoke.ok_or_else(|| InvokeError::Failed(format!("no function {}", schedule.function)))?;
        invoke(event.clone()).await.map(drop)
    }
}

/// What EventBridge sends.
fn event(schedule: &Schedule, at: OffsetDateTime) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    let at = at.replace_nanosecond(0).unwrap_or(at);
    let event = json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": at.format(&Rfc3339).unwrap_or_default(),
        "region": "us-east-1",
        "resources": [format!("arn:aws:events:us-east-1:000000000000:rule/{}", schedule.name)],
        "detail": {},
    });
    Bytes::from(event.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    };

    use shared::lambda::Reply;

    use super::*;

    type Seen = Arc<Mutex<Vec<Bytes>>>;

    /// A function that fails its first `failures` invocations and keeps every event.
    fn scheduler(expression: &str, failures: usize) -> (Scheduler, Seen, Arc<AtomicI64>) {
        let seen = Seen::default();
        let kept = Arc::clone(&seen);
        let invoke: Invoke = Arc::new(move |event| {
            let kept = Arc::clone(&kept);
            Box::pin(async move {
                let mut kept = kept.lock().unwrap();
                kept.push(event);
                if kept.len() > failures { Ok(Reply::Whole(Bytes::new())) } else { Err(InvokeError::failed("not yet")) }
            })
        });
        let schedule = Schedule {
            name: "WorkItem.Minute".to_owned(),
            function: "work".to_owned(),
            expression: Expression::parse(expression).unwrap(),
            input: None,
        };
        let offset = Arc::new(AtomicI64::new(0));
        let clock = Clock::shared_offset(Arc::clone(&offset));
        let invokers = HashMap::from([("work".to_owned(), invoke)]);
        let retries = [Duration::from_millis(1); 2];
        (Scheduler(Arc::new(Inner { schedules: vec![schedule], invokers, clock, retries })), seen, offset)
    }

    #[tokio::test]
    async fn a_schedule_fires_when_the_clock_reaches_it() {
        let (scheduler, seen, offset) = scheduler("rate(1 hour)", 0);
        let (stop, stop_signal) = watch::channel(false);
        let running = scheduler.run(stop_signal);
        tokio::time::sleep(TICK * 2).await;
        assert_eq!(seen.lock().unwrap().len(), 0);
        offset.fetch_add(3 * 3_600_000, Ordering::Relaxed);
        tokio::time::sleep(TICK * 3).await;
        assert_eq!(seen.lock().unwrap().len(), 1, "a jump over three times fires once");
        let event: serde_json::Value = serde_json::from_slice(&seen.lock().unwrap()[0]).unwrap();
        assert_eq!(event["detail-type"], "Scheduled Event");
        stop.send(true).unwrap();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_is_tried_twice_more() {
        let (scheduler, seen, _) = scheduler("rate(1 hour)", 2);
        scheduler.fire("work").await.unwrap();
        assert_eq!(seen.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_lasting_failure_is_given_up() {
        let (scheduler, seen, _) = scheduler("rate(1 hour)", 9);
        assert!(matches!(scheduler.fire("work").await, Err(FireError::Failed(_))));
        assert_eq!(seen.lock().unwrap().len(), 3);
        assert!(matches!(scheduler.fire("other").await, Err(FireError::Unknown(_))));
    }
}
