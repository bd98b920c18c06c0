//! Rows that are worked on ahead of what is committed: many at a time, handed over in their order (outsend 7.4).
//!
//! What a step hands over are the next rows that are done, so that what is committed is always a beginning of the job.
//! Rows further on are worked on meanwhile; a process that dies loses those, and no row that was committed.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    BoxFuture, Row,
    columns::{self, rows::Rows},
    module::{Fault, Input, Level, Line, MAX_BYTES, MAX_ROWS, Run, Spec, Step, size},
    web::Missed,
};

/// Rows in a row for which nobody could be asked, after which a job fails (outsend 7.4 rule 6).
pub(crate) const HOPELESS: u64 = 20;
/// Rows that are held, from the first that is not committed.
const WINDOW: usize = 240;

/// What became of a row.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// For each output row the module's own cells, in their order.
    pub(crate) own: Vec<Vec<Value>>,
    /// Why it counts as failed, as the log says it.
    pub(crate) failed: Option<String>,
    /// Whether the service that all rows need was not there, or wanted nothing to do with us (outsend 7.4 rule 6).
    pub(crate) refused: bool,
    /// Requests that were made for it.
    pub(crate) requests: u64,
    /// What `breakdown` counts: group and key.
    pub(crate) counts: Vec<(&'static str, &'static str)>,
}

/// Why the work on a row stops.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What was asked for is not there.
    Missed(Missed),
    /// The work has not begun and will not: the run is closing.
    PutBack,
    /// Something of ours failed.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What works on the rows of a run, on several at a time.
pub(crate) trait Worker: Send + Sync + 'static {
    /// Rows that it works on at a time.
    fn at_once(&self) -> usize;

    /// How long a step gathers rows: a commit for each would cost more than its work.
    fn gather(&self) -> Duration;

    /// How long after its begin the run begins rows: what takes long is to end within the slice.
    fn begins_for(&self) -> Duration {
        Duration::MAX
    }

    /// What only one row at a time may use, by name; empty when there is nothing.
    fn key(&self, _: &[Value]) -> String {
        String::new()
    }

    /// Works on a row; `None` when it was not begun because the run is closing.
    fn work(self: Arc<Self>, item: u64, row: Arc<Row>) -> BoxFuture<'static, Result<Option<Done>, Fault>>;

    /// The slice's time is over: nothing new is begun.
    fn close(&self) {}

    /// Nothing is under way: what was kept for the next row is given back.
    fn rest(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}

/// Where an output cell comes from.
#[derive(Clone, Copy)]
enum Cell {
    Input(usize),
    Own(usize),
}

/// A row on its way.
struct Slot {
    row: Arc<Row>,
    state: State,
}

enum State {
    /// It was not begun.
    Waiting,
    Working,
    Done(Done),
}

/// What came to its end: the item, what it used, and what became of it.
type Landed = (u64, String, Result<Option<Done>, Fault>);

/// A run over rows.
pub(crate) struct Ahead<W> {
    worker: Arc<W>,
    cells: Vec<Cell>,
    rows: Rows,
    /// The item of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    works: FuturesUnordered<BoxFuture<'static, Landed>>,
    /// What is used now: the next row that needs the same waits.
    busy: HashSet<String>,
    ended: bool,
    closing: bool,
    began: Instant,
    /// Rows at the end of what is done, in a row, for which nobody could be asked.
    refused: u64,
    /// What the log says before the first row.
    notes: Vec<Line>,
}

impl<W: Worker> Ahead<W> {
    pub(crate) fn new(spec: &Spec, input: Arc<dyn Input>, worker: Arc<W>) -> Self {
        let columns = input.columns();
        let own = columns::own(spec.module, &spec.options);
        let cells = columns::output(spec.module, &spec.options, columns)
            .iter()
            .map(|name| match own.iter().position(|own| own == name) {
                Some(index) => Cell::Own(index),
                None => Cell::Input(columns::carried(name, columns).unwrap_or(usize::MAX)),
            })
            .collect();
        let end = spec.planned.unwrap_or_else(|| input.rows());
        Self {
            worker,
            cells,
            rows: Rows::new(input, spec.done, end),
            first: spec.done,
            slots: VecDeque::new(),
            works: FuturesUnordered::new(),
            busy: HashSet::new(),
            ended: false,
            closing: false,
            began: Instant::now(),
            refused: spec.refused,
            notes: Vec::new(),
        }
    }

    /// With lines for the log, which the first step has.
    pub(crate) fn noting(mut self, notes: Vec<Line>) -> Self {
        if self.first == 0 {
            self.notes = notes;
        }
        self
    }

