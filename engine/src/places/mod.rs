//! Places of a kind in a zone (outsend 12.1): zones are looked up, cut into the cells of a grid, and each cell is asked for.
//!
//! A search is planned from what a geocoder knows of its zones, which is kept with the job: the cells follow from it, so
//! that every slice counts them alike.

mod answer;
mod area;
mod found;
mod grid;
mod query;
mod run;
mod zone;

use std::sync::Arc;

use engine_types::ZoneArea;

use self::{area::Area, grid::Grid};
pub use self::{found::found, zone::zone};
use crate::{
    Means,
    module::{Fault, Input, Run, Spec},
};

/// How many cells of the grid of a `scrap_mode` the zones touch (outsend 12.1).
#[must_use]
pub fn cells(mode: &str, zones: &[ZoneArea]) -> u64 {
    let areas: Vec<_> = zones.iter().map(Area::new).collect();
    Grid::new(mode, &areas).cells()
}

/// Builds a run of a search for places.
pub(crate) async fn start(spec: &Spec, input: Arc<dyn Input>, means: Means) -> Result<Box<dyn Run>, Fault> {
    let zones = input.text().await?.ok_or(Fault::InputGone)?;
    let zones: Vec<ZoneArea> = serde_json::from_slice(&zones)
        .map_err(|error| Fault::Internal(format!("the zones of a search cannot be read: {error}")))?;
    Ok(Box::new(run::Search::new(spec, &zones, &means)?))
}
