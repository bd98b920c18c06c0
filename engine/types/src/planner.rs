//! What is asked of the engine before there is a job: rows that it can use, columns, what a pasted table holds.

use serde_json::{Map, Value};

use crate::{
    Discovered, Module, Row,
    places::{Found, Lookup, ZoneArea, ZoneAsk},
};

/// The rows that a module can use, one after the other (outsend 8.3).
pub trait RowIntake: Send {
    /// The columns, aliases resolved.
    fn columns(&self) -> &[String];

    /// The rows as the job gets them: none when it is dropped, several when its address is a list.
    fn take(&mut self, row: Row) -> Vec<Row>;

    /// Rows that lacked what the module needs, so far.
    fn ignored(&self) -> u64;

    /// Rows that have what the module looks for already, so far: emails in deep mode take them over (outsend 12.4).
    fn answered(&self) -> u64;
}

/// The engine, as far as jobs are planned with it: what plans them need not link it.
pub trait Planner: Send + Sync {
    /// The intake of a module over rows with these columns.
    fn intake(&self, module: Module, columns: &[String]) -> Box<dyn RowIntake>;

    /// The columns of a module's output, with its options, over rows with these columns (outsend 9.3).
    fn output(&self, module: Module, options: &Map<String, Value>, columns: &[String]) -> Vec<String>;

    /// Reads a table's text; `None` when it is unreadable (outsend 12.2).
    fn discover(&self, text: Vec<u8>) -> Option<Discovered>;

    /// The form in which texts are compared (outsend 11.1).
    fn fold(&self, text: &str) -> String;

    /// What is to be looked up for a zone of a country, which its three letters name (outsend 12.1); `None` when there is
    /// no such country.
    fn zone(&self, country: &str, zone: &str) -> Option<ZoneAsk>;

    /// What a geocoder's answer in JSON says of a lookup; `None` when it has found nothing.
    fn found(&self, lookup: &Lookup, answer: &[u8]) -> Option<Found>;

    /// How many cells of the grid of a `scrap_mode` the zones touch (outsend 12.1).
    fn cells(&self, mode: &str, zones: &[ZoneArea]) -> u64;
}
