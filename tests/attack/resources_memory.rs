//! Bodies that take many times their length in memory.

mod endpoints;
mod meter;
mod shapes;

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration as Wait,
};

use harness::{
    Bench,
    functions::{Api, named, routed, routes},
    outsend::{PASSWORD, jobs::World, sign_up_body},
};
use serde_json::json;
use tokio::runtime::Builder;

use self::{
    endpoints::{ENDPOINTS, Places},
    meter::{MIB, Meter},
};

/// What a request may take above what an idle function has.
const MAX_MEMORY: u64 = 64 * MIB;
/// What it may take of the processor, in a release build.
const MAX_TIME: Wait = Wait::from_millis(100);

/// Rows with two hundred keys each that no other row has.
fn own_keys(rows: usize) -> String {
    let row = |row: usize| {
        let cells: Vec<_> = (0..200).map(|key| format!("\"{row}_{key}\":1")).collect();
        format!("{{{}}}", cells.join(","))
    };
    format!("{{\"items\":[{}]}}", (0..rows).map(row).collect::<Vec<_>>().join(","))
}

/// A row with two hundred keys, and after it rows that have the last one alone.
fn sparse(rows: usize) -> String {
    let first: Vec<_> = (0..199).map(|key| format!("\"k{key}\":1")).collect();
    let rest: Vec<_> = (1..rows).map(|row| format!("{{\"email\":\"u{row}@one.test\"}}")).collect();
    format!("{{\"items\":[{{{},\"email\":\"a@one.test\"}},{}]}}", first.join(","), rest.join(","))
}

/// Rows of lists that hold a number as often as a row may.
fn lists(length: usize, number: &str) -> String {
    let list = vec![number; 4_000].join(",");
    let row = |row: usize| format!("{{\"email\":\"u{row}@one.test\",\"l\":[{list}]}}");
    let rows: Vec<_> = (0..length / (list.len() + 40)).map(row).collect();
    format!("{{\"items\":[{}]}}", rows.join(","))
}

/// Ten thousand rows of as many cells as fit.
fn dense(length: usize) -> String {
    let cells: Vec<_> = (0..(length / 10_000 - 40) / 8).map(|key| format!("\"{key:02x}\":0")).collect();
    let cells = cells.join(",");
    let row = |row: usize| format!("{{\"email\":\"u{row}@one.test\",{cells}}}");
    format!("{{\"items\":[{}]}}", (0..10_000).map(row).collect::<Vec<_>>().join(","))
}

/// Ten thousand rows of text that no compression makes much smaller.
fn full(length: usize) -> String {
    let size = length / 10_000 - 45;
    let mut state = 7_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'#' + u8::try_from((state >> 40) % 56).unwrap())
    };
    let row = |row: usize| {
        format!("{{\"email\":\"u{row}@one.test\",\"t\":\"{}\"}}", (0..size).map(|_| noise()).collect::<String>())
    };
    format!("{{\"items\":[{}]}}", (0..10_000).map(row).collect::<Vec<_>>().join(","))
}

/// What jobs over rows are asked with, and what becomes of it.
fn tables() -> Vec<(&'static str, String, u64)> {
    let most = 4 * 1024 * 1024;
    vec![
        ("200 rows with 200 keys of their own", own_keys(200), 422),
        ("2,000 rows with 200 keys of their own", own_keys(1_700), 422),
        ("a wide row, and 9,999 narrow ones", sparse(10_000), 200),
        ("lists of too many values", lists(most, "1"), 413),
        ("lists of as many values as there may be", lists(most / 10 * 9, "0.1234"), 200),
        ("10,000 rows of small cells", dense(most), 200),
        ("10,000 rows of noise", full(most), 200),
    ]
}

#[test]
fn wide_rows_are_refused_while_they_are_read() {
    let meter = Meter::new();
    let world = meter.there(World::start());
    let measured = world.bench.another_process();
    let headers = [("cookie", world.session.as_str())];
    let mut told = String::new();
    for (name, body, status) in tables() {
        world.bench.advance(time::Duration::minutes(2));
        let spent = meter.ask(&measured, Api::Outsend, "POST", "/api/jobs/verify-emails", &headers, body.as_bytes());
        assert_eq!(spent.answer.status, status, "{name}: {}", spent.answer.body);
        let _ = writeln!(told, "{name}: {spent} for {} bytes", body.len());
        assert!(spent.bytes <= 16 * body.len() as u64 + 4 * MIB && spent.bytes <= MAX_MEMORY, "{told}");
    }
    eprintln!("{told}");
}

#[test]
fn a_source_of_wide_rows_is_read_row_by_row() {
    let meter = Meter::new();
    let world = meter.there(World::start());
    let measured = world.bench.another_process();
    let headers = [("cookie", world.session.as_str())];
    let made =
        meter.ask(&measured, Api::Outsend, "POST", "/api/jobs/verify-emails", &headers, sparse(10_000).as_bytes());
    assert_eq!(made.answer.status, 200, "{}", made.answer.body);
    let id = made.answer.json()["id"].as_str().unwrap().to_owned();
    meter.there(world.settle());
    let body = json!({"source_job_id": id}).to_string();
    // the clock went on while the job ran
    let headers = [("x-api-key", world.key.as_str())];
    let spent = meter.ask(&measured, Api::Outsend, "POST", "/api/jobs/verify-emails", &headers, body.as_bytes());
    assert_eq!(spent.answer.status, 200, "{}", spent.answer.body);
    assert!(spent.bytes <= 24 * MIB, "{spent}");
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}

