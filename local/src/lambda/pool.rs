//! One function's processes and the invocations that wait for them. No I/O: a state machine.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use shared::lambda::{InvokeError, Reply};
use tokio::sync::oneshot;

/// At most this many processes of one function.
const MAX_WORKERS: usize = 4;

type Answer = oneshot::Sender<Result<Reply, InvokeError>>;

/// One invocation.
#[derive(Debug)]
pub(super) struct Job {
    /// Request id of the Runtime API.
    pub(super) id: String,
    event: Bytes,
    timeout: Duration,
    answer: Answer,
    /// Says that a process works on it.
    taken: oneshot::Sender<()>,
}

/// What a process receives: the invocation without the way back.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) timeout: Duration,
}

#[derive(Debug)]
struct Worker {
    /// Whether the process has asked for work yet.
    polled: bool,
    /// How many answers that it began it still sends.
    streams: usize,
    /// What it works on.
    current: Vec<(String, Answer)>,
    kill: Option<oneshot::Sender<()>>,
}

/// The processes of one function.
#[derive(Debug)]
pub(super) struct Pool {
    /// How many invocations a process takes at once.
    at_once: usize,
    waiting: VecDeque<Job>,
    idle: VecDeque<(u64, oneshot::Sender<Delivery>)>,
    workers: HashMap<u64, Worker>,
    started: u64,
}

impl Job {
    pub(super) fn new(event: Bytes, timeout: Duration, answer: Answer, taken: oneshot::Sender<()>) -> Self {
        Self { id: uuid::Uuid::new_v4().to_string(), event, timeout, answer, taken }
    }
}

impl Pool {
    /// A pool without a process yet, whose processes take this many invocations at once.
    pub(super) fn new(at_once: usize) -> Self {
        let (waiting, idle, workers) = (VecDeque::new(), VecDeque::new(), HashMap::new());
        Self { at_once: at_once.max(1), waiting, idle, workers, started: 0 }
    }

    /// Takes an invocation in: a process that waits gets it at once.
    pub(super) fn submit(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.deliver();
    }

    /// A process asks for work; the delivery comes through the channel.
    pub(super) fn poll(&mut self, worker: u64) -> Option<oneshot::Receiver<Delivery>> {
        let known = self.workers.get_mut(&worker)?;
        known.polled = true;
        // of several invocations nobody can tell which one a poll has given up
        if self.at_once == 1 {
            for (_, answer) in known.current.drain(..) {
                let _ = answer.send(Err(InvokeError::failed("function asked for more work without an answer")));
            }
        }
        // a process asks no more often than it takes work: the poll that is one too many has lost its connection
        let asks = self.idle.iter().filter(|(other, _)| *other == worker).count();
        if known.current.len() + asks >= self.at_once
            && let Some(place) = self.idle.iter().position(|(other, _)| *other == worker)
        {
            self.idle.remove(place);
        }
        let (sender, receiver) = oneshot::channel();
        self.idle.push_back((worker, sender));
        self.deliver();
        Some(receiver)
    }

    /// A process answers. `false` when it was not asked.
    pub(super) fn answer(&mut self, worker: u64, id: &str, result: Result<Reply, InvokeError>) -> bool {
        let Some(known) = self.workers.get_mut(&worker) else { return false };
        let Some(place) = known.current.iter().position(|(current, _)| current == id) else { return false };
        let (_, answer) = known.current.swap_remove(place);
        known.streams += usize::from(matches!(result, Ok(Reply::Streamed(_))));
        let _ = answer.send(result);
        true
    }

    /// A process has sent the whole of an answer that it streamed.
    pub(super) fn streamed(&mut self, worker: u64) {
        if let Some(known) = self.workers.get_mut(&worker) {
            known.streams = known.streams.saturating_sub(1);
        }
    }

