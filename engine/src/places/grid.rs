//! The grid that zones are cut into (outsend 12.1): a lattice of the whole earth, so that the cells of a zone are the same
//! in every job.

use std::collections::BTreeMap;

use super::area::{Area, DEGREE, Point, at};

/// A cell: its row from the equator on, its column from the zero meridian on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    row: i32,
    column: i32,
}

/// The first and the last of columns that follow each other.
type Span = (i32, i32);

/// The lattice of a mode.
#[derive(Clone, Copy)]
struct Lattice {
    /// The height of a row, in degrees.
    height: f64,
}

/// The cells that zones touch, south to north, then west to east.
pub(super) struct Grid {
    lattice: Lattice,
    /// Of each row the columns, as spans with both ends; and how many cells are before it.
    rows: Vec<(i32, Vec<Span>, u64)>,
    cells: u64,
}

#[expect(clippy::cast_possible_truncation, reason = "a part of the earth's width")]
fn floor(value: f64) -> i32 {
    value.floor() as i32
}

impl Lattice {
    fn of_mode(mode: &str) -> Self {
        let kilometres = match mode {
            "ultra" => 2.0,
            "normal" => 4.0,
            _ => 8.0,
        };
        Self { height: kilometres / DEGREE }
    }

    fn row(self, lat: f64) -> i32 {
        floor(lat / self.height)
    }

    /// The width of a row's cells, in degrees.
    fn width(self, row: i32) -> f64 {
        let centre = (f64::from(row) + 0.5) * self.height;
        self.height / centre.to_radians().cos().max(0.01)
    }

    fn column(self, row: i32, lon: f64) -> i32 {
        floor(lon / self.width(row))
    }
}

impl Grid {
    pub(super) fn new(mode: &str, areas: &[Area]) -> Self {
        let lattice = Lattice::of_mode(mode);
        let mut rows: BTreeMap<i32, Vec<Span>> = BTreeMap::new();
        for area in areas {
            let (mut low, mut high) = (i32::MAX, i32::MIN);
            for edge in area.edges() {
                let touched = lattice.touched(edge);
                low = touched.iter().fold(low, |low, (row, _)| low.min(*row));
                high = touched.iter().fold(high, |high, (row, _)| high.max(*row));
                touched.into_iter().for_each(|(row, span)| rows.entry(row).or_default().push(span));
            }
            // what no edge touches is inside whole, or outside
            for row in low..=high {
                let centre = (f64::from(row) + 0.5) * lattice.height;
                let spans = area.spans(centre).into_iter();
                let spans = spans.map(|(west, east)| (lattice.column(row, west), lattice.column(row, east)));
                rows.entry(row).or_default().extend(spans);
            }
        }
        let mut cells = 0;
        let counted = rows.into_iter().map(|(row, spans)| {
            let (spans, before) = (merged(spans), cells);
            cells += spans.iter().map(|(first, last)| u64::from(last.abs_diff(*first)) + 1).sum::<u64>();
            (row, spans, before)
        });
        let rows = counted.collect();
        Self { lattice, rows, cells }
    }

    /// How many cells there are.
    pub(super) const fn cells(&self) -> u64 {
        self.cells
    }

    /// The cell at a place of the order.
    pub(super) fn cell(&self, place: u64) -> Option<Cell> {
        let at = self.rows.partition_point(|(_, _, before)| *before <= place).checked_sub(1)?;
        let (row, spans, before) = self.rows.get(at)?;
        let mut left = place - before;
        for (first, last) in spans {
            let width = u64::from(last.abs_diff(*first)) + 1;
            if left < width {
                return Some(Cell { row: *row, column: first.checked_add(i32::try_from(left).ok()?)? });
            }
            left -= width;
        }
        None
    }

    /// The cell that holds a point: one alone, since cells are open to the north and to the east.
    pub(super) fn cell_of(&self, (lon, lat): Point) -> Cell {
        let row = self.lattice.row(lat);
        Cell { row, column: self.lattice.column(row, lon) }
    }

