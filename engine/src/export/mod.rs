//! Tabular exports (outsend 9): rows in, bytes out, as they come.

mod csv;
mod json;
mod xlsx;

use bytes::Bytes;

use crate::Row;

/// A format of an export (outsend 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `csv`
    Csv,
    /// `json`
    Json,
    /// `xlsx`
    Xlsx,
}

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

impl Format {
    /// Reads the value of `format` (outsend 9.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// `Content-Type` (outsend 9.2).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The file name's extension (outsend 9.2).
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
        }
    }

    /// An encoder for rows with these columns (outsend 9.3).
    #[must_use]
    pub fn encoder(self, columns: &[String]) -> Box<dyn Encoder> {
        match self {
            Self::Csv => Box::new(csv::Csv::new(columns)),
            Self::Json => Box::new(json::Json::new(columns)),
            Self::Xlsx => Box::new(xlsx::Xlsx::new(columns)),
        }
    }
}

#[cfg(test)]
mod testing {
    use super::*;

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_by_their_name() {
        for format in [Format::Csv, Format::Json, Format::Xlsx] {
            assert_eq!(Format::parse(format.extension()), Some(format));
        }
        assert_eq!(Format::parse("CSV"), None);
    }
}
