//! What asks a service for a row: at its pace, again where it is worth it, within the row's time.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::{call::Call, line::Line};
use crate::{
    Means,
    ahead::Stop,
    module::{Fault, Network},
    web::{Answer, Missed},
};

/// How often a request is made, at most.
const ATTEMPTS: u32 = 3;
/// The pause before the second time, which doubles, where the service names none.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that is waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The least time in which a request is worth beginning.
const LEAST: Duration = Duration::from_millis(200);

/// How much a service may be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The least time between two requests.
    pub(super) gap: Duration,
    /// How long a request may take.
    pub(super) request: Duration,
    /// How long a row may take.
    pub(super) row: Duration,
    /// Rows at a time.
    pub(super) at_once: usize,
}

/// The address of a service, and the name that those who ask it stand in line under.
pub(super) fn base_url(text: &str) -> Result<(Url, String), Fault> {
    let base = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let base = base.ok_or_else(|| Fault::Internal("the address of a service is none".to_owned()))?;
    let name = format!("service {}{}", base.origin().ascii_serialization(), base.path());
    Ok((base, name))
}

/// What asks a service.
pub(super) struct Client {
    network: Arc<dyn Network>,
    line: Line,
    base: Url,
    pub(super) pace: Pace,
}

impl Client {
    /// What asks the service at `base`.
    pub(super) fn new(means: &Means, base: &str, pace: Pace) -> Result<Self, Fault> {
        let (base, name) = base_url(base)?;
        let line = Line::new(Arc::clone(&means.hosts), name, pace.gap);
        Ok(Self { network: Arc::clone(&means.network), line, base, pace })
    }

    /// The address of a path below the service's.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if !path.is_empty() {
            let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
            url.set_path(&whole);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// What is asked for a row.
    pub(super) const fn errand(&self) -> Errand<'_> {
        Errand { client: self, until: None, is_ready: false, requests: 0 }
    }

    /// What is asked for a row whose work was begun elsewhere: it is not put back.
    pub(super) fn begun(&self) -> Errand<'_> {
        Errand { until: Some(Instant::now() + self.pace.row), ..self.errand() }
    }

    pub(super) fn close(&self) {
        self.line.close();
    }

    pub(super) async fn rest(&self) -> Result<(), Fault> {
        self.line.rest().await
    }
}

/// What is asked for a row.
pub(super) struct Errand<'a> {
    client: &'a Client,
    /// When the row's time is over, once it was begun.
    until: Option<Instant>,
    /// Whether its turn has come already.
    is_ready: bool,
    /// Requests that were made.
    pub(super) requests: u64,
}

impl Errand<'_> {
    /// Waits for the turn of the first request: from then on the row is begun.
    pub(super) async fn begin(&mut self) -> Result<(), Stop> {
        self.client.line.turn(self.until).await?;
        self.until.get_or_insert_with(|| Instant::now() + self.client.pace.row);
        self.is_ready = true;
        Ok(())
    }

    /// Asks until there is an answer, or no more time or hope.
    pub(super) async fn get(&mut self, url: &Url) -> Result<Value, Stop> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            if !std::mem::take(&mut self.is_ready) {
                self.client.line.turn(self.until).await?;
            }
            let until = *self.until.get_or_insert_with(|| Instant::now() + self.client.pace.row);
            let within = self.client.pace.request.min(until.saturating_duration_since(Instant::now()));
            if within < LEAST {
                return Err(Stop::Missed(Missed::Timeout));
            }
            self.requests += 1;
            let missed = match self.client.network.call(Call::get(url, within)).await {
                Ok(answer) if answer.status == 200 => {
                    return serde_json::from_slice(&answer.body).map_err(|_| Stop::Missed(Missed::Unreachable));
                }
                Ok(answer) => {
                    let missed = Missed::Status(answer.status);
                    if matches!(answer.status, 429 | 503) {
                        self.client.line.back_off(asked_pause(&answer).unwrap_or(pause)).await;
                    }
                    missed
                }
                Err(missed) => missed,
            };
            if attempt == ATTEMPTS || !missed.may_pass() {
                return Err(Stop::Missed(missed));
            }
            if !matches!(missed, Missed::Status(429 | 503)) {
                tokio::time::sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
            }
            pause *= 2;
        }
        Err(Stop::Missed(Missed::Timeout))
    }
}

/// The pause that a throttled client is told to make, in seconds (RFC 9110, 10.2.3).
fn asked_pause(answer: &Answer) -> Option<Duration> {
    let seconds: u64 = answer.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}
