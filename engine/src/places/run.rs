//! A search at work: one cell after the other, at the pace of the server that is asked (outsend 7.4, 12.1).

use std::{sync::Arc, time::Duration};

use engine_types::ZoneArea;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    answer::{Answer, Rows, Wanted},
    area::Area,
    grid::{Cell, Grid},
    query::Query,
};
use crate::{
    BoxFuture, Means,
    ahead::HOPELESS,
    module::{Fault, Level, Line, MAX_BYTES, Run, Spec, Step, size},
    services::{Asked, Overpass},
    values::Country,
    web::Missed,
};

/// How long a step gathers cells: a commit for each would cost more than their rows.
const GATHER: Duration = Duration::from_secs(2);
/// How long after its begin a run may still have to wait for an answer.
const LASTS: Duration = Duration::from_secs(28);
/// The pauses after answers that may be other ones later.
const PAUSES: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45)];

/// A search for places.
pub(super) struct Search {
    overpass: Arc<Overpass>,
    grid: Grid,
    zones: Vec<(String, Area)>,
    queries: Vec<(String, Query)>,
    country: Country,
    /// Rows after which the search ends.
    stop_at: u64,
    /// The next item, and the end of the plan.
    next: u64,
    end: u64,
    rows: u64,
    tries: u32,
    refused: u64,
    under_way: Option<BoxFuture<'static, Result<Asked, Fault>>>,
    began: Instant,
    /// The longest that an answer took, its turn included; and when what is under way began.
    longest: Duration,
    asked_at: Instant,
    closing: bool,
    /// Whether the server may be held.
    holds: bool,
}

