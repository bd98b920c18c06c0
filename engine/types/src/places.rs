//! Zones in which places are looked for: what a geocoder is asked for them, and what it found (outsend 12.1).

use serde::{Deserialize, Serialize};

/// The main instance of the Overpass API (outsend 18.3).
pub const OVERPASS: &str = "https://overpass-api.de/api/interpreter";
/// The main instance of Nominatim (outsend 18.3).
pub const NOMINATIM: &str = "https://nominatim.openstreetmap.org";

/// A question to a geocoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The parameters of a search, without those that all searches have in common.
    Search(Vec<(&'static str, String)>),
    /// The commune with this INSEE code.
    Commune(String),
}

impl Lookup {
    /// A name under which its answer can be kept: equal questions have equal ones.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Search(parameters) => {
                let parts: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
                parts.join("&")
            }
            Self::Commune(code) => format!("insee={code}"),
        }
    }
}

/// What a zone's text asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneAsk {
    /// The first of these that is found whole is the zone: the union of what its lookups find.
    pub any_of: Vec<Vec<Lookup>>,
    /// The radius of a circle around what is found, which is the zone then.
    pub radius_km: Option<u16>,
}

/// A point or an area that a geocoder found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The latitude of its centre, in degrees.
    pub lat: f64,
    /// The longitude.
    pub lon: f64,
    /// The rings of its outline: longitude and latitude in millionths of a degree, outer rings and holes alike. None of
    /// a point.
    pub rings: Vec<Vec<[i32; 2]>>,
}

/// A zone that was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZoneArea {
    /// What it is made of.
    pub found: Vec<Found>,
    /// The radius of the circle that it is, in kilometres; `None` means the outlines.
    pub radius_km: Option<u16>,
}
