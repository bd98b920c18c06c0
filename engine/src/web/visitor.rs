//! Requests to hosts, one host at a time (outsend 11.5): its turn, its `robots.txt`, the pauses, redirects, caps.

use std::{sync::Arc, time::Duration};

use robotxt::{AccessResult, Agent, Robots};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{
    ask::{Answer, Ask, Missed, Wanted},
    host::{LEASE, Rules, Turn},
    page::Page,
    world::{Known, World},
};
use crate::{Fault, ahead::Stop};

/// The name that `robots.txt` knows us by.
const AGENT: &str = "outscout";
/// The least time in which a request is worth beginning.
const LEAST: Duration = Duration::from_millis(500);
/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// How long it is waited for a host before it is asked for again.
const WAIT: Duration = Duration::from_secs(1);

/// Who visits a site. Holds one host at a time, so that visitors cannot wait for one another.
pub(super) struct Visitor<'a> {
    world: &'a World,
    id: u64,
    began: Option<Instant>,
    /// The host that is held, and until when.
    host: Option<(String, Instant)>,
    last: Option<Instant>,
    pause: Duration,
    /// Requests that were made.
    pub(super) requests: u64,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(world: &'a World, id: u64) -> Self {
        Self { world, id, began: None, host: None, last: None, pause: world.caps.pause.0, requests: 0 }
    }

    /// What all visits of the run share.
    pub(super) const fn world(&self) -> &'a World {
        self.world
    }

    fn elapsed(&self) -> Duration {
        self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// Whether there is time for something that takes at least so long.
    pub(super) fn has(&self, time: Duration) -> bool {
        self.elapsed() + time < self.world.caps.site
    }

    /// Waits between two tries.
    pub(super) async fn rest(&self, time: Duration) {
        sleep(time).await;
    }

    /// Gives the host back that is held.
    pub(super) async fn leave(&mut self) -> Result<(), Fault> {
        match self.host.take() {
            Some((host, _)) => self.world.hosts.leave(&host, self.id, self.pause).await,
            None => Ok(()),
        }
    }

    /// Comes to hold a host for as long as a request may take.
    async fn enter(&mut self, host: &str) -> Result<(), Stop> {
        if self
            .host
            .as_ref()
            .is_some_and(|(held, until)| held == host && *until > Instant::now() + self.world.caps.request)
        {
            return Ok(());
        }
        if self.host.as_ref().is_some_and(|(held, _)| held != host) {
            self.leave().await?;
            (self.last, self.pause) = (None, self.world.caps.pause.0);
        }
        loop {
            let asked = Instant::now();
            match self.world.hosts.take(host, self.id).await? {
                Turn::Granted => {
                    self.host = Some((host.to_owned(), asked + LEASE));
                    if self.began.is_none() && self.world.is_closing() {
                        return Err(Stop::PutBack);
                    }
                    self.began.get_or_insert_with(Instant::now);
                    return Ok(());
                }
                Turn::Later(_) if self.began.is_none() && self.world.is_closing() => return Err(Stop::PutBack),
                Turn::Later(time) if self.began.is_some() && !self.has(time) => {
                    return Err(Stop::Missed(Missed::Timeout));
                }
                Turn::Later(time) => sleep(time.clamp(Duration::from_millis(20), WAIT)).await,
            }
        }
    }

    /// One request, when it is our turn and the pause is over.
    async fn ask(&mut self, url: &Url, wanted: Wanted, known: Option<&Page>) -> Result<Answer, Stop> {
        let host = url.host_str().ok_or(Stop::Missed(Missed::Blocked))?.to_owned();
        self.enter(&host).await?;
        if let Some(last) = self.last {
            let wait = (last + self.pause).saturating_duration_since(Instant::now());
            if !self.has(wait + LEAST) {
                return Err(Stop::Missed(Missed::Timeout));
            }
            sleep(wait).await;
            self.enter(&host).await?;
        }
        let within = self.world.caps.request.min(self.world.caps.site.saturating_sub(self.elapsed()));
        if within < LEAST {
            return Err(Stop::Missed(Missed::Timeout));
        }
        let (etag, modified) = known.map_or((None, None), |page| (page.header("etag"), page.header("last-modified")));
        self.requests += 1;
        let answer = self.world.network.get(Ask { url, wanted, within, etag, modified }).await;
        self.last = Some(Instant::now());
        answer.map_err(Stop::Missed)
    }

    /// The rules of a URL's origin: known in this run, kept by another one, or asked for.
    async fn robots(&mut self, url: &Url) -> Result<Arc<Robots>, Stop> {
        let origin = url.origin().ascii_serialization();
        if let Some(robots) = self.world.robots(&origin) {
            return Ok(robots);
        }
        let rules = match self.world.hosts.robots(&origin).await? {
            Some(rules) => rules,
            None => {
                let rules = self.ask_robots(url).await?;
                self.world.hosts.keep_robots(&origin, &rules).await?;
                rules
            }
        };
        let access = match &rules {
            Rules::Text(text) => AccessResult::Successful(text),
            Rules::Open => AccessResult::Unavailable,
            Rules::Closed => AccessResult::Unreachable,
        };
        let robots = Arc::new(Robots::from_access(access, Agent::Exact(AGENT)));
        self.world.keep_robots(origin, Arc::clone(&robots));
        Ok(robots)
    }

    /// Comes to hold a URL's host, whose rules say how long a pause it wants.
    async fn follow(&mut self, robots: &Robots, url: &Url) -> Result<(), Stop> {
        self.enter(url.host_str().unwrap_or_default()).await?;
        let (least, most) = self.world.caps.pause;
        self.pause = robots.crawl_delay().unwrap_or(least).clamp(least, most);
        Ok(())
    }

    async fn ask_robots(&mut self, url: &Url) -> Result<Rules, Stop> {
        let mut url = url.join("/robots.txt").map_err(|_| Stop::Missed(Missed::Blocked))?;
        for _ in 0..=REDIRECTS {
            let answer = match self.ask(&url, Wanted::Robots, None).await {
                Ok(answer) => answer,
                // nobody reads that much, so nothing of it is known
                Err(Stop::Missed(Missed::TooLarge)) => return Ok(Rules::Closed),
                Err(stop) => return Err(stop),
            };
            match redirect(&url, &answer) {
                Some(next) => url = next,
                None if answer.status == 200 => return Ok(Rules::Text(answer.body)),
                None if answer.status >= 500 => return Ok(Rules::Closed),
                None => return Ok(Rules::Open),
            }
        }
        Ok(Rules::Open)
    }

    /// A file that is no page, over redirects.
    pub(super) async fn file(&mut self, url: &Url, wanted: Wanted) -> Result<Vec<u8>, Stop> {
        let (mut url, mut status) = (url.clone(), 0);
        for _ in 0..=REDIRECTS {
            let robots = self.robots(&url).await?;
            if !robots.is_url_allowed(&url) {
                return Err(Stop::Missed(Missed::Robots));
            }
            self.follow(&robots, &url).await?;
            let answer = self.ask(&url, wanted, None).await?;
            status = answer.status;
            match redirect(&url, &answer) {
                Some(next) => url = next,
                None if status == 200 => return Ok(answer.body),
                None => break,
            }
        }
        Err(Stop::Missed(Missed::Status(status)))
    }

    /// A page, over redirects. Each hop is judged by itself: its turn, its rules, its address.
    pub(super) async fn page(&mut self, url: &Url) -> Result<Arc<Page>, Stop> {
        let (mut url, mut status) = (url.clone(), 0);
        for _ in 0..=REDIRECTS {
            let known = match self.world.page(url.as_str()) {
                Some(Known::Fresh(page)) => {
                    self.began.get_or_insert_with(Instant::now);
                    return Ok(page);
                }
                Some(Known::Old(page)) => Some(page),
                None => None,
            };
            let robots = self.robots(&url).await?;
            if !robots.is_url_allowed(&url) {
                return Err(Stop::Missed(Missed::Robots));
            }
            self.follow(&robots, &url).await?;
            let answer = self.ask(&url, Wanted::Page, known.as_deref()).await?;
            status = answer.status;
            match (status, known) {
                (200, _) => return Ok(self.read(&url, answer)),
                (304, Some(page)) => {
                    self.world.keep_page(url.into(), &page);
                    return Ok(page);
                }
                _ => match redirect(&url, &answer) {
                    Some(next) => url = next,
                    None => break,
                },
            }
        }
        Err(Stop::Missed(Missed::Status(status)))
    }

    fn read(&self, url: &Url, answer: Answer) -> Arc<Page> {
        let page = Arc::new(Page::read(url.clone(), answer));
        self.world.keep_page(url.as_str().to_owned(), &page);
        page
    }
}

/// Where an answer leads on to.
fn redirect(url: &Url, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut next = url.join(answer.header("location")?.trim()).ok()?;
    next.set_fragment(None);
    Some(next)
}
