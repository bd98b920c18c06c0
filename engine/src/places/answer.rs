//! What an Overpass server answers, and the rows that it makes (outsend 12.1).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    area::{Area, Point},
    grid::{Cell, Grid},
    query::{Query, Tags},
};
use crate::{Row, lists, values};

/// Most rows of a cell.
const MOST: usize = 10_000;
/// Whom the data belongs to, on every row.
const ATTRIBUTION: &str = "© OpenStreetMap contributors (ODbL)";

/// An answer of the Overpass API in JSON.
#[derive(Deserialize)]
pub(super) struct Answer {
    elements: Vec<Element>,
    /// What went wrong in between: what was found before is there.
    remark: Option<String>,
}

/// A node, way or relation. Those below are in this order.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Node,
    Way,
    Relation,
}

#[derive(Deserialize)]
struct Element {
    #[serde(rename = "type")]
    kind: Kind,
    id: u64,
    lat: Option<f64>,
    lon: Option<f64>,
    center: Option<Centre>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
struct Centre {
    lat: f64,
    lon: f64,
}

/// What the rows of an answer are taken by.
pub(super) struct Wanted<'a> {
    pub(super) grid: &'a Grid,
    pub(super) cell: Cell,
    /// The zones, with their texts.
    pub(super) zones: &'a [(String, Area)],
    /// The queries of the job, with their texts.
    pub(super) queries: &'a [(String, Query)],
    /// Which of them was asked.
    pub(super) asked: usize,
    pub(super) country: values::Country,
}

/// The rows of an answer: the place of each one's zone, and its cells.
pub(super) struct Rows {
    pub(super) rows: Vec<(usize, Row)>,
    /// Whether it is all that there is.
    pub(super) complete: bool,
}

impl Answer {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Whether the server gave all that it was asked for.
    pub(super) fn is_complete(&self) -> bool {
        self.remark.is_none()
    }

    pub(super) fn rows(mut self, wanted: &Wanted<'_>) -> Rows {
        self.elements.sort_by_key(|element| (element.kind, element.id));
        self.elements.dedup_by_key(|element| (element.kind, element.id));
        let mut rows: Vec<_> = self.elements.iter().filter_map(|element| element.row(wanted)).take(MOST + 1).collect();
        let complete = self.is_complete() && rows.len() <= MOST;
        rows.truncate(MOST);
        Rows { rows, complete }
    }
}

impl Element {
    fn point(&self) -> Option<Point> {
        match (&self.center, self.lon, self.lat) {
            (Some(centre), ..) => Some((centre.lon, centre.lat)),
            (None, Some(lon), Some(lat)) => Some((lon, lat)),
            _ => None,
        }
    }

    /// The first of these tags that is there.
    fn tag(&self, keys: &[&str]) -> &str {
        let found =
            keys.iter().find_map(|key| self.tags.get(*key).map(|value| value.trim()).filter(|value| !value.is_empty()));
        found.unwrap_or_default()
    }

    /// Its row, and the place of its zone: `None` when it is not of this cell, of no zone, or another query's.
    fn row(&self, wanted: &Wanted<'_>) -> Option<(usize, Row)> {
        let point = self.point()?;
        if wanted.grid.cell_of(point) != wanted.cell {
            return None;
        }
        let (text, query) = wanted.queries.get(wanted.asked)?;
        let category = query.category(&self.tags)?;
        let name = self.tag(&["name", "brand", "operator"]);
        if name.is_empty() {
            return None;
        }
        // what an earlier query finds is that one's, so that nobody has to remember what was found
        if wanted.queries.iter().take(wanted.asked).any(|(_, earlier)| earlier.category(&self.tags).is_some()) {
            return None;
        }
        let (zone, (zone_text, _)) = wanted.zones.iter().enumerate().find(|(_, (_, area))| area.holds(point))?;
        let site = self.tag(&["website", "contact:website", "url"]);
        let phone = self.tag(&["phone", "contact:phone", "contact:mobile"]);
        let phone = values::phone(phone, Some(wanted.country)).unwrap_or_else(|| phone.to_owned());
        let street = [self.tag(&["addr:housenumber"]), self.tag(&["addr:street"])];
        let id = format!("{}/{}", self.kind.as_str(), self.id);
        let is_aggregator = values::host(site).is_some_and(|host| lists::is_aggregator(&host));
        let row = vec![
            json!(name),
            json!(site),
            json!(phone),
            json!(street.join(" ").trim()),
            json!(self.tag(&["addr:city"])),
            json!(self.tag(&["addr:postcode"])),
            Value::Null,
            Value::Null,
            json!(category),
            json!(format!("https://www.openstreetmap.org/{id}")),
            json!(is_aggregator),
            json!(text),
            json!(zone_text),
            json!(decimals(point.1)),
            json!(decimals(point.0)),
            json!(id),
            json!(ATTRIBUTION),
        ];
        Some((zone, row))
    }
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Way => "way",
            Self::Relation => "relation",
        }
    }
}

/// Degrees with seven decimals, as OpenStreetMap has them.
fn decimals(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}
