//! The real function binaries over the Lambda Runtime API: `outscout serve --lambda`.
//!
//! Runs when `OUTSCOUT_TEST_LAMBDA` names the folder of the binaries (`target/debug` after `cargo build`), with the
//! `outscout` that was built beside this test.
#![cfg(target_os = "linux")]

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A server over the binaries in a folder.
struct Server {
    process: Child,
    folder: PathBuf,
    /// Its temporary files: a killed server leaves them.
    scratch: PathBuf,
    ready: Value,
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Server {
    /// `None`, and a line that says so, when no folder is named.
    fn start() -> Option<Self> {
        let Some(folder) = std::env::var_os("OUTSCOUT_TEST_LAMBDA") else {
            // not through a macro, whose text cargo shows of failed tests alone
            let _ =
                std::io::stderr().write_all(b"left out: OUTSCOUT_TEST_LAMBDA names no folder of function binaries\n");
            return None;
        };
        // cargo runs a test in its package's folder
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).canonicalize().unwrap();
        let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("outscout");
        let scratch = std::env::temp_dir().join(format!("outscout-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&scratch).unwrap();
        let mut process = Command::new(built)
            .env("TMPDIR", &scratch)
            .args(["serve", "--port", "0", "--in-memory", "--ready-json", "--lambda"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Some(Self { process, folder, scratch, ready: serde_json::from_str(&line).unwrap() })
    }

    fn origin(&self, of: &str) -> String {
        self.ready[of].as_str().unwrap().split('/').nth(2).unwrap().to_owned()
    }

    fn outset(&self, method: &str, path: &str, body: &str) -> Answer {
        let key = self.ready["demo"]["outset_key"].as_str().unwrap();
        send(&self.origin("outset"), &format!("{method} {path}"), &format!("Authorization: Api-Key {key}"), body)
    }

    fn list(&self) -> u16 {
        self.outset("GET", "/v1/studies/", "").status
    }

    /// The server's children that run a function's binary.
    fn processes(&self, function: &str) -> Vec<i32> {
        let (parent, binary) = (self.process.id(), self.folder.join(function));
        let bootstrap = binary.join("bootstrap");
        let runs = |id: &i32| {
            let Ok(executable) = fs::read_link(format!("/proc/{id}/exe")) else { return false };
            parent_of(*id) == Some(parent) && (executable == binary || executable == bootstrap)
        };
        all().into_iter().filter(runs).collect()
    }

    fn children(&self) -> Vec<i32> {
        all().into_iter().filter(|id| parent_of(*id) == Some(self.process.id())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// Every process of this machine.
fn all() -> Vec<i32> {
    let names = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| OsStr::to_str(&name)?.parse().ok()).collect()
}

/// The parent of a process; none when it has ended, reaped or not.
fn parent_of(id: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = status.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}

fn signal(id: i32, signal: Signal) {
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(5), "never: {what}");
        sleep(Duration::from_millis(10));
    }
}

fn send(origin: &str, line: &str, header: &str, body: &str) -> Answer {
    let mut connection = TcpStream::connect(origin).unwrap();
    let length = body.len();
    let kind = "Content-Type: application/json";
    write!(
        connection,
        "{line} HTTP/1.1\r\nHost: {origin}\r\n{header}\r\n{kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: serde_json::from_str(body).unwrap_or_default() }
}

#[test]
fn a_killed_process_fails_the_invocation_in_flight_alone() {
    let Some(server) = Server::start() else { return };
    assert!(server.processes("outset-studies-list").is_empty(), "nothing starts before its first use");
    assert_eq!(server.list(), 200);
    let [first] = server.processes("outset-studies-list")[..] else { panic!("one process") };
    assert_eq!(server.list(), 200);
    assert_eq!(server.processes("outset-studies-list"), [first], "kept warm");

    // time to ask for more work, so that the next invocation is its own
    sleep(Duration::from_millis(300));
    signal(first, Signal::STOP);
    let (origin, key) = (server.origin("outset"), server.ready["demo"]["outset_key"].as_str().unwrap());
    let header = format!("Authorization: Api-Key {key}");
    let in_flight = spawn(move || send(&origin, "GET /v1/studies/", &header, ""));
    sleep(Duration::from_millis(300));
    assert_eq!(server.list(), 200, "a second process answers while the first is busy");
    assert_eq!(server.processes("outset-studies-list").len(), 2);
    signal(first, Signal::KILL);
    let failed = in_flight.join().unwrap();
    assert_eq!(failed.status, 500);
    assert_eq!(failed.body["errors"][0]["code"], "error");
    assert!((0..20).all(|_| server.list() == 200));

    let idle = server.processes("outset-studies-list");
    idle.iter().for_each(|id| signal(*id, Signal::KILL));
    eventually("the processes have ended", || server.processes("outset-studies-list").is_empty());
    sleep(Duration::from_millis(100));
    assert_eq!(server.list(), 200, "another process is started");
}

#[test]
fn processes_follow_the_clock_and_write_the_log() {
    let Some(server) = Server::start() else { return };
    let studies = server.outset("GET", "/v1/studies/", "").body;
    let study = format!("/v1/studies/{}/", studies["results"][0]["id"].as_str().unwrap());
    let activate = |active: bool| server.outset("PATCH", &study, &json!({"active": active}).to_string());
    let before = activate(false);
    let moved = send(&server.origin("control"), "POST /_local/clock", "A: b", r#"{"advance_seconds": 864000}"#);
    assert_eq!(moved.status, 200);
    let after = activate(true);
    let day = |answer: &Answer| {
        let text = answer.body["updated_at"].as_str().unwrap().to_owned();
        let format = time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(&text, &format).unwrap().to_julian_day()
    };
    assert!((10..=11).contains(&(day(&after) - day(&before))), "{} {}", before.body, after.body);

    let id = after.head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let asked = format!("GET /_local/log?request_id={id}");
    let lines = || send(&server.origin("control"), &asked, "A: b", "").body;
    eventually("the line is kept", || lines().as_array().is_some_and(|lines| lines.len() == 1));
    assert_eq!(lines()[0]["function"], "outset-studies-update");
}

#[test]
fn a_stop_is_prompt_and_leaves_no_process() {
    let Some(mut server) = Server::start() else { return };
    assert_eq!(server.list(), 200);
    let children = server.children();
    // beside it there may be those that the stream called
    assert_eq!(server.processes("outset-studies-list").len(), 1);
    // a request that was answered, a connection without one, a half one, on each port
    let mut idle = Vec::new();
    for api in ["control", "outset", "outsend", "openscouter"] {
        for text in ["GET /v1/schema/ HTTP/1.1\r\nHost: a\r\n\r\n", "", "GET /v1/sch"] {
            let mut connection = TcpStream::connect(server.origin(api)).unwrap();
            connection.write_all(text.as_bytes()).unwrap();
            if text.ends_with("\r\n\r\n") {
                let _ = connection.read(&mut [0; 10_000]).unwrap();
            }
            idle.push(connection);
        }
    }
    let began = Instant::now();
    signal(i32::try_from(server.process.id()).unwrap(), Signal::TERM);
    assert!(server.process.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(children.into_iter().all(|id| parent_of(id).is_none()));
    assert_eq!(fs::read_dir(&server.scratch).unwrap().count(), 0);
}

#[test]
fn no_process_outlives_a_killed_server() {
    let Some(mut server) = Server::start() else { return };
    assert_eq!(server.list(), 200);
    let children = server.children();
    // beside it there may be those that the stream called
    assert_eq!(server.processes("outset-studies-list").len(), 1);
    // stopped, it cannot see that its server is gone
    children.iter().for_each(|id| signal(*id, Signal::STOP));
    server.process.kill().unwrap();
    eventually("the processes have ended", || children.iter().all(|id| parent_of(*id).is_none()));
}
