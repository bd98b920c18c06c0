//! What invocations take, as `bench/cost` needs it: the processes' time and memory, and what they ask of the store.
//!
//! With `OUTSCOUT_NOTE_COSTS` each invocation of a binary is noted in the file that it names, as a line of JSON. Invocations
//! beside one another are left out: nobody could tell whose a call is.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use shared::{
    BoxFuture,
    lambda::{InvokeError, Reply},
};

use crate::meter::{Counting, Meter};

/// What the invocation that is noted is counted under.
const LABEL: &str = "invocation";

/// The file that invocations are noted in.
pub(crate) fn file() -> Option<&'static Path> {
    static FILE: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os("OUTSCOUT_NOTE_COSTS").map(PathBuf::from));
    FILE.as_deref()
}

/// Notes of one bench. Clones note together.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    meter: Meter,
    seen: Arc<Mutex<Seen>>,
}

/// What was seen of the invocation under way.
#[derive(Debug, Default)]
struct Seen {
    /// Invocations under way.
    invocations: usize,
    /// Whether there were several since there was none.
    mixed: bool,
    /// Calls of the store under way, and since when there is one.
    calls: usize,
    since: Option<Instant>,
    /// How long there was one.
    waited: Duration,
    /// How often the first of several calls began.
    steps: u32,
}

/// A call of the store.
pub(crate) struct Call<'a> {
    notes: &'a Notes,
    counting: Option<Counting>,
}

impl Notes {
    pub(crate) fn new(meter: Meter) -> Self {
        Self { meter, seen: Arc::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of the store begins.
    pub(crate) async fn begins(&self, (operation, body): (String, &[u8])) -> Call<'_> {
        {
            let mut seen = self.seen();
            seen.calls += 1;
            if seen.calls == 1 {
                seen.since = Some(Instant::now());
                seen.steps += 1;
            }
        }
        Call { notes: self, counting: self.meter.begin(&operation, body).await }
    }

    /// Waits for an invocation of a function and notes what it took.
    pub(crate) async fn invocation(
        &self,
        processes: &Processes,
        function: &str,
        invocation: BoxFuture<'static, Result<Reply, InvokeError>>,
    ) -> Result<Reply, InvokeError> {
        {
            let mut seen = self.seen();
            seen.invocations += 1;
            seen.mixed |= seen.invocations > 1;
            if !seen.mixed {
                (seen.waited, seen.steps) = (Duration::ZERO, 0);
                self.meter.label(Some(LABEL.to_owned()));
            }
        }
        let before = processes.known(function);
        let began = Instant::now();
        let reply = invocation.await;
        let took = began.elapsed();
        let (mixed, waited, steps) = {
            let mut seen = self.seen();
            seen.invocations -= 1;
            let mixed = seen.mixed;
            seen.mixed &= seen.invocations > 0;
            (mixed, seen.waited, seen.steps)
        };
        let tally = self.meter.take(LABEL);
        self.meter.label(None);
        let status = reply.as_ref().ok().and_then(status);
        if let (false, Some(status), Some(after)) = (mixed, status, processes.look(function)) {
            let cpu = after.cpu - before.map_or(Duration::ZERO, |before| before.cpu);
            note(&json!({
                "function": function, "status": status, "first": before.is_none(),
                "own_ms": milliseconds(took.saturating_sub(waited)), "cpu_ms": milliseconds(cpu), "peak_kib": after.peak_kib,
                "steps": steps, "calls": tally.calls, "reads": tally.reads, "writes": tally.writes,
            }));
        }
        reply
    }
}

impl Call<'_> {
    /// It has its answer.
    pub(crate) async fn ends(self, refused: bool) {
        if let Some(counting) = &self.counting {
            self.notes.meter.end_untold(counting, refused).await;
        }
        let mut seen = self.notes.seen();
        seen.calls -= 1;
        if seen.calls == 0 {
            let since = seen.since.take();
            seen.waited += since.map_or(Duration::ZERO, |since| since.elapsed());
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The status of an answer to a request.
fn status(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Whole(bytes) => serde_json::from_slice::<Value>(bytes).ok()?["statusCode"].as_u64(),
        Reply::Streamed(streamed) => Some(u64::from(streamed.status)),
    }
}

fn note(line: &Value) {
    let Some(file) = file() else { return };
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The processes of one bench, found by what they run and by their variables, which no other bench has.
#[derive(Debug)]
pub(crate) struct Processes {
    directory: PathBuf,
    /// The variable that names the bench's clock.
    clock: String,
    ids: Mutex<HashMap<String, String>>,
}

/// What a process took so far.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Time of the processor.
    cpu: Duration,
    /// The most memory.
    peak_kib: u64,
}

impl Processes {
    /// Those of binaries in a folder under these variables.
    pub(crate) fn of(directory: &Path, variables: &[(String, String)]) -> Self {
        let clock = variables.iter().find(|(name, _)| name == "OUTSCOUT_CLOCK_FILE");
        let clock = clock.map(|(name, value)| format!("{name}={value}")).unwrap_or_default();
        Self { directory: directory.to_owned(), clock, ids: Mutex::default() }
    }

    fn ids(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a function's process took that was seen before.
    fn known(&self, function: &str) -> Option<Taken> {
        let id = self.ids().get(function).cloned()?;
        taken(&id)
    }

    /// What a function's process took.
    fn look(&self, function: &str) -> Option<Taken> {
        if let Some(taken) = self.known(function) {
            return Some(taken);
        }
        let binary = self.directory.join(function);
        let binaries = [binary.join("bootstrap"), binary];
        let own = |id: &String| {
            let runs = fs::read_link(format!("/proc/{id}/exe"));
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            runs.is_ok_and(|runs| binaries.contains(&runs))
                && environment.split(|byte| *byte == 0).any(|variable| variable == self.clock.as_bytes())
        };
        let all = fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let id = all.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).find(own)?;
        self.ids().insert(function.to_owned(), id.clone());
        taken(&id)
    }
}

/// What a process took so far, if it runs.
fn taken(id: &str) -> Option<Taken> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    let cpu = Duration::from_nanos(times.sum());
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(Taken { cpu, peak_kib: peak.trim().trim_end_matches("kB").trim().parse().ok()? })
}
