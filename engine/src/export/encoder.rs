//! What every format does.

use bytes::Bytes;

use crate::Row;

/// Turns rows into a file of one format, piece by piece; what it holds does not grow with the rows (outsend 9.5).
///
/// How the rows are cut into slices does not change the file.
pub trait Encoder: Send {
    /// What comes before the first row.
    fn begin(&mut self) -> Bytes;
    /// The next rows.
    fn rows(&mut self, rows: &[Row]) -> Bytes;
    /// What comes after the last row.
    fn end(&mut self) -> Bytes;
}