    /// South, west, north and east of a cell, within the earth.
    pub(super) fn bounds(&self, cell: Cell) -> [f64; 4] {
        let (height, width) = (self.lattice.height, self.lattice.width(cell.row));
        let (south, west) = (f64::from(cell.row) * height, f64::from(cell.column) * width);
        let lat = |degrees: f64| degrees.clamp(-90.0, 90.0);
        let lon = |degrees: f64| degrees.clamp(-180.0, 180.0);
        [lat(south), lon(west), lat(south + height), lon(west + width)]
    }
}

impl Lattice {
    /// The columns that an edge touches, in each of its rows.
    fn touched(self, (from, to): (Point, Point)) -> Vec<(i32, (i32, i32))> {
        let (from, to) = if from.1 <= to.1 { (from, to) } else { (to, from) };
        let (low, high) = (self.row(from.1), self.row(to.1));
        let span = |row: i32| {
            let south = f64::from(row) * self.height;
            let enters = if row == low { from.0 } else { at(from, to, south) };
            let leaves = if row == high { to.0 } else { at(from, to, south + self.height) };
            let (first, last) = (self.column(row, enters), self.column(row, leaves));
            (row, (first.min(last), first.max(last)))
        };
        (low..=high).map(span).collect()
    }
}

/// Spans without those that overlap or meet.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::new();
    for (first, last) in spans {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::area::testing::rectangle, *};

    #[test]
    fn cells_are_ordered_and_those_inside_a_hole_are_left_out() {
        let whole = [Area::new(&rectangle([2.0, 48.0, 2.9, 48.9], false))];
        let holed = [Area::new(&rectangle([2.0, 48.0, 2.9, 48.9], true))];
        let (whole, holed) = (Grid::new("normal", &whole), Grid::new("normal", &holed));
        // 100.2 km by 66.4 km in squares of 4 km, and the cells that are cut at its sides
        assert!((17 * 25..=19 * 27).contains(&whole.cells()), "{}", whole.cells());
        assert!(holed.cells() < whole.cells() - 20);
        let cells: Vec<_> = (0..holed.cells()).map(|place| holed.cell(place).unwrap()).collect();
        assert!(cells.is_sorted() && cells.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(holed.cell(holed.cells()), None);
        assert_eq!(Grid::new("fast", &[]).cells(), 0);
    }

    #[test]
    fn modes_have_their_sizes_and_cells_meet() {
        let area = [Area::new(&rectangle([2.0, 48.0, 2.5, 48.5], false))];
        for (mode, kilometres) in [("fast", 8.0), ("normal", 4.0), ("ultra", 2.0)] {
            let grid = Grid::new(mode, &area);
            let [south, west, north, east] = grid.bounds(grid.cell(0).unwrap());
            assert!(((north - south) * DEGREE - kilometres).abs() < 1e-9);
            let wide = (east - west) * DEGREE * f64::midpoint(south, north).to_radians().cos();
            assert!((wide - kilometres).abs() < 1e-9, "{wide}");
            let [_, next_west, ..] = grid.bounds(grid.cell(1).unwrap());
            assert!((next_west - east).abs() < 1e-9);
        }
    }

    #[test]
    fn zones_that_overlap_share_their_cells() {
        let one = rectangle([2.0, 48.0, 2.5, 48.5], false);
        let both = [Area::new(&one), Area::new(&one)];
        assert_eq!(Grid::new("fast", &both).cells(), Grid::new("fast", &both[..1]).cells());
    }

    proptest! {
        #[test]
        fn a_point_inside_is_in_a_cell_of_the_grid(
            west in -170.0..170.0_f64, south in -80.0..80.0_f64, wide in 0.001..2.0_f64, tall in 0.001..2.0_f64,
            across in 0.01..0.99_f64, up in 0.01..0.99_f64, hole in any::<bool>(),
        ) {
            let areas = [Area::new(&rectangle([west, south, west + wide, south + tall], hole))];
            let grid = Grid::new("normal", &areas);
            let point = (west + across * wide, south + up * tall);
            let cell = grid.cell_of(point);
            let [low, left, high, right] = grid.bounds(cell);
            prop_assert!((low..high).contains(&point.1) && (left..right).contains(&point.0));
            let planned = (0..grid.cells()).any(|place| grid.cell(place) == Some(cell));
            prop_assert!(planned || !areas[0].holds(point));
        }
    }
}
