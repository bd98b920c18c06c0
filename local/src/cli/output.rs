//! What a command shows, and why it failed.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::embedded_store::EngineError;
pub(super) use crate::log::harmless;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failed {
    /// Exit code 3.
    NotFound(String),
    /// Exit code 2.
    Usage(String),
    /// Exit code 1.
    Other(EngineError),
}

impl<E: Into<EngineError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Writes a line on standard output.
pub(super) fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Writes a result: as JSON, or as lines of its members.
pub(super) fn show(json: bool, value: &Value) -> io::Result<()> {
    if json {
        return print(&value.to_string());
    }
    let rows = match value {
        Value::Array(rows) => rows.iter().collect(),
        row => vec![row],
    };
    for row in rows {
        let members = row.as_object().into_iter().flatten();
        let text: Vec<_> = members
            .map(|(name, value)| format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), harmless)))
            .collect();
        print(&text.join("  "))?;
    }
    Ok(())
}
