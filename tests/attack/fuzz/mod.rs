//! A bounded fuzz run: random and mutated bodies, headers and queries against every route that takes a body, over the real
//! handlers of a debug build and with credentials that open them. Nothing may end in a 500, a panic or the end of the
//! process.
//!
//! `OUTSCOUT_FUZZ_RUNS` says how many requests are sent (some 20 a route unless it does), `OUTSCOUT_FUZZ_SEED` repeats a run.
//! What breaks something is printed and kept under `target/fuzz/`; its body then goes into `corpus/`, which every run
//! begins with.

mod mutate;
pub(crate) mod surface;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use self::{
    mutate::{Dice, mutated},
    surface::{Sample, Surface, broke},
};

/// The seed that every run has, beside one of its own.
const SEED: u64 = 12;
/// Requests to one world: then its credentials come to their ends, and what could be closed is closed.
const ROUND: u64 = 800;

/// The bodies that once broke something, or that were thought of.
fn corpus() -> Vec<Vec<u8>> {
    let folder = format!("{}/attack/fuzz/corpus", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[expect(clippy::disallowed_methods, reason = "the run is configured from outside")]
fn configured(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was sent, if it broke something.
async fn sent(world: &Surface, sample: &Sample) -> Result<u64, String> {
    let outcome = world.send(sample).await;
    let why = match outcome {
        Ok(answer) if !broke(answer.status) => return Ok(answer.status),
        Ok(answer) => format!("{}: {}", answer.status, answer.body),
        Err(error) => error.to_string(),
    };
    Err(format!("{} {} {:?} answered {why}", sample.method, sample.url, sample.headers))
}

/// Keeps a body that broke something.
fn keep(name: &str, body: &[u8]) {
    let folder = format!("{}/../target/fuzz", env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(format!("{folder}/{name}"), body).unwrap();
}

/// The runs of one seed, a new world for each round of them.
#[expect(clippy::print_stderr, reason = "a long run says how far it is")]
async fn run(seed: u64, runs: u64, done: &AtomicU64) -> [u64; 6] {
    let (corpus, mut left, mut round) = (corpus(), runs, 0);
    let mut statuses = [0; 6];
    while left > 0 {
        let world = Surface::start().await;
        let mut dice = Dice::new(seed.wrapping_add(round << 32));
        let now = left.min(ROUND);
        for number in 0..now {
            let sample = mutated(&world.samples, &corpus, &mut dice);
            match sent(&world, &sample).await {
                Ok(status) => statuses[usize::try_from(status / 100).unwrap().min(5)] += 1,
                Err(why) => {
                    keep(&format!("{}-{seed}-{round}-{number}", sample.function), &sample.body);
                    unreachable!("seed {seed}, round {round}, request {number}: {why}");
                }
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        left -= now;
        if runs > 20 * ROUND {
            eprintln!("fuzz: {} requests so far, of seed {seed} {statuses:?}", done.load(Ordering::Relaxed));
        }
        round += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_send_breaks_nothing() {
    let began = Instant::now();
    let runs = configured("OUTSCOUT_FUZZ_RUNS").unwrap_or(1_200);
    let own = configured("OUTSCOUT_FUZZ_SEED").unwrap_or_else(|| RandomState::new().hash_one(began) >> 32);
    let seeds = [SEED, own, SEED + 1, own.wrapping_add(1)];
    eprintln!("fuzz: {runs} requests with the seeds {seeds:?}: OUTSCOUT_FUZZ_SEED={own} repeats them");
    static DONE: AtomicU64 = AtomicU64::new(0);
    let workers = seeds.map(|seed| tokio::spawn(run(seed, runs.div_ceil(seeds.len() as u64), &DONE)));
    let mut statuses = [0; 6];
    for worker in workers {
        for (sum, more) in statuses.iter_mut().zip(worker.await.unwrap()) {
            *sum += more;
        }
    }
    let seconds = began.elapsed().as_secs();
    eprintln!("fuzz: {} requests in {seconds} s, by status class {statuses:?}", DONE.load(Ordering::Relaxed));
    assert!(statuses[2] > 0 && statuses[4] > 0, "what is sent is neither all taken nor all refused: {statuses:?}");
}

#[tokio::test]
async fn every_route_takes_every_file_of_the_corpus() {
    let world = Surface::start().await;
    let corpus = corpus();
    for sample in &world.samples {
        for body in &corpus {
            let sample = Sample { body: body.clone(), ..sample.clone() };
            if let Err(why) = sent(&world, &sample).await {
                unreachable!("{why}");
            }
        }
    }
}