    fn is_late(&self) -> bool {
        self.began.elapsed() >= self.worker.begins_for()
    }

    /// Reads rows ahead, and begins what can be begun.
    async fn begin(&mut self) -> Result<(), Fault> {
        if self.closing || self.is_late() {
            return Ok(());
        }
        while self.slots.len() < WINDOW && !self.ended {
            match self.rows.next().await? {
                Some(row) => self.slots.push_back(Slot { row: Arc::new(row), state: State::Waiting }),
                None => self.ended = true,
            }
        }
        for index in 0..self.slots.len() {
            if self.works.len() >= self.worker.at_once() {
                break;
            }
            let Some(slot) = self.slots.get_mut(index).filter(|slot| matches!(slot.state, State::Waiting)) else {
                continue;
            };
            let key = self.worker.key(&slot.row);
            if !key.is_empty() && !self.busy.insert(key.clone()) {
                continue;
            }
            slot.state = State::Working;
            let item = self.first + index as u64;
            let work = Arc::clone(&self.worker).work(item, Arc::clone(&slot.row));
            self.works.push(Box::pin(async move { (item, key, work.await) }));
        }
        Ok(())
    }

    fn land(&mut self, (item, key, done): Landed) -> Result<(), Fault> {
        self.busy.remove(&key);
        let index = usize::try_from(item.saturating_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(slot) = self.slots.get_mut(index) {
            slot.state = done?.map_or(State::Waiting, State::Done);
        }
        Ok(())
    }

    /// The rows that the first item makes, when it is done.
    fn ready(&self) -> Option<usize> {
        match &self.slots.front()?.state {
            State::Done(done) => Some(done.own.len()),
            _ => None,
        }
    }

    /// The rows at the front that are done.
    fn harvest(&mut self) -> Step {
        let (mut step, mut bytes) = (Step::default(), 0);
        while let Some(more) = self.ready()
            && bytes < MAX_BYTES
            && (step.items == 0 || step.rows.len() + more <= MAX_ROWS)
        {
            let Some(Slot { row, state: State::Done(done) }) = self.slots.pop_front() else { break };
            self.first += 1;
            step.items += 1;
            step.attempts += done.requests;
            if done.refused {
                self.refused += 1;
            } else if done.requests > 0 {
                self.refused = 0;
            }
            if let Some(why) = done.failed {
                step.failed += 1;
                step.log.push(Line { level: Level::Warn, message: format!("Item {}: {why}", self.first) });
            }
            for (group, key) in done.counts {
                match step.counts.iter_mut().find(|(known, name, _)| *known == group && *name == key) {
                    Some((_, _, count)) => *count += 1,
                    None => step.counts.push((group, key.to_owned(), 1)),
                }
            }
            let (mut row, mut left) = (Arc::unwrap_or_clone(row), done.own.len());
            for own in done.own {
                left -= 1;
                let row = self.output(if left == 0 { std::mem::take(&mut row) } else { row.clone() }, own);
                bytes += size(&row);
                step.rows.push(row);
            }
        }
        step.refused = self.refused;
        if step.items > 0 {
            step.log.splice(..0, self.notes.drain(..));
        }
        step
    }

    fn output(&self, mut row: Row, mut own: Vec<Value>) -> Row {
        let take = |cells: &mut [Value], index: usize| cells.get_mut(index).map(Value::take).unwrap_or_default();
        self.cells
            .iter()
            .map(|cell| match *cell {
                Cell::Input(index) => take(&mut row, index),
                Cell::Own(index) => take(&mut own, index),
            })
            .collect()
    }
}

impl<W: Worker> Run for Ahead<W> {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            if self.refused >= HOPELESS {
                return Err(Fault::Failed(format!("The service did not answer for {HOPELESS} items in a row.")));
            }
            let until = Instant::now() + self.worker.gather();
            loop {
                self.begin().await?;
                if self.works.is_empty() {
                    self.worker.rest().await?;
                    break;
                }
                match timeout_at(until, self.works.next()).await {
                    Ok(Some(landed)) => self.land(landed)?,
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
            if self.slots.is_empty() && self.ended {
                return Ok(None);
            }
            if self.works.is_empty() && self.ready().is_none() && self.is_late() && !self.closing {
                // until the slice is over
                sleep_until(until).await;
            }
            Ok(Some(self.harvest()))
        })
    }

    fn wind_down(&mut self) -> bool {
        self.closing = true;
        self.worker.close();
        !self.works.is_empty() || self.ready().is_some()
    }
}
