//! The engine's side: its fetcher, its charsets, its parser, and the addresses that its module finds.

use std::time::{Duration, Instant};

use engine::{
    Network as _,
    net::{Outside, OutsideConfig},
    web::{Ask, Page, Wanted, mail_addresses},
};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use url::Url;

use crate::Failure;

/// What was found.
#[derive(Default)]
struct Found {
    pages: usize,
    links: usize,
    letters: usize,
    addresses: usize,
}

/// Reads `total` pages of the server at `port`, which has `pages`, from so many hosts at a time.
pub(crate) fn read(port: u16, pages: usize, total: usize, hosts: usize) -> Result<Value, Failure> {
    let names: Vec<String> = (0..hosts).map(|host| format!("127.0.0.{}", host + 2)).collect();
    let outside = Outside::new(OutsideConfig {
        dns_server: Some(([127, 0, 0, 1], 53).into()),
        smtp_probe: false,
        smtp_port: 25,
        mail_from: String::new(),
        allow_hosts: names.clone(),
        user_agent: "outscout/1.0 (+https://example.com/bot)".to_owned(),
    })
    .map_err(|_| "the clients cannot be set up")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let found = runtime.block_on(try_join_all(names.iter().enumerate().map(|(host, name)| {
        let numbers = (host..total).step_by(hosts).map(|number| number % pages);
        visit(&outside, name, port, numbers)
    })))?;
    let seconds = began.elapsed().as_secs_f64();
    let sum = |of: fn(&Found) -> usize| found.iter().map(of).sum::<usize>();
    Ok(json!({
        "pages": sum(|found| found.pages), "links": sum(|found| found.links), "letters": sum(|found| found.letters),
        "addresses": sum(|found| found.addresses), "seconds": seconds,
    }))
}

/// Reads pages of one host, one after another.
async fn visit(
    outside: &Outside,
    host: &str,
    port: u16,
    numbers: impl Iterator<Item = usize>,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    for number in numbers {
        let url = Url::parse(&format!("http://{host}:{port}/{number}"))?;
        let ask = Ask { url: &url, wanted: Wanted::Page, within: Duration::from_secs(15), etag: None, modified: None };
        let answer = outside.get(ask).await.map_err(|missed| format!("{url}: {missed:?}"))?;
        let page = Page::read(url, answer);
        found.pages += 1;
        found.links += page.parts.links.len();
        found.letters += page.parts.text.len();
        found.addresses += mail_addresses(&page).len();
    }
    Ok(found)
}