    /// The time of this invocation is up; the process that works on it is killed, as Lambda does, and so is
    /// one that was expected to and never asked for work.
    pub(super) fn abandon(&mut self, id: &str) {
        let waiting = self.waiting.len();
        self.waiting.retain(|job| job.id != id);
        let waited = self.waiting.len() < waiting;
        let mut workers = self.workers.iter();
        let culprit = workers.find(|(number, worker)| match worker.current.as_slice() {
            [] => waited && worker.kill.is_some() && self.expected(**number, worker) > 0,
            current => current.iter().any(|(current, _)| current == id),
        });
        let Some(culprit) = culprit.map(|(number, _)| *number) else { return };
        if let Some(kill) = self.workers.get_mut(&culprit).and_then(|worker| worker.kill.take()) {
            let _ = kill.send(());
        }
    }

    /// A process has ended: its invocations failed, and so did the one that it was started for.
    pub(super) fn ended(&mut self, worker: u64, cause: &str) {
        self.idle.retain(|(other, _)| *other != worker);
        let Some(known) = self.workers.remove(&worker) else { return };
        // what was killed here has no invocation left to fail
        let gave_up = !known.polled && known.kill.is_some();
        let waited = if gave_up { self.waiting.pop_front().map(|job| job.answer) } else { None };
        for answer in known.current.into_iter().map(|(_, answer)| answer).chain(waited) {
            let _ = answer.send(Err(InvokeError::failed(cause)));
        }
    }

    /// The next process to start, if the waiting invocations want one more; it ends when killed.
    pub(super) fn grow(&mut self) -> Option<(u64, oneshot::Receiver<()>)> {
        let expected: usize = self.workers.iter().map(|(id, worker)| self.expected(*id, worker)).sum();
        if self.waiting.len() <= expected || self.workers.len() >= MAX_WORKERS {
            return None;
        }
        self.started += 1;
        let (kill, killed) = oneshot::channel();
        self.workers.insert(self.started, Worker { polled: false, streams: 0, current: Vec::new(), kill: Some(kill) });
        Some((self.started, killed))
    }

    /// How often a process is to ask for work soon: it starts, or has just answered.
    fn expected(&self, id: u64, worker: &Worker) -> usize {
        let asks = self.idle.iter().filter(|(idle, _)| *idle == id).count();
        self.at_once.saturating_sub(worker.current.len() + worker.streams + asks)
    }

    fn deliver(&mut self) {
        while let Some(job) = self.waiting.pop_front() {
            let Some(worker) = self.hand_over(&job) else {
                self.waiting.push_front(job);
                return;
            };
            let _ = job.taken.send(());
            if let Some(worker) = self.workers.get_mut(&worker) {
                worker.current.push((job.id, job.answer));
            }
        }
    }

