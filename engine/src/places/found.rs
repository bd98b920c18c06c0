//! What a geocoder's answer says of a zone (outsend 12.1), in the form of Nominatim's `jsonv2`.

use engine_types::{Found, Lookup};
use serde::Deserialize;
use serde_json::Value;

/// Most points of an outline: what is more is told apart by nobody, and costs each slice of a job.
const MAX_POINTS: usize = 20_000;
/// Millionths of a degree.
pub(super) const UNITS: f64 = 1e6;

#[derive(Deserialize)]
struct Hit {
    lat: Value,
    lon: Value,
    #[serde(default)]
    category: String,
    #[serde(default, rename = "type")]
    kind: String,
    geojson: Option<Outline>,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Outline {
    Polygon(Vec<Vec<Point>>),
    MultiPolygon(Vec<Vec<Vec<Point>>>),
    #[serde(other, deserialize_with = "passed_over")]
    Other,
}

/// A longitude and a latitude; a height behind them is passed over.
#[derive(Deserialize)]
#[serde(try_from = "Vec<f64>")]
struct Point(f64, f64);

impl TryFrom<Vec<f64>> for Point {
    type Error = &'static str;

    fn try_from(numbers: Vec<f64>) -> Result<Self, Self::Error> {
        match numbers.as_slice() {
            [lon, lat, ..] => Ok(Self(*lon, *lat)),
            _ => Err("a position has two numbers"),
        }
    }
}

fn passed_over<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| ())
}

/// What a geocoder's answer in JSON says of a lookup; `None` when it has found nothing.
#[must_use]
pub fn found(lookup: &Lookup, answer: &[u8]) -> Option<Found> {
    let hits: Vec<Value> = serde_json::from_slice(answer).ok()?;
    let mut hits = hits.into_iter().filter_map(|hit| serde_json::from_value::<Hit>(hit).ok());
    let by_name = matches!(lookup, Lookup::Search(parameters) if parameters.iter().any(|(name, _)| *name == "q"));
    let hit = hits.find(|hit| !by_name || hit.is_zone())?;
    let (lat, lon) = (degrees(&hit.lat, 90.0)?, degrees(&hit.lon, 180.0)?);
    let rings = match hit.geojson {
        Some(Outline::Polygon(rings)) => rings,
        Some(Outline::MultiPolygon(parts)) => parts.into_iter().flatten().collect(),
        Some(Outline::Other) | None => Vec::new(),
    };
    let rings = rings.iter().map(|ring| ring.iter().filter_map(Point::units).collect()).collect();
    Some(Found { lat, lon, rings: reduced(rings) })
}

impl Hit {
    /// Whether it is an administrative area or a place, and no street, shop or river of that name.
    fn is_zone(&self) -> bool {
        (self.category == "boundary" && matches!(self.kind.as_str(), "administrative" | "postal_code"))
            || self.category == "place"
    }
}

/// A number, which Nominatim sends as a text.
fn degrees(value: &Value, most: f64) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (-most..=most).contains(&number).then_some(number)
}

impl Point {
    fn units(&self) -> Option<[i32; 2]> {
        let whole = |degrees: f64, most: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
            (-most..=most).contains(&degrees).then(|| (degrees * UNITS).round() as i32)
        };
        Some([whole(self.0, 180.0)?, whole(self.1, 90.0)?])
    }
}

/// Rings with at most [`MAX_POINTS`] points: points that are near the one before are left out, and what has no area then.
fn reduced(rings: Vec<Vec<[i32; 2]>>) -> Vec<Vec<[i32; 2]>> {
    let mut rings = rings;
    // a ten-thousandth of a degree is some ten metres
    let mut near = 100_i64;
    loop {
        rings.retain(|ring| ring.len() >= 4);
        if rings.iter().map(Vec::len).sum::<usize>() <= MAX_POINTS {
            return rings;
        }
        for ring in &mut rings {
            thin(ring, near);
        }
        near *= 2;
    }
}

/// Leaves out points that are nearer than that to the last one that is kept; the ends stay.
fn thin(ring: &mut Vec<[i32; 2]>, near: i64) {
    let last = ring.len().saturating_sub(1);
    let mut kept: Vec<[i32; 2]> = Vec::with_capacity(ring.len());
    for (place, point) in ring.iter().enumerate() {
        let is_far = kept
            .last()
            .is_none_or(|before| (0..2).any(|axis| (i64::from(point[axis]) - i64::from(before[axis])).abs() >= near));
        if is_far || place == last {
            kept.push(*point);
        }
    }
    *ring = kept;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named() -> Lookup {
        Lookup::Search(vec![("countrycodes", "fr".to_owned()), ("q", "loire".to_owned())])
    }

    fn read(lookup: &Lookup, answer: &Value) -> Option<Found> {
        found(lookup, answer.to_string().as_bytes())
    }

    #[test]
    fn a_name_is_that_of_an_area_or_a_place() {
        let square = json!([[[2.0, 48.0], [2.5, 48.0], [2.5, 48.5], [2.0, 48.5, 33.0], [2.0, 48.0]]]);
        let answer = json!([
            {"lat": "47", "lon": "1", "category": "waterway", "type": "river", "geojson": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}},
            {"lat": "48.25", "lon": "2.25", "category": "boundary", "type": "administrative", "geojson": {"type": "Polygon", "coordinates": square}},
        ]);
        let found = read(&named(), &answer).unwrap();
        assert_eq!((found.lat, found.lon, found.rings.len(), found.rings[0].len()), (48.25, 2.25, 1, 5));
        assert_eq!(found.rings[0][2], [2_500_000, 48_500_000]);
        // a code is whatever comes first
        let code = Lookup::Search(vec![("postalcode", "75015".to_owned())]);
        assert_eq!(read(&code, &answer).unwrap(), Found { lat: 47.0, lon: 1.0, rings: Vec::new() });
        let several = json!([{"lat": 48, "lon": 2, "category": "place", "geojson": {"type": "MultiPolygon", "coordinates": [square, square]}}]);
        assert_eq!(read(&named(), &several).unwrap().rings.len(), 2);
    }

    #[test]
    fn what_is_no_place_is_not_found() {
        for answer in [
            json!([]),
            json!({"error": "Unable to geocode"}),
            json!([{"lat": "x", "lon": "2", "category": "place"}]),
            json!([{"lat": "91", "lon": "2", "category": "place"}]),
            json!([{"lat": "48", "lon": "2", "category": "shop", "type": "bakery"}]),
        ] {
            assert_eq!(read(&named(), &answer), None, "{answer}");
        }
        assert_eq!(found(&named(), b"<html>"), None);
    }

    #[test]
    fn a_long_outline_is_thinned() {
        let ring: Vec<_> = (0..90_000_u32)
            .map(|step| {
                let turn = f64::from(step) / 90_000.0 * std::f64::consts::TAU;
                [2.0 + turn.cos(), 48.0 + turn.sin()]
            })
            .collect();
        let answer = json!([{"lat": "48", "lon": "2", "category": "place", "geojson": {"type": "Polygon", "coordinates": [ring]}}]);
        let found = read(&named(), &answer).unwrap();
        assert!((10_000..=MAX_POINTS).contains(&found.rings[0].len()), "{}", found.rings[0].len());
    }
}
