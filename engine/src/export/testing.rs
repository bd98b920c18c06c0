//! A whole file, for the tests of the formats.

use super::format::Format;
use crate::Row;

/// The whole file, with the rows handed over in slices of this size.
pub(super) fn whole(format: Format, columns: &[&str], rows: &[Row], slice: usize) -> Vec<u8> {
    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
    let mut encoder = format.encoder(&columns);
    let mut file = encoder.begin().to_vec();
    for rows in rows.chunks(slice) {
        file.extend_from_slice(&encoder.rows(rows));
    }
    file.extend_from_slice(&encoder.end());
    file
}
