//! A placement check at work: one poll of all mailboxes that have no mail yet, then a pause (outsend 7.4, 12.16).

use std::{sync::Arc, time::Duration};

use engine_types::{Seed, Seen};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::wanted::{Arrival, Unread, Wanted};
use crate::{
    BoxFuture, Means, Row,
    module::{Fault, Level, Line, Network, Run, Spec, Step, Watch},
    services::Services,
};

/// From one poll to the next.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long mail is waited for after the job's start.
const WHOLE: Duration = Duration::from_mins(15);
/// The shortest pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// The column that says whether mail was received, of those of a row.
const STATUS: usize = 2;

/// A placement check.
struct Check {
    network: Arc<dyn Network>,
    services: Arc<Services>,
    wanted: Wanted,
    watch: Watch,
    /// Items that are committed already: those that were given up.
    done: u64,
    over: bool,
}

/// Builds a run of a placement check.
pub(crate) fn start(spec: &Spec, means: Means) -> Result<Box<dyn Run>, Fault> {
    let text = |name: &str| spec.options.get(name).and_then(Value::as_str).unwrap_or_default();
    let wanted = Wanted::new(text("domain"), text("subject_filter"), spec.watch.started)
        .ok_or_else(|| Fault::Internal("the domain of a placement check is none".to_owned()))?;
    let watch = spec.watch.clone();
    let done = spec.done;
    Ok(Box::new(Check { network: means.network, services: means.services, wanted, watch, done, over: false }))
}

/// The row of a mailbox without mail.
fn pending(seed: &Seed) -> Seen {
    Seen { row: vec![json!(seed.email), json!(seed.kind), json!(""), json!(""), json!(""), json!("")], told: false }
}

/// The row of a mailbox that has mail.
fn received(row: &Row, arrival: &Arrival, started: i64) -> Row {
    let minutes = arrival.at.saturating_sub(started).max(0) / 60;
    let relative = if minutes == 0 { "< 1 min".to_owned() } else { format!("{minutes} min") };
    let found = ["received".to_owned(), arrival.placement.text(), arrival.line(), relative];
    row.iter().take(STATUS).cloned().chain(found.map(Value::from)).collect()
}

fn is_pending(seen: &Seen) -> bool {
    seen.row.get(STATUS).is_some_and(|status| status == "")
}

impl Check {
    /// What the mailbox of a row has.
    async fn look(&self, seen: &Seen) -> Result<Option<Arrival>, Unread> {
        let email = seen.row.first().and_then(Value::as_str).unwrap_or_default();
        match self.services.seeds.iter().find(|seed| seed.email == email) {
            Some(seed) => self.network.mailbox(seed, &self.wanted).await,
            None => Err(Unread::Unknown),
        }
    }

    /// Looks into all mailboxes that have no mail yet, side by side: there are few, and a slow one holds nobody up.
    async fn poll(&mut self) -> Step {
        let began = Instant::now();
        let looked = join_all(
            self.watch
                .seen
                .iter()
                .map(|seen| async { if is_pending(seen) { Some(self.look(seen).await) } else { None } }),
        );
        let looked = looked.await;
        let mut step = Step::default();
        for (seen, looked) in self.watch.seen.iter_mut().zip(looked) {
            let Some(looked) = looked else { continue };
            step.attempts += 1;
            match looked {
                Ok(None) => {}
                Ok(Some(arrival)) => seen.row = received(&seen.row, &arrival, self.watch.started),
                Err(unread) => {
                    step.failed += 1;
                    if !std::mem::replace(&mut seen.told, true) {
                        let email = seen.row.first().and_then(Value::as_str).unwrap_or_default();
                        let message = format!("Mailbox {email} was not looked into: {unread}.");
                        step.log.push(Line { level: Level::Warn, message });
                    }
                }
            }
        }
        let lasted = Duration::from_secs(self.watch.now.saturating_sub(self.watch.started).max(0).unsigned_abs());
        let left = WHOLE.saturating_sub(lasted + began.elapsed());
        if left.is_zero() || !self.watch.seen.iter().any(is_pending) {
            step.rows = self.watch.seen.iter().map(|seen| seen.row.clone()).collect();
            step.items = (step.rows.len() as u64).saturating_sub(self.done);
            step.ends = true;
            self.over = true;
        } else {
            // it counts as failed only if it is at the end
            step.failed = 0;
            step.again_after = Some(INTERVAL.saturating_sub(began.elapsed()).min(left).max(SHORTEST));
        }
        step.seen = Some(self.watch.seen.clone());
        step
    }

    async fn next(&mut self) -> Result<Option<Step>, Fault> {
        if self.over {
            return Ok(None);
        }
        if self.watch.seen.is_empty() {
            if self.services.seeds.is_empty() {
                return Err(Fault::Failed("Module delivery_check is not available.".to_owned()));
            }
            self.watch.seen = self.services.seeds.iter().map(pending).collect();
            return Ok(Some(Step { seen: Some(self.watch.seen.clone()), ..Step::default() }));
        }
        Ok(Some(self.poll().await))
    }
}

impl Run for Check {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(self.next())
    }
}

#[cfg(test)]
mod tests;