/// The texts of an option.
fn texts(spec: &Spec, name: &str) -> Vec<String> {
    let values = spec.options.get(name).and_then(|value| value.as_array()).into_iter().flatten();
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Whose rules national numbers follow in a country that three letters name.
fn rules_of(country: &str) -> Country {
    match country {
        "FRA" => Country::France,
        "BEL" => Country::Belgium,
        "CHE" => Country::Switzerland,
        "LUX" => Country::Luxembourg,
        "DEU" => Country::Germany,
        "ESP" => Country::Spain,
        "ITA" => Country::Italy,
        "GBR" => Country::Britain,
        "NLD" => Country::Netherlands,
        "USA" | "CAN" => Country::NorthAmerica,
        _ => Country::Other,
    }
}

impl Search {
    pub(super) fn new(spec: &Spec, zones: &[ZoneArea], means: &Means) -> Result<Self, Fault> {
        let text = |name: &str| spec.options.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let areas: Vec<_> = zones.iter().map(Area::new).collect();
        let grid = Grid::new(&text("scrap_mode"), &areas);
        let queries: Vec<_> =
            texts(spec, "queries").into_iter().map(|text| (text.clone(), Query::new(&text))).collect();
        let end = grid.cells() * queries.len() as u64;
        if spec.planned != Some(end) || areas.len() != texts(spec, "zones").len() {
            return Err(Fault::Internal("a search is not as it was planned".to_owned()));
        }
        let now = Instant::now();
        Ok(Self {
            overpass: Arc::new(Overpass::new(means)?),
            grid,
            zones: texts(spec, "zones").into_iter().zip(areas).collect(),
            queries,
            country: rules_of(&text("country")),
            stop_at: spec.options.get("stop_at").and_then(serde_json::Value::as_u64).unwrap_or(0),
            next: spec.done,
            end,
            rows: spec.produced,
            tries: spec.tries,
            refused: spec.refused,
            under_way: None,
            began: now,
            longest: Duration::ZERO,
            asked_at: now,
            closing: false,
            holds: false,
        })
    }

    /// The query and the cell of the next item.
    fn target(&self) -> Result<(usize, Cell), Fault> {
        let cells = self.grid.cells().max(1);
        let query = usize::try_from(self.next / cells).unwrap_or(usize::MAX);
        let cell = self.grid.cell(self.next % cells);
        cell.map(|cell| (query, cell)).ok_or_else(|| Fault::Internal("a cell is not in its grid".to_owned()))
    }

    /// Whether an answer can be waited for within the slice: the first of it always can.
    fn may_begin(&self) -> bool {
        !self.closing && (self.longest.is_zero() || self.began.elapsed() + 2 * self.longest <= LASTS)
    }

    fn begin(&mut self) -> Result<(), Fault> {
        let (query, cell) = self.target()?;
        let filter = self.queries.get(query).map(|(_, query)| query.filter()).unwrap_or_default();
        let [south, west, north, east] = self.grid.bounds(cell);
        let text =
            format!("[out:json][timeout:25];nwr{filter}({south:.7},{west:.7},{north:.7},{east:.7});out center tags;");
        let overpass = Arc::clone(&self.overpass);
        self.under_way = Some(Box::pin(async move { overpass.ask(&text).await }));
        self.asked_at = Instant::now();
        self.holds = true;
        Ok(())
    }

    /// Takes an answer in.
    async fn land(&mut self, asked: Asked, step: &mut Step) -> Result<(), Fault> {
        self.longest = self.longest.max(self.asked_at.elapsed());
        let body = match asked {
            Asked::PutBack => return Ok(()),
            Asked::Answer(body) => Ok(body),
            Asked::Missed(missed) => Err(missed),
        };
        step.attempts += 1;
        let is_last = usize::try_from(self.tries).unwrap_or(usize::MAX) >= PAUSES.len();
        let answer = match &body {
            Ok(body) => Answer::read(body).ok_or_else(|| "its answer cannot be read".into()),
            Err(missed) if missed.may_pass() || is_last => Err(missed.as_str()),
            // it will not do better
            Err(missed) => {
                self.fail(step, &missed.as_str(), missed.is_refusal());
                return Ok(());
            }
        };
        let again = match &answer {
            Ok(answer) => !answer.is_complete(),
            Err(_) => true,
        };
        if let Some(pause) = PAUSES.get(usize::try_from(self.tries).unwrap_or(usize::MAX)).filter(|_| again) {
            self.tries += 1;
            step.again_after = Some(*pause);
            return self.overpass.back_off(*pause).await;
        }
        match answer {
            Ok(answer) => self.keep(answer, step)?,
            Err(why) => {
                let refused = matches!(&body, Err(missed) if missed.is_refusal() || *missed == Missed::Timeout);
                self.fail(step, &why, refused);
            }
        }
        Ok(())
    }

    /// Passes over an item; `refused` says that the server was not there for it.
    fn fail(&mut self, step: &mut Step, why: &str, refused: bool) {
        step.failed += 1;
        let message = format!("Item {}: the places source was not asked: {why}.", self.next + 1);
        step.log.push(Line { level: Level::Warn, message });
        self.refused += u64::from(refused);
        self.pass(step);
    }

    fn keep(&mut self, answer: Answer, step: &mut Step) -> Result<(), Fault> {
        let (asked, cell) = self.target()?;
        let wanted =
            Wanted { grid: &self.grid, cell, zones: &self.zones, queries: &self.queries, asked, country: self.country };
        let Rows { rows, complete } = answer.rows(&wanted);
        let query = self.queries.get(asked).map(|(text, _)| text.clone()).unwrap_or_default();
        let mut count = |group: &'static str, key: &str, number: u64| match step
            .counts
            .iter_mut()
            .find(|(known, name, _)| *known == group && name == key)
        {
            Some((_, _, count)) => *count += number,
            None => step.counts.push((group, key.to_owned(), number)),
        };
        if !rows.is_empty() {
            count("by_query", &query, rows.len() as u64);
            count("with_results", &query, 1);
        }
        for (zone, _) in &rows {
            count("by_zone", self.zones.get(*zone).map_or("", |(text, _)| text), 1);
        }
        if !complete {
            count("flagged", "tiles", 1);
            let message = format!("Item {}: the answer for {query:?} was cut.", self.next + 1);
            step.log.push(Line { level: Level::Warn, message });
        }
        self.rows += rows.len() as u64;
        step.rows.extend(rows.into_iter().map(|(_, row)| row));
        step.ends = self.stop_at > 0 && self.rows >= self.stop_at;
        self.refused = 0;
        self.pass(step);
        Ok(())
    }

    /// An item is done.
    fn pass(&mut self, step: &mut Step) {
        self.tries = 0;
        self.next += 1;
        step.items += 1;
        step.refused = self.refused;
    }

    async fn gather(&mut self) -> Result<Option<Step>, Fault> {
        if self.refused >= HOPELESS {
            return Err(Fault::Failed(format!("The places source did not answer for {HOPELESS} items in a row.")));
        }
        let (mut step, until) = (Step { refused: self.refused, ..Step::default() }, Instant::now() + GATHER);
        let mut bytes = 0;
        while step.again_after.is_none() && !step.ends && bytes < MAX_BYTES && self.refused < HOPELESS {
            if self.under_way.is_none() {
                if self.next >= self.end || !self.may_begin() || (step.items > 0 && Instant::now() >= until) {
                    break;
                }
                self.begin()?;
            }
            let Some(under_way) = self.under_way.as_mut() else { break };
            // a slice is given up soon after: what is not answered by then was asked in vain
            let last = self.began + LASTS;
            let asked = match timeout_at(if self.closing { until.min(last) } else { until }, under_way).await {
                Ok(asked) => asked,
                Err(_) if self.closing && Instant::now() >= last => Ok(Asked::Missed(Missed::Timeout)),
                Err(_) => return Ok(Some(step)),
            };
            self.under_way = None;
            let before = step.rows.len();
            self.land(asked?, &mut step).await?;
            bytes += step.rows.iter().skip(before).map(|row| size(row)).sum::<usize>();
        }
        let is_over = step.again_after.is_some() || step.ends || self.next >= self.end || self.refused >= HOPELESS;
        if self.holds && (is_over || self.closing) {
            self.overpass.rest().await?;
            self.holds = false;
        }
        if step.items == 0 && step.again_after.is_none() {
            if self.next >= self.end {
                return Ok(None);
            }
            if !self.closing {
                // until the slice is over
                sleep_until(until).await;
            }
        }
        Ok(Some(step))
    }
}

impl Run for Search {
    fn step(&mut self) -> BoxFuture<'_, Result<Option<Step>, Fault>> {
        Box::pin(self.gather())
    }

    fn wind_down(&mut self) -> bool {
        self.closing = true;
        self.overpass.close();
        self.under_way.is_some() || self.holds
    }
}

#[cfg(test)]
mod tests;