/// The most memory that the process has while `work` runs.
async fn most_resident<T>(work: impl Future<Output = T>) -> (T, u64) {
    let running = Arc::new(AtomicBool::new(true));
    let watch = {
        let running = Arc::clone(&running);
        std::thread::spawn(move || {
            let mut most = 0;
            while running.load(Ordering::Relaxed) {
                most = most.max(resident());
                std::thread::sleep(Wait::from_millis(1));
            }
            most
        })
    };
    let value = work.await;
    running.store(false, Ordering::Relaxed);
    (value, watch.join().unwrap())
}

/// Says that this process runs one test alone.
const ALONE: &str = "OUTSCOUT_ATTACK_ALONE";

#[cfg(target_os = "linux")]
#[test]
fn passwords_are_hashed_a_few_at_a_time() {
    if std::env::var_os(ALONE).is_some() {
        return Builder::new_multi_thread().enable_all().build().unwrap().block_on(many_log_ins());
    }
    // the memory of a process is that of all the tests that run in it
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", "resources_memory::passwords_are_hashed_a_few_at_a_time"]).env(ALONE, "1");
    let output = alone.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn many_log_ins() {
    let bench = Bench::start().await.unwrap();
    let sign_up = |email: &str| sign_up_body(email).to_string();
    let function = routed(Api::Outsend, "POST", "/api/auth/signup");
    bench.send(function, "POST", "/api/auth/signup", &[], sign_up("ada@example.com").as_bytes()).await.unwrap();
    let one = |number: usize| {
        let bench = &bench;
        async move {
            // each address has a limit of its own
            let body = json!({"email": format!("u{number}@example.com"), "password": PASSWORD}).to_string();
            let (name, source) = ("outsend-auth-login", format!("10.0.{}.{}", number / 250, number % 250));
            let event = bench.event_from(name, "POST", "/api/auth/login", &[], body.as_bytes(), &source);
            harness::read(bench.invoke(named(name), event).await.unwrap()).await.unwrap().status
        }
    };
    let before = resident();
    let (statuses, most) = most_resident(futures_util::future::join_all((0..200).map(one))).await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    let processors = std::thread::available_parallelism().unwrap().get() as u64;
    let taken = most.saturating_sub(before) / MIB;
    assert!(taken < processors * 20 + 128, "200 log-ins at once took {taken} MiB");
}

/// The routes that take a body: those whose method is not one that only reads.
fn writing(api: Api) -> Vec<(&'static str, &'static str)> {
    // what is routed nowhere reads no body
    let all = routes(api).iter().filter(|route| !route.function.ends_with("-fallback"));
    let all = all.map(|route| (route.method.as_str(), route.resource.as_str()));
    all.filter(|(method, _)| !matches!(*method, "GET" | "HEAD" | "OPTIONS")).collect()
}

#[test]
fn every_route_that_takes_a_body_has_its_largest_one() {
    for api in [Api::Outset, Api::Outsend, Api::OpenScouter] {
        for (method, resource) in writing(api) {
            let known = ENDPOINTS.iter().filter(|one| (one.api, one.method, one.resource) == (api, method, resource));
            assert_eq!(known.count(), 1, "{api:?} {method} {resource} has no entry in resources_memory/endpoints.rs");
        }
    }
    for one in ENDPOINTS {
        assert!(writing(one.api).contains(&(one.method, one.resource)), "{} {} is no route", one.method, one.resource);
    }
}

#[test]
fn the_largest_body_of_every_endpoint_takes_little() {
    let meter = Meter::new();
    let places = Places::new(&meter);
    let (mut report, mut over) = (String::new(), String::new());
    for one in ENDPOINTS {
        let credential = places.headers(&meter, one);
        let headers: Vec<_> = credential.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = places.path(one);
        // what the first request of a process makes is not the body's
        places.ask(&meter, one, &path, &headers, b"");
        let (mut most, mut longest) = ((0, ""), (Wait::ZERO, ""));
        for (shape, body) in one.bodies(&places) {
            let spent = places.ask(&meter, one, &path, &headers, &body);
            let limit = 16 * body.len() as u64 + MIB;
            assert!(one.admits(spent.answer.status), "{} {path}, {shape}: {}", one.method, spent.answer.body);
            let slow = !cfg!(debug_assertions) && spent.cpu > MAX_TIME;
            if spent.bytes > limit.min(MAX_MEMORY) || slow {
                let _ = writeln!(over, "{} {}, {shape} ({} bytes): {spent}", one.method, one.resource, body.len());
            }
            most = most.max((spent.bytes, shape));
            longest = longest.max((spent.cpu, shape));
        }
        let _ = writeln!(
            report,
            "| {:?} {} {} | {:.1} | {} | {:.1} | {} |",
            one.api,
            one.method,
            one.resource,
            most.0 as f64 / MIB as f64,
            most.1,
            longest.0.as_secs_f64() * 1e3,
            longest.1
        );
    }
    eprintln!("| endpoint | MiB | body | CPU ms | body |\n| --- | --- | --- | --- | --- |\n{report}");
    assert!(over.is_empty(), "too much:\n{over}");
}
