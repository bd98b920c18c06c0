//! `outscout webhook listen`: the events of an account, brought to a program on this machine as its webhooks would bring
//! them (outsend 16).

use std::{
    io::{self, Write as _},
    time::Duration,
};

use clap::Subcommand;
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::{clock::Clock, model::EventName, outsend::webhooks::signed_headers, secret::new_token};

use super::{
    output::{Failed, print},
    remote::{Api, Remote, segment, usage},
};

/// The pause between two looks at the feed.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the program that is told may take, as for a webhook.
const TIME_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Bring the account's events to a URL of this machine, signed as a webhook's, until stopped
    Listen {
        /// Where to, such as http://127.0.0.1:3000/hook
        #[arg(long, value_name = "URL")]
        forward: String,
        /// Event, repeatable; all without it
        #[arg(long = "event", value_name = "NAME")]
        events: Vec<String>,
        /// Begin behind this event, and not with the next one
        #[arg(long, value_name = "EVENT_ID")]
        after: Option<String>,
        /// Secret to sign with; a new one is shown without it
        #[arg(long, env = "OUTSCOUT_WEBHOOK_SECRET", hide_env_values = true)]
        secret: Option<String>,
        #[command(flatten)]
        api: Api,
    },
}

/// A page of the feed, its events byte for byte.
#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    next: Option<String>,
    has_more: bool,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Head {
    id: String,
    event: String,
}

pub(super) async fn webhook(command: WebhookCommand) -> Result<(), Failed> {
    let WebhookCommand::Listen { forward, events, after, secret, api } = command;
    if !forward.starts_with("http://") && !forward.starts_with("https://") {
        return Err(usage("--forward takes a URL"));
    }
    let remote = Remote::new(api)?;
    let secret = match secret {
        Some(secret) => secret,
        None => {
            let (_, secret) = new_token("").map_err(io::Error::other)?;
            writeln!(io::stderr(), "signed with {secret}")?;
            secret
        }
    };
    let mut filter = String::new();
    for event in &events {
        let name = EventName::parse(event).ok_or_else(|| usage(&format!("{event:?} is no event")))?;
        filter.push_str(&format!("&event={}", name.as_str()));
    }
    let mut after = match after {
        Some(after) => Some(segment(&after)?.to_owned()),
        None => end(&remote).await?,
    };
    writeln!(io::stderr(), "listening")?;
    loop {
        let page = page(&remote, after.as_deref(), &filter).await?;
        for event in &page.events {
            bring(&remote, &forward, &secret, event.get()).await?;
        }
        after = page.next.or(after);
        if !page.has_more {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The last event that there is.
async fn end(remote: &Remote) -> Result<Option<String>, Failed> {
    let mut after = None;
    loop {
        let page = page(remote, after.as_deref(), "&limit=500").await?;
        after = page.next.or(after);
        if !page.has_more {
            return Ok(after);
        }
    }
}

async fn page(remote: &Remote, after: Option<&str>, more: &str) -> Result<Page, Failed> {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    let answer = remote.send(remote.request(Method::GET, &format!("/events?{after}{more}"))).await?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}

/// Brings an event, once, and says what came of it.
async fn bring(remote: &Remote, forward: &str, secret: &str, body: &str) -> Result<(), Failed> {
    let head: Head = serde_json::from_str(body)?;
    let mut request = remote.client.post(forward).timeout(TIME_LIMIT).body(body.to_owned());
    for (name, value) in signed_headers(secret, (&head.id, &head.event), Clock::system().now(), body) {
        request = request.header(name, value);
    }
    let outcome = match request.send().await {
        Ok(answer) => answer.status().as_u16().to_string(),
        Err(error) => error.to_string(),
    };
    if remote.api.json {
        return Ok(print(body)?);
    }
    Ok(print(&format!("{} {} {outcome}", head.id, head.event))?)
}
