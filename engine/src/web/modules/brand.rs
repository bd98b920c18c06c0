//! How a company looks (outsend 12.10).

use serde_json::{Value, json};

use crate::web::{
    enricher::{Enricher, Found, RowView},
    images::{Colour, hex, parse_colour},
    page::Page,
    visit::{Plan, Visit},
};

/// Colours of a palette.
const PALETTE: usize = 5;

/// `brand_assets`.
pub(super) const BRAND: Enricher = Enricher { plan: Plan { images: true, ..Plan::HOME }, find };

/// The colour that the page gives to the browser itself.
fn theme(page: &Page) -> Option<Colour> {
    let named = page.parts.metas.iter().filter(|(name, _)| name == "theme-color");
    named.filter_map(|(_, content)| parse_colour(content)).next()
}

fn find(_: &RowView<'_>, visit: &Visit) -> Found {
    let brand = &visit.brand;
    let logo = brand.logo.as_ref();
    let mut seen = logo.map(|(_, kept)| kept.colours.clone()).unwrap_or_default();
    let (colour, source) = match visit.home().and_then(theme) {
        Some(theme) => (Some(theme), Some("theme-color")),
        None => (seen.first().copied(), (!seen.is_empty()).then_some("logo")),
    };
    seen.retain(|other| Some(*other) != colour);
    let last = seen.get(..PALETTE.min(seen.len())).and_then(<[_]>::last).copied().or(colour);
    let palette: Vec<String> = seen.into_iter().chain(last.into_iter().cycle()).take(PALETTE).map(hex).collect();
    let favicon = brand.favicon.as_ref();
    let cells: Vec<Value> = vec![
        json!(logo.map(|(_, kept)| kept.url.as_str())),
        json!(logo.map(|(_, kept)| &kept.path)),
        json!(logo.map(|(source, _)| source.as_str())),
        json!(brand.variants),
        json!(favicon.map(|kept| kept.url.as_str())),
        json!(favicon.map(|kept| &kept.path)),
        json!(colour.map(hex)),
        json!(source),
        json!(palette),
    ];
    Found { cells, counts: Vec::new() }
}
