//! Whose turn it is at a service: its pace holds over all jobs and processes.
//!
//! Who holds the service asks it as often as the pace allows, and gives it back after a while, so that another job comes
//! to it, too. Whoever dies renews nothing, so that the service is free when the lease ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

use crate::{
    ahead::Stop,
    module::Fault,
    web::{Hosts, Missed, Turn},
};

/// How long a service is held before somebody else may have it.
const HOLD: Duration = Duration::from_secs(2);
/// How long it is waited before it is looked again whose turn it is, at most.
const LOOK: Duration = Duration::from_millis(250);
/// Who holds: one for each process's run.
const VISITOR: u64 = u64::MAX;

struct State {
    /// Since when the service is held.
    taken: Option<Instant>,
    /// When the next request may go.
    next: Instant,
}

/// The line before a service.
pub(super) struct Line {
    hosts: Arc<dyn Hosts>,
    name: String,
    gap: Duration,
    closing: AtomicBool,
    state: Mutex<State>,
}

impl Line {
    /// The line before the service of a name, where requests go `gap` apart.
    pub(super) fn new(hosts: Arc<dyn Hosts>, name: String, gap: Duration) -> Self {
        let state = Mutex::new(State { taken: None, next: Instant::now() });
        Self { hosts, name, gap, closing: AtomicBool::new(false), state }
    }

    /// No work is begun from now on.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Waits for the turn of a request. Work that was begun waits until its time is over, other work until the run closes.
    pub(super) async fn turn(&self, until: Option<Instant>) -> Result<(), Stop> {
        let mut state = self.state.lock().await;
        loop {
            let now = Instant::now();
            match until {
                None if self.closing.load(Ordering::Relaxed) => return Err(Stop::PutBack),
                Some(until) if now >= until => return Err(Stop::Missed(Missed::Timeout)),
                _ => {}
            }
            if state.taken.is_some_and(|taken| now - taken >= HOLD) {
                self.give_back(&mut state).await?;
            }
            if state.taken.is_none() {
                match self.hosts.take(&self.name, VISITOR).await? {
                    Turn::Granted => state.taken = Some(now),
                    Turn::Later(time) => {
                        sleep(time.clamp(Duration::from_millis(5), LOOK)).await;
                        continue;
                    }
                }
            }
            let wait = state.next.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                state.next = Instant::now() + self.gap;
                return Ok(());
            }
            sleep(wait.min(LOOK)).await;
        }
    }

    /// Keeps the service for as long again, if it is held.
    pub(super) async fn renew(&self) -> Result<(), Fault> {
        let state = self.state.lock().await;
        if state.taken.is_some() {
            self.hosts.take(&self.name, VISITOR).await?;
        }
        Ok(())
    }

    /// The service asked to be left alone for a while.
    pub(super) async fn back_off(&self, time: Duration) {
        let mut state = self.state.lock().await;
        state.next = state.next.max(Instant::now() + time);
    }

    /// Gives the service back, if it is held.
    pub(super) async fn rest(&self) -> Result<(), Fault> {
        self.give_back(&mut *self.state.lock().await).await
    }

    async fn give_back(&self, state: &mut State) -> Result<(), Fault> {
        if state.taken.take().is_none() {
            return Ok(());
        }
        let pause = state.next.saturating_duration_since(Instant::now());
        self.hosts.leave(&self.name, VISITOR, pause).await
    }
}
