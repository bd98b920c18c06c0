//! The area of a zone: what of the earth is in it.

use engine_types::{Found, ZoneArea};

use super::found::UNITS;

/// The radius of a zone of which only a point is known, in kilometres (outsend 12.1).
const AROUND: f64 = 5.0;
/// Corners of what stands for a circle: it is a few metres off.
const CORNERS: u32 = 128;
/// Kilometres of a degree of latitude (outsend 12.1, grid).
pub(super) const DEGREE: f64 = 111.32;

/// A longitude and a latitude, in degrees.
pub(super) type Point = (f64, f64);

/// A connected part of a zone, or several that do not touch: rings, where a point in an even number of them is outside.
struct Part {
    rings: Vec<Vec<Point>>,
    /// West, south, east and north.
    bounds: [f64; 4],
}

/// The area of a zone.
pub(super) struct Area(Vec<Part>);

impl Area {
    pub(super) fn new(zone: &ZoneArea) -> Self {
        Self(zone.found.iter().map(|found| Part::new(rings(found, zone.radius_km))).collect())
    }

    /// Whether a point is inside.
    pub(super) fn holds(&self, (lon, lat): Point) -> bool {
        self.0.iter().any(|part| {
            let [west, south, east, north] = part.bounds;
            (west..=east).contains(&lon)
                && (south..=north).contains(&lat)
                && part.crossings(lat).filter(|crossing| *crossing > lon).count() % 2 == 1
        })
    }

    /// The edges of all rings.
    pub(super) fn edges(&self) -> impl Iterator<Item = (Point, Point)> {
        self.0.iter().flat_map(|part| part.edges())
    }

    /// From where to where a parallel is inside, west to east.
    pub(super) fn spans(&self, lat: f64) -> Vec<(f64, f64)> {
        let mut spans = Vec::new();
        for part in &self.0 {
            if !(part.bounds[1]..=part.bounds[3]).contains(&lat) {
                continue;
            }
            let mut crossings: Vec<_> = part.crossings(lat).collect();
            crossings.sort_by(f64::total_cmp);
            spans.extend(crossings.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        spans
    }
}

impl Part {
    fn new(rings: Vec<Vec<Point>>) -> Self {
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for (lon, lat) in rings.iter().flatten() {
            bounds = [bounds[0].min(*lon), bounds[1].min(*lat), bounds[2].max(*lon), bounds[3].max(*lat)];
        }
        Self { rings, bounds }
    }

    fn edges(&self) -> impl Iterator<Item = (Point, Point)> {
        self.rings.iter().flat_map(|ring| {
            let next = ring.iter().skip(1).chain(ring.first());
            ring.iter().zip(next).map(|(from, to)| (*from, *to))
        })
    }

    /// Where edges cross a parallel; an end of an edge belongs to the one edge that goes up from it.
    fn crossings(&self, lat: f64) -> impl Iterator<Item = f64> {
        self.edges().filter(move |(from, to)| (from.1 > lat) != (to.1 > lat)).map(move |(from, to)| at(from, to, lat))
    }
}

/// The longitude at which a line is at a latitude.
pub(super) fn at(from: Point, to: Point, lat: f64) -> f64 {
    from.0 + (to.0 - from.0) * (lat - from.1) / (to.1 - from.1)
}

fn rings(found: &Found, radius_km: Option<u16>) -> Vec<Vec<Point>> {
    match radius_km {
        None if !found.rings.is_empty() => {
            let degrees = |point: &[i32; 2]| (f64::from(point[0]) / UNITS, f64::from(point[1]) / UNITS);
            found.rings.iter().map(|ring| ring.iter().map(degrees).collect()).collect()
        }
        _ => vec![circle((found.lon, found.lat), radius_km.map_or(AROUND, f64::from))],
    }
}

fn circle((lon, lat): Point, radius: f64) -> Vec<Point> {
    let height = radius / DEGREE;
    let width = height / lat.to_radians().cos().max(0.01);
    let corner = |place: u32| {
        let turn = f64::from(place) / f64::from(CORNERS) * std::f64::consts::TAU;
        ((lon + width * turn.cos()).clamp(-180.0, 180.0), (lat + height * turn.sin()).clamp(-90.0, 90.0))
    };
    (0..CORNERS).map(corner).collect()
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A zone whose outline is a rectangle, west, south, east and north in degrees, with a hole in its middle.
    pub(in super::super) fn rectangle(bounds: [f64; 4], hole: bool) -> ZoneArea {
        #[expect(clippy::cast_possible_truncation, reason = "within the earth")]
        let ring = |[west, south, east, north]: [f64; 4]| {
            let corners = [(west, south), (east, south), (east, north), (west, north), (west, south)];
            corners.map(|(lon, lat)| [(lon * UNITS) as i32, (lat * UNITS) as i32]).to_vec()
        };
        let [west, south, east, north] = bounds;
        let third = |low: f64, high: f64| (low + (high - low) / 3.0, high - (high - low) / 3.0);
        let ((inner_west, inner_east), (inner_south, inner_north)) = (third(west, east), third(south, north));
        let inner = hole.then(|| ring([inner_west, inner_south, inner_east, inner_north]));
        let rings = [ring(bounds)].into_iter().chain(inner).collect();
        let found = Found { lat: (south + north) / 2.0, lon: (west + east) / 2.0, rings };
        ZoneArea { found: vec![found], radius_km: None }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::rectangle, *};

    #[test]
    fn a_hole_is_outside() {
        let area = Area::new(&rectangle([2.0, 48.0, 2.9, 48.9], true));
        for (point, inside) in [((2.1, 48.1), true), ((2.45, 48.45), false), ((2.8, 48.45), true), ((3.0, 48.1), false)]
        {
            assert_eq!(area.holds(point), inside, "{point:?}");
        }
        assert_eq!(area.spans(48.45).len(), 2);
        assert_eq!(area.spans(50.0).len(), 0);
    }

    #[test]
    fn a_circle_is_around_a_point_and_in_place_of_an_outline() {
        let point = Found { lat: 48.0, lon: 2.0, rings: Vec::new() };
        let five = Area::new(&ZoneArea { found: vec![point.clone()], radius_km: None });
        let km = |north: f64, east: f64| (2.0 + east / DEGREE / 48.0_f64.to_radians().cos(), 48.0 + north / DEGREE);
        assert!(five.holds(km(4.9, 0.0)) && five.holds(km(0.0, -4.9)) && five.holds(km(3.5, 3.5)));
        assert!(!five.holds(km(5.1, 0.0)) && !five.holds(km(0.0, 5.1)) && !five.holds(km(3.6, 3.6)));
        let mut wide = rectangle([2.0, 48.0, 2.9, 48.9], true);
        wide.radius_km = Some(20);
        assert!(Area::new(&wide).holds((2.45, 48.45)) && !Area::new(&wide).holds((2.05, 48.05)));
    }
}
