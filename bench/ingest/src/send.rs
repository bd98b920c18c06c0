//! A client of any ingestion endpoint: bodies are made beforehand, a few connections are kept open, and all it does
//! meanwhile is to write requests and to read answers.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::Failure;

/// Items of a batch.
const ITEMS: u64 = 500;
const KINDS: [&str; 10] =
    ["scroll", "click", "scroll", "focus", "input", "scroll", "click", "blur", "navigation", "scroll"];
const SELECTORS: [&str; 6] = [
    "#card-number",
    "main > section:nth-of-type(2) > form > div.field:nth-child(3) > input",
    "button[type=submit]",
    "body",
    "#checkout .summary > ul > li:nth-child(4) > a",
    "nav > a:nth-child(2)",
];

/// An event as a page's script sends it.
fn event(batch: u64, number: u64, start: OffsetDateTime) -> Result<String, Failure> {
    let mixed = (batch * ITEMS + number).wrapping_mul(2_654_435_761) % 1_000_003;
    let pick = |length: usize| usize::try_from(mixed).unwrap_or(0) % length;
    let milliseconds = i64::try_from(number * 97 + mixed % 90)?;
    let timestamp = (start + time::Duration::milliseconds(milliseconds)).format(&Rfc3339)?;
    let kind = KINDS.get(pick(KINDS.len())).unwrap_or(&"click");
    let selector = SELECTORS.get(pick(SELECTORS.len())).unwrap_or(&"body");
    let (x, y, scroll) = (mixed % 1_280, mixed % 717, mixed % 4_000);
    let mut text = format!(
        "{{\"eventId\":\"{batch:06x}-{number:04x}-{mixed:05x}\",\"eventType\":\"{kind}\",\"targetSelector\":\"{selector}\",\
         \"timestamp\":\"{timestamp}\",\"x\":{x},\"y\":{y},\"scrollY\":{scroll}"
    );
    if mixed.is_multiple_of(3) {
        write!(text, ",\"url\":\"https://shop.example/checkout/{}?step={}\"", mixed % 5, mixed % 7)?;
    }
    if mixed.is_multiple_of(4) {
        write!(text, ",\"viewport\":{{\"width\":1280,\"height\":717}},\"timeOnElementMs\":{}", mixed % 6_000)?;
    }
    if *kind == "input" {
        write!(text, ",\"inputLength\":{}", mixed % 40)?;
    }
    text.push('}');
    Ok(text)
}

/// A whole request.
fn request(plan: &Plan, batch: u64) -> Result<Vec<u8>, Failure> {
    let Session { session, token } = plan.sessions.get(usize::try_from(batch)? % plan.sessions.len()).ok_or("none")?;
    let events: Vec<_> = (0..ITEMS).map(|number| event(batch, number, plan.start)).collect::<Result<_, _>>()?;
    let body = format!("{{\"sessionId\":\"{session}\",\"batch\":[{}]}}", events.join(","));
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Token {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        plan.path,
        plan.address,
        body.len()
    );
    Ok([head.into_bytes(), body.into_bytes()].concat())
}

struct Session {
    session: String,
    token: String,
}

/// What is to be sent, and where.
struct Plan {
    address: String,
    path: String,
    sessions: Vec<Session>,
    batches: u64,
    start: OffsetDateTime,
}

impl Plan {
    #[expect(clippy::disallowed_methods, reason = "a client has a clock of its own")]
    fn read(file: &Path) -> Result<Self, Failure> {
        let plan: Value = serde_json::from_slice(&std::fs::read(file)?)?;
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let sessions = plan.get("sessions").and_then(Value::as_array).ok_or("no sessions")?;
        Ok(Self {
            address: text(&plan, "address"),
            path: text(&plan, "path"),
            sessions: sessions
                .iter()
                .map(|one| Session { session: text(one, "session"), token: text(one, "token") })
                .collect(),
            batches: plan.get("batches").and_then(Value::as_u64).ok_or("no batches")?,
            start: OffsetDateTime::now_utc(),
        })
    }
}

/// Sends a request and reads the answer to its end.
fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Result<String, Failure> {
    stream.get_mut().write_all(request)?;
    let (mut line, mut length, mut status) = (String::new(), 0, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err("the connection was closed".into());
        }
        if status.is_empty() {
            status = line.trim_end().to_owned();
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8(body)?;
    if status.contains(" 200 ") { Ok(body) } else { Err(format!("{status}: {body}").into()) }
}

/// Sends what the plan says over some connections; how long it took.
pub(crate) fn send(plan: &Path, connections: usize) -> Result<Value, Failure> {
    let plan = Plan::read(plan)?;
    let requests: Vec<_> = (0..plan.batches).map(|batch| request(&plan, batch)).collect::<Result<_, _>>()?;
    let next = AtomicUsize::new(0);
    let barrier = Barrier::new(connections + 1);
    let (times, elapsed) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let stream = TcpStream::connect(&plan.address);
                    barrier.wait();
                    let stream = stream?;
                    stream.set_nodelay(true)?;
                    let mut stream = BufReader::new(stream);
                    let mut times = Vec::new();
                    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let began = Instant::now();
                        let body = exchange(&mut stream, request)?;
                        times.push(began.elapsed());
                        let answer: Value = serde_json::from_str(&body)?;
                        let data = answer.get("data").ok_or("no data")?;
                        if (data.get("accepted"), data.get("duplicates")) != (Some(&json!(ITEMS)), Some(&json!(0))) {
                            return Err(body.into());
                        }
                    }
                    Ok::<_, Failure>(times)
                })
            })
            .collect();
        barrier.wait();
        let began = Instant::now();
        let times: Result<Vec<Vec<Duration>>, Failure> =
            workers.into_iter().map(|worker| worker.join().map_err(|_| "a connection failed")?).collect();
        (times, began.elapsed())
    });
    let mut times = times?.concat();
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1)));
    let milliseconds = |part: usize| at(part).map(|time| time.as_secs_f64() * 1_000.0);
    let bytes: usize = requests.iter().map(Vec::len).sum();
    Ok(json!({
        "batches": plan.batches, "events": plan.batches * ITEMS, "bytes": bytes, "seconds": elapsed.as_secs_f64(),
        "p50": milliseconds(50), "p99": milliseconds(99),
    }))
}
