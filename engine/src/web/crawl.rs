//! A run over websites (outsend 7.4, 11.5): many hosts at a time, one visit at each, rows in their order.
//!
//! What a step hands over are the next rows whose sites were read, so that what is committed is always a beginning of
//! the job. Sites further on are read meanwhile; a worker that dies loses those, and no row that was committed.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    enricher::{Enricher, Found, RowView},
    host::Hosts,
    modules,
    visit::{Visit, registrable, visit},
    world::World,
};
use crate::{
    BoxFuture, Row,
    columns::{self, rows::Rows},
    module::{Fault, Input, Level, Line, MAX_BYTES, Network, Run, Spec, Step, size},
    values,
};

/// Sites that are visited at a time.
const VISITS: usize = 24;
/// Rows that are held, from the first that is not committed.
const WINDOW: usize = 240;

/// Builds a run over websites.
pub(crate) fn start(
    spec: &Spec,
    input: Arc<dyn Input>,
    network: Arc<dyn Network>,
    hosts: Arc<dyn Hosts>,
) -> Result<Box<dyn Run>, Fault> {
    let Some(enricher) = modules::of(spec.module) else {
        return Err(Fault::Failed(format!("Module {} is not available.", spec.module.as_str())));
    };
    Ok(Box::new(Crawl::new(spec, input, Arc::new(World::new(network, hosts)), enricher)))
}

/// Where an output cell comes from.
enum Cell {
    Input(usize),
    Own(usize),
    Status,
}

/// A row on its way.
struct Slot {
    row: Row,
    state: State,
}

enum State {
    /// Its site was not begun.
    Waiting,
    Visiting,
    Read(Outcome),
}

/// What is left of a visit: its pages are given up as soon as they were looked at.
struct Outcome {
    found: Found,
    status: String,
    host: String,
    requests: u64,
}

/// A visit that came to its end: the item, the site's name, and what was read.
type Landed = (u64, String, Result<Option<Visit>, Fault>);

struct Crawl {
    world: Arc<World>,
    enricher: Enricher,
    columns: Vec<String>,
    cells: Vec<Cell>,
    site: Option<usize>,
    rows: Rows,
    /// The item of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    visits: FuturesUnordered<BoxFuture<'static, Landed>>,
    /// Sites that are visited now: the next row of the same one waits.
    busy: HashSet<String>,
    ended: bool,
    closing: bool,
}

impl Crawl {
    fn new(spec: &Spec, input: Arc<dyn Input>, world: Arc<World>, enricher: Enricher) -> Self {
        let columns = input.columns().to_vec();
        let own = columns::own(spec.module);
        let cells = columns::output(spec.module, &columns)
            .iter()
            .map(|name| match own.iter().position(|own| own == name) {
                Some(_) if name == "fetch_status" => Cell::Status,
                Some(index) => Cell::Own(index),
                None => Cell::Input(columns.iter().position(|column| column == name).unwrap_or(usize::MAX)),
            })
            .collect();
        let end = spec.planned.unwrap_or_else(|| input.rows());
        Self {
            world,
            enricher,
            site: columns.iter().position(|column| column == "site_web"),
            columns,
            cells,
            rows: Rows::new(input, spec.done, end),
            first: spec.done,
            slots: VecDeque::new(),
            visits: FuturesUnordered::new(),
            busy: HashSet::new(),
            ended: false,
            closing: false,
        }
    }

    fn site_of(&self, row: &Row) -> String {
        let cell = self.site.and_then(|index| row.get(index)).unwrap_or(&Value::Null);
        values::cell_text(cell).trim().to_owned()
    }

