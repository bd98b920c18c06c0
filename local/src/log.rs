//! The local log: lines on standard error, and the canonical ones kept for the control port.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

const KEPT: usize = 10_000;

/// Canonical lines of the last requests.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<VecDeque<String>>>);

impl Capture {
    /// Starts the process's log, at the level that `OUTSCOUT_LOG` names; a second call keeps the first log.
    #[must_use]
    pub fn install() -> Self {
        let capture = Self::default();
        shared::log::start(capture.clone());
        capture
    }

    /// Keeps a line if it is a canonical one. It is read when somebody asks for it.
    pub fn keep(&self, line: &[u8]) {
        // within a value the quotes would be escaped
        let Some(line) = std::str::from_utf8(line).ok().filter(|line| line.contains(r#""target":"canonical""#)) else {
            return;
        };
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line.trim_end().to_owned());
    }

    /// All lines that are kept, as text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    /// The lines of one request.
    #[must_use]
    pub fn of(&self, request_id: &str) -> Vec<Value> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = lines.iter().filter(|line| line.contains(request_id));
        named
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line.get("request_id").and_then(Value::as_str) == Some(request_id))
            .collect()
    }
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

/// Writes one event's line.
#[derive(Debug)]
pub struct Line(Capture);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.keep(line);
        io::stderr().write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
