//! Tables that somebody else wrote (outsend 12.2): encodings, separators, quotes, headers or none, and what of a table
//! was left out. Our own csv files come back as they were.

mod encoding;
mod header;
mod lines;
mod quotes;
mod records;
mod separator;
mod text;
mod told;
mod top;

pub use encoding::{Decoded, Encoding, decode};
pub use header::{COLUMNS, Header};
pub use records::{ROWS, Records, Table};
pub use text::Text;
pub use told::{Places, Told};

/// Why a text is no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing in it.
    #[error("there is no row in it")]
    Empty,
    /// Its first row is too long to be one.
    #[error("its first row has more than 32 KiB")]
    Long,
    /// A program's own format.
    #[error("it is a spreadsheet's own file and no text: save it as csv")]
    Spreadsheet,
    /// It cannot be told where its cells end.
    #[error("too many quotes are never closed")]
    Quotes,
}

#[cfg(test)]
mod tests;