    /// Reads rows ahead, and begins the visits that can be begun.
    async fn begin(&mut self) -> Result<(), Fault> {
        if self.closing {
            return Ok(());
        }
        while self.slots.len() < WINDOW && !self.ended {
            match self.rows.next().await? {
                Some(row) => self.slots.push_back(Slot { row, state: State::Waiting }),
                None => self.ended = true,
            }
        }
        for index in 0..self.slots.len() {
            if self.visits.len() >= VISITS {
                break;
            }
            let Some(slot) = self.slots.get(index).filter(|slot| matches!(slot.state, State::Waiting)) else {
                continue;
            };
            let site = self.site_of(&slot.row);
            let name = values::host(&site).map(|host| registrable(&host).to_owned()).unwrap_or_default();
            if !name.is_empty() && !self.busy.insert(name.clone()) {
                continue;
            }
            if let Some(slot) = self.slots.get_mut(index) {
                slot.state = State::Visiting;
            }
            let (world, item, plan) = (Arc::clone(&self.world), self.first + index as u64, self.enricher.plan);
            self.visits.push(Box::pin(async move {
                let read = visit(&world, item, &site, plan).await;
                (item, name, read)
            }));
        }
        Ok(())
    }

    fn land(&mut self, (item, name, read): Landed) -> Result<(), Fault> {
        self.busy.remove(&name);
        let index = usize::try_from(item.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let Some(slot) = self.slots.get_mut(index) else { return Ok(()) };
        slot.state = match read? {
            None => State::Waiting,
            Some(visit) => State::Read(Outcome {
                found: (self.enricher.find)(&RowView { columns: &self.columns, row: &slot.row }, &visit),
                status: visit.status(),
                host: visit.site.as_ref().and_then(url::Url::host_str).unwrap_or("the row's site").to_owned(),
                requests: visit.requests,
            }),
        };
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.slots.front().is_some_and(|slot| matches!(slot.state, State::Read(_)))
    }

    /// The rows at the front that are done.
    fn harvest(&mut self) -> Step {
        let (mut step, mut bytes) = (Step::default(), 0);
        while self.is_ready() && bytes < MAX_BYTES {
            let Some(Slot { row, state: State::Read(outcome) }) = self.slots.pop_front() else { break };
            let Outcome { found, status, host, requests } = outcome;
            self.first += 1;
            step.items += 1;
            step.attempts += requests;
            if !matches!(status.as_str(), "ok" | "robots") {
                step.failed += 1;
                let message = format!("Item {}: {host} was not read: {status}.", self.first);
                step.log.push(Line { level: Level::Warn, message });
            }
            for (group, key) in found.counts {
                match step.counts.iter_mut().find(|(known, name, _)| *known == group && *name == key) {
                    Some((_, _, count)) => *count += 1,
                    None => step.counts.push((group, key.to_owned(), 1)),
                }
            }
            let row = self.output(row, found.cells, &status);
            bytes += size(&row);
            step.rows.push(row);
        }
        step
    }

    fn output(&self, mut row: Row, mut own: Vec<Value>, status: &str) -> Row {
        let take = |cells: &mut [Value], index: usize| cells.get_mut(index).map(Value::take).unwrap_or_default();
        self.cells
            .iter()
            .map(|cell| match cell {
                Cell::Input(index) => take(&mut row, *index),
                Cell::Own(index) => take(&mut own, *index),
                Cell::Status => status.into(),
            })
            .collect()
    }
}

impl Run for Crawl {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(async move {
            let until = Instant::now() + self.world.caps.gather;
            loop {
                self.begin().await?;
                if self.visits.is_empty() {
                    break;
                }
                match timeout_at(until, self.visits.next()).await {
                    Ok(Some(landed)) => self.land(landed)?,
                    Ok(None) => {}
                    Err(_) => break,
                }
            }
            if self.slots.is_empty() && self.ended {
                return Ok(None);
            }
            Ok(Some(self.harvest()))
        })
    }

    fn wind_down(&mut self) -> bool {
        self.closing = true;
        self.world.close();
        !self.visits.is_empty() || self.is_ready()
    }
}

#[cfg(test)]
mod tests;
