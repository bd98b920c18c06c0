//! Sites for the tests of modules, and a web in memory for those of visits.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::{
    ask::{Answer, Ask, Missed},
    enricher::{Enricher, RowView},
    host::{Hosts, LEASE, Rules, Turn},
    page::Page,
    visit::Visit,
};
use crate::{Assets, BoxFuture, Fault, Network, services::Call};

/// A visit that read these pages: the site's home page, then `/page1` and so on.
pub(super) fn site(url: &str, pages: &[&str]) -> Visit {
    let site = Url::parse(url).unwrap();
    let page = |(index, html): (usize, &&str)| {
        let url = if index == 0 { site.clone() } else { site.join(&format!("/page{index}")).unwrap() };
        Arc::new(Page::new(url, Vec::new(), (*html).to_owned()))
    };
    Visit { pages: pages.iter().enumerate().map(page).collect(), site: Some(site), ..Visit::default() }
}

/// The cells that a module makes of a visit.
pub(super) fn visited(enricher: Enricher, visit: &Visit) -> Value {
    (enricher.find)(&RowView { columns: &[], row: &[] }, visit).cells.into()
}

/// What a URL answers, and after how long.
type Told = (Result<Answer, Missed>, Duration);

/// A web in memory: what each URL answers, and what was asked for.
#[derive(Default)]
pub(super) struct Web {
    pages: Mutex<HashMap<String, Told>>,
    pub(super) asked: Mutex<Vec<String>>,
    /// Hosts that are asked for something just now.
    busy: Mutex<HashSet<String>>,
}

/// An answer with a page.
pub(super) fn html(page: &str) -> Answer {
    let kind = ("content-type".to_owned(), "text/html".to_owned());
    Answer { status: 200, headers: vec![kind], body: page.as_bytes().to_vec() }
}

/// An answer that leads on.
pub(super) fn moved(to: &str) -> Answer {
    Answer { status: 302, headers: vec![("location".to_owned(), to.to_owned())], body: Vec::new() }
}

impl Web {
    pub(super) fn put(&self, url: &str, answer: Result<Answer, Missed>) {
        self.put_slow(url, answer, Duration::ZERO);
    }

    pub(super) fn put_slow(&self, url: &str, answer: Result<Answer, Missed>, after: Duration) {
        self.pages.lock().unwrap().insert(url.to_owned(), (answer, after));
    }

    /// Nobody is at any host any more.
    pub(super) fn forget_busy(&self) {
        self.busy.lock().unwrap().clear();
    }

    /// The URLs that were asked for, but for `robots.txt`.
    pub(super) fn pages(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|url| !url.ends_with("/robots.txt")).cloned().collect()
    }
}

impl Network for Web {
    fn get<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, Missed>> {
        Box::pin(async move {
            let host = ask.url.host_str().unwrap().to_owned();
            self.asked.lock().unwrap().push(ask.url.to_string());
            assert!(self.busy.lock().unwrap().insert(host.clone()), "two at a time at {host}");
            let known = self.pages.lock().unwrap().get(ask.url.as_str()).cloned();
            let (answer, after) = known.unwrap_or((Ok(Answer { status: 404, ..Answer::default() }), Duration::ZERO));
            tokio::time::sleep(after.min(ask.within).max(Duration::from_millis(1))).await;
            self.busy.lock().unwrap().remove(&host);
            if after > ask.within { Err(Missed::Timeout) } else { answer }
        })
    }

    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Missed>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(call.url.to_string());
            let known = self.pages.lock().unwrap().get(call.url.as_str()).cloned();
            known.map_or(Ok(Answer { status: 404, ..Answer::default() }), |(answer, _)| answer)
        })
    }
}

/// Files in memory, by the paths that they are served from.
#[derive(Default)]
pub(crate) struct Shelf(pub(crate) Mutex<HashMap<String, Vec<u8>>>);

impl Assets for Shelf {
    fn keep(&self, content: Vec<u8>, ending: &'static str) -> BoxFuture<'_, Result<String, Fault>> {
        let mut files = self.0.lock().unwrap();
        let known = files.iter().find(|(_, known)| **known == content).map(|(path, _)| path.clone());
        let path = known.unwrap_or_else(|| format!("/{}.{ending}", files.len()));
        files.insert(path.clone(), content);
        Box::pin(async move { Ok(path) })
    }
}

/// Hosts that this process alone visits.
#[derive(Default)]
pub(crate) struct Alone {
    hosts: Mutex<HashMap<String, (Option<u64>, Instant)>>,
    rules: Mutex<HashMap<String, Rules>>,
}

impl Hosts for Alone {
    fn take<'a>(&'a self, host: &'a str, visitor: u64) -> BoxFuture<'a, Result<Turn, Fault>> {
        Box::pin(async move {
            let (mut hosts, now) = (self.hosts.lock().unwrap(), Instant::now());
            match hosts.get(host) {
                Some((holder, free)) if *holder != Some(visitor) && *free > now => Ok(Turn::Later(*free - now)),
                _ => {
                    hosts.insert(host.to_owned(), (Some(visitor), now + LEASE));
                    Ok(Turn::Granted)
                }
            }
        })
    }

    fn leave<'a>(&'a self, host: &'a str, visitor: u64, pause: Duration) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let mut hosts = self.hosts.lock().unwrap();
            if hosts.get(host).is_some_and(|(holder, _)| *holder == Some(visitor)) {
                hosts.insert(host.to_owned(), (None, Instant::now() + pause));
            }
            Ok(())
        })
    }

    fn robots<'a>(&'a self, origin: &'a str) -> BoxFuture<'a, Result<Option<Rules>, Fault>> {
        Box::pin(async move { Ok(self.rules.lock().unwrap().get(origin).cloned()) })
    }

    fn keep_robots<'a>(&'a self, origin: &'a str, rules: &'a Rules) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            self.rules.lock().unwrap().insert(origin.to_owned(), rules.clone());
            Ok(())
        })
    }
}
