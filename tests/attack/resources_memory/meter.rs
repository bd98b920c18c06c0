//! What a request takes: the memory that the function's thread holds at most, and the processor's time.
//!
//! The store runs on threads of its own, so what it takes does not count. Neither does what passwords are hashed with,
//! which is done on other threads, too.

use std::time::Duration;

use harness::{
    Answer, Bench,
    functions::{Api, routed},
};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

/// Bytes of a MiB.
pub(super) const MIB: u64 = 1024 * 1024;

/// A thread for the function and others for the store.
pub(super) struct Meter {
    there: Runtime,
    here: Runtime,
}

/// What a request took.
pub(super) struct Spent {
    /// The answer.
    pub(super) answer: Answer,
    /// Most bytes that were held at a time, the event's own among them.
    pub(super) bytes: u64,
    /// Time of the processor.
    pub(super) cpu: Duration,
}

impl std::fmt::Display for Spent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = self.bytes as f64 / MIB as f64;
        write!(out, "{} in {mib:.1} MiB and {:.1} ms", self.answer.status, self.cpu.as_secs_f64() * 1e3)
    }
}

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
}

impl Meter {
    /// Threads without work.
    pub(super) fn new() -> Self {
        Self {
            there: Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
            here: Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    /// Runs what is not measured, where the store runs.
    pub(super) fn there<T>(&self, work: impl Future<Output = T>) -> T {
        self.there.block_on(work)
    }

    /// Sends a request, and measures what the function takes for it. `bench` is a process's of its own: connections that
    /// are made here rest when nothing is measured.
    pub(super) fn ask(
        &self,
        bench: &Bench,
        api: Api,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Spent {
        let function = routed(api, method, path);
        let event = bench.event_from(function.name(), method, path, headers, body, "127.0.0.1");
        let length = event.len() as u64;
        let mut reply = None;
        let begin = thread_time();
        let counted = allocation_counter::measure(|| reply = Some(self.here.block_on(bench.invoke(function, event))));
        let cpu = thread_time() - begin;
        let answer = self.here.block_on(harness::read(reply.unwrap().unwrap())).unwrap();
        assert!(answer.status < 500 || answer.status == 503, "{method} {path}: {}", answer.body);
        Spent { answer, bytes: counted.bytes_max + length, cpu }
    }
}
