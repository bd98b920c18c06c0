//! The engine as jobs are planned with it.

use engine_types::{Discovered, Found, Lookup, Planner, Row, RowIntake, ZoneArea, ZoneAsk};
use serde_json::{Map, Value};

use crate::{Module, columns, columns::Intake, import, places, values};

/// Plans jobs by the rules of this crate.
#[derive(Clone, Copy, Debug)]
pub struct Rules;

impl Planner for Rules {
    fn intake(&self, module: Module, columns: &[String]) -> Box<dyn RowIntake> {
        Box::new(Intake::new(module, columns))
    }

    fn output(&self, module: Module, options: &Map<String, Value>, columns: &[String]) -> Vec<String> {
        columns::output(module, options, columns)
    }

    fn discover(&self, text: Vec<u8>) -> Option<Discovered> {
        import::discover(text).ok()
    }

    fn fold(&self, text: &str) -> String {
        values::fold(text)
    }

    fn zone(&self, country: &str, zone: &str) -> Option<ZoneAsk> {
        places::zone(country, zone)
    }

    fn found(&self, lookup: &Lookup, answer: &[u8]) -> Option<Found> {
        places::found(lookup, answer)
    }

    fn cells(&self, mode: &str, zones: &[ZoneArea]) -> u64 {
        places::cells(mode, zones)
    }
}

impl RowIntake for Intake {
    fn columns(&self) -> &[String] {
        Self::columns(self)
    }

    fn take(&mut self, row: Row) -> Vec<Row> {
        Self::take(self, row)
    }

    fn ignored(&self) -> u64 {
        Self::ignored(self)
    }

    fn answered(&self) -> u64 {
        Self::answered(self)
    }
}
