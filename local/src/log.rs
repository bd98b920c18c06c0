//! The local log: lines on standard error, and the canonical ones kept for the control port.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    io::{self, IsTerminal as _, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// Lines of requests that are kept, and lines of whatever kind.
const KEPT: (usize, usize) = (10_000, 2_000);

/// The last lines.
#[derive(Debug, Default)]
struct Kept {
    /// The canonical ones of requests.
    canonical: VecDeque<String>,
    /// All.
    all: VecDeque<String>,
    /// How many there were before the first of all that are kept.
    gone: usize,
}

/// The last lines of the process's log.
#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<Kept>>);

impl Capture {
    /// Starts the process's log, at the level that `OUTSCOUT_LOG` names; a second call keeps the first log.
    #[must_use]
    pub fn install() -> Self {
        let capture = Self::default();
        shared::log::start(capture.clone());
        capture
    }

    /// Keeps a line. It is read when somebody asks for it.
    pub fn keep(&self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        let line = line.trim_end();
        let mut kept = self.kept();
        // within a value the quotes would be escaped
        if line.contains(r#""target":"canonical""#) {
            if kept.canonical.len() == KEPT.0 {
                kept.canonical.pop_front();
            }
            kept.canonical.push_back(line.to_owned());
        }
        if kept.all.len() == KEPT.1 {
            kept.all.pop_front();
            kept.gone += 1;
        }
        kept.all.push_back(line.to_owned());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All canonical lines that are kept, as text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.kept().canonical.iter().cloned().collect()
    }

    /// The lines of whatever kind behind the first `after` of this process, as far as they are kept, and how many there were
    /// in all.
    #[must_use]
    pub fn behind(&self, after: usize) -> (Vec<String>, usize) {
        let kept = self.kept();
        let lines = kept.all.iter().skip(after.saturating_sub(kept.gone)).cloned().collect();
        (lines, kept.gone + kept.all.len())
    }

    /// The canonical lines of one request.
    #[must_use]
    pub fn of(&self, request_id: &str) -> Vec<Value> {
        let kept = self.kept();
        let named = kept.canonical.iter().filter(|line| line.contains(request_id));
        named
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line.get("request_id").and_then(Value::as_str) == Some(request_id))
            .collect()
    }
}

/// What a line says of a request, in the order in which people read it.
const REQUEST: [&str; 4] = ["http.status", "http.method", "http.path", "duration_ms"];
/// What people need not be told of a line: it stands elsewhere in it, or is for machines.
const UNSAID: [&str; 9] = [
    "timestamp",
    "level",
    "target",
    "message",
    "audit_id",
    "outcome",
    "function",
    "store.items_read",
    "store.sequential",
];

/// A line as people read it: when, how serious, what; anything that is no line of the log as it stands. What others wrote
/// moves no cursor and sets no colour.
#[must_use]
pub fn readable(line: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(line) else { return harmless(line.trim_end()) };
    let text = |name: &str| match members.get(name) {
        Some(Value::String(text)) => harmless(text),
        Some(value) => harmless(&value.to_string()),
        None => String::new(),
    };
    let time = text("timestamp");
    let time = time.get(11..19).unwrap_or(&time);
    let mut said = format!("{time} {:5} ", text("level"));
    let is_request = members.contains_key("http.status");
    if is_request {
        let [status, method, path, took] = REQUEST.map(text);
        let _ = write!(said, "{status} {method} {path} {took} ms {}", text("function"));
    } else {
        let _ = write!(said, "{}", text("message"));
        if members.contains_key("function") {
            let _ = write!(said, "  function={}", text("function"));
        }
    }
    for (name, value) in &members {
        let told = UNSAID.contains(&name.as_str()) || (is_request && REQUEST.contains(&name.as_str()));
        if !told && !value.is_null() {
            let _ = write!(said, "  {}={}", harmless(name), text(name));
        }
    }
    said
}

/// A text as a terminal may show it: what others wrote moves no cursor and sets no colour.
#[must_use]
pub fn harmless(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.clone())
    }
}

/// Writes one event's line: for people where they read it at a terminal, else as it is.
#[derive(Debug)]
pub struct Line(Capture);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.keep(line);
        let mut out = io::stderr().lock();
        match std::str::from_utf8(line) {
            Ok(text) if out.is_terminal() => writeln!(out, "{}", readable(text))?,
            _ => out.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_when_how_serious_and_what() {
        let request = r#"{"timestamp":"2026-12-01T21:14:07.035807Z","level":"INFO","message":"request","request_id":"r-1","audit_id":"a","function":"outset-studies-list","http.method":"GET","http.path":"/v1/studies/","http.status":200,"outcome":"answered","cause":null,"duration_ms":12,"store.calls":3,"store.sequential":1,"store.items_read":2,"target":"canonical"}"#;
        assert_eq!(
            readable(request),
            "21:14:07 INFO  200 GET /v1/studies/ 12 ms outset-studies-list  request_id=r-1  store.calls=3"
        );
        let other = "{\"timestamp\":\"2026-12-01T21:14:07Z\",\"level\":\"ERROR\",\"message\":\"clock not kept\",\"cause\":\"a\\u001b[2Jb\",\"target\":\"x\"}\n";
        assert_eq!(readable(other), "21:14:07 ERROR clock not kept  cause=a\\u{1b}[2Jb");
        assert_eq!(readable("no JSON\u{7}\n"), "no JSON\\u{7}");
        assert_eq!(readable("[]"), "[]");
    }

    #[test]
    fn the_last_lines_are_kept_and_told_from_a_place_on() {
        let capture = Capture::default();
        for number in 0..KEPT.1 + 5 {
            capture.keep(format!("{{\"n\":{number}}}\n").as_bytes());
        }
        capture.keep(br#"{"request_id":"r","target":"canonical"}"#);
        let all = KEPT.1 + 6;
        let (lines, next) = capture.behind(0);
        assert_eq!((lines.len(), lines[0].as_str(), next), (KEPT.1, r#"{"n":6}"#, all));
        assert_eq!(
            capture.behind(all - 2),
            ([r#"{"n":2004}"#, r#"{"request_id":"r","target":"canonical"}"#].map(str::to_owned).to_vec(), all)
        );
        assert_eq!(capture.behind(all + 9), (Vec::new(), all));
        assert_eq!((capture.lines().len(), capture.of("r").len(), capture.of("q").len()), (1, 1, 0));
    }
}
