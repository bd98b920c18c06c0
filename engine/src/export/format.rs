//! The formats, and the encoder of each.

use super::{csv::Csv, encoder::Encoder, json::Json, xlsx::Xlsx};

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
            Self::Csv => Box::new(Csv::new(columns)),
            Self::Json => Box::new(Json::new(columns)),
            Self::Xlsx => Box::new(Xlsx::new(columns)),
        }
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
