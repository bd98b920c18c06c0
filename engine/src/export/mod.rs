//! Tabular exports (outsend 9): rows in, bytes out, as they come.

mod csv;
mod encoder;
mod file;
mod format;
mod json;
#[cfg(test)]
mod testing;
mod xlsx;

pub use encoder::Encoder;
pub use file::{Rows, file};
pub use format::Format;