    /// Gives a job to the first process that still listens.
    fn hand_over(&mut self, job: &Job) -> Option<u64> {
        while let Some((worker, sender)) = self.idle.pop_front() {
            let delivery = Delivery { id: job.id.clone(), event: job.event.clone(), timeout: job.timeout };
            if sender.send(delivery).is_ok() {
                return Some(worker);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> (Job, oneshot::Receiver<Result<Reply, InvokeError>>) {
        let (answer, answered) = oneshot::channel();
        (Job::new(Bytes::from_static(b"{}"), Duration::from_secs(1), answer, oneshot::channel().0), answered)
    }

    #[test]
    fn a_pool_grows_with_what_waits_and_no_further() {
        let mut pool = Pool::new(1);
        let mut answers = Vec::new();
        for _ in 0..9 {
            let (job, answered) = job();
            answers.push(answered);
            pool.submit(job);
        }
        let started = std::iter::from_fn(|| pool.grow()).count();
        assert_eq!(started, MAX_WORKERS);
    }

    #[test]
    fn a_process_takes_several_at_once_where_it_may() {
        let mut pool = Pool::new(2);
        let (jobs, mut answers): (Vec<_>, Vec<_>) = (0..3).map(|_| job()).unzip();
        for job in jobs {
            pool.submit(job);
        }
        let (first, _kill) = pool.grow().unwrap();
        let (second, _kill) = pool.grow().unwrap();
        assert!(pool.grow().is_none(), "two take four");
        let taken: Vec<_> = (0..2).map(|_| pool.poll(first).unwrap().try_recv().unwrap()).collect();
        assert!(pool.poll(second).unwrap().try_recv().is_ok());
        assert!(pool.answer(first, &taken[1].id, Ok(Reply::Whole(Bytes::from_static(b"2")))), "in any order");
        assert_eq!(answers[1].try_recv().unwrap().unwrap().whole().unwrap(), "2");
        pool.ended(first, "exit status: 1");
        assert_eq!(answers[0].try_recv().unwrap().unwrap_err().to_string(), "exit status: 1");
        assert!(answers[2].try_recv().is_err(), "another process works on it");
    }

    #[test]
    fn a_process_that_died_in_its_poll_is_passed_over() {
        let mut pool = Pool::new(1);
        let (first, mut answered) = job();
        pool.submit(first);
        let (worker, _kill) = pool.grow().unwrap();
        let mut delivery = pool.poll(worker).unwrap();
        let delivery = delivery.try_recv().unwrap();
        assert!(pool.answer(worker, &delivery.id, Ok(Reply::Whole(Bytes::from_static(b"1")))));
        assert!(!pool.answer(worker, &delivery.id, Ok(Reply::Whole(Bytes::from_static(b"2")))));
        assert_eq!(answered.try_recv().unwrap().unwrap().whole().unwrap(), "1");
        drop(pool.poll(worker).unwrap());
        let (second, mut answered) = job();
        pool.submit(second);
        pool.ended(worker, "exit status: 1");
        assert!(answered.try_recv().is_err(), "still waiting");
        assert!(pool.grow().is_some());
    }

    #[test]
    fn a_process_that_has_just_answered_is_waited_for() {
        let mut pool = Pool::new(1);
        let ((first, _one), (second, _two), (third, _three)) = (job(), job(), job());
        pool.submit(first);
        let (worker, _kill) = pool.grow().unwrap();
        let delivery = pool.poll(worker).unwrap().try_recv().unwrap();
        assert!(pool.answer(worker, &delivery.id, Ok(Reply::Whole(Bytes::new()))));
        pool.submit(second);
        assert!(pool.grow().is_none());
        pool.submit(third);
        assert!(pool.grow().is_some());
        assert!(pool.poll(worker).unwrap().try_recv().is_ok());
    }

    #[test]
    fn a_process_that_dies_before_its_first_poll_fails_one_invocation() {
        let mut pool = Pool::new(1);
        let ((first, mut one), (second, mut two)) = (job(), job());
        pool.submit(first);
        pool.submit(second);
        let (worker, _kill) = pool.grow().unwrap();
        pool.ended(worker, "exit status: 1");
        assert_eq!(one.try_recv().unwrap().unwrap_err().to_string(), "exit status: 1");
        assert!(two.try_recv().is_err());
    }

    #[test]
    fn an_abandoned_invocation_kills_its_process() {
        let mut pool = Pool::new(1);
        let (first, _answered) = job();
        let id = first.id.clone();
        pool.submit(first);
        let (worker, mut kill) = pool.grow().unwrap();
        let _delivery = pool.poll(worker).unwrap();
        pool.abandon(&id);
        assert_eq!(kill.try_recv(), Ok(()));
    }

    #[test]
    fn a_process_that_never_asks_for_work_is_killed_with_its_invocation_alone() {
        let mut pool = Pool::new(1);
        let ((first, _one), (second, mut two)) = (job(), job());
        let id = first.id.clone();
        pool.submit(first);
        let (worker, mut kill) = pool.grow().unwrap();
        pool.submit(second);
        pool.abandon(&id);
        assert_eq!(kill.try_recv(), Ok(()));
        pool.ended(worker, "signal: 9");
        assert!(two.try_recv().is_err(), "still waiting");
        assert!(pool.grow().is_some());
    }
}
