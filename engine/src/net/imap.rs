//! Looking into a mailbox by IMAP (outsend 12.16). Nothing in it is changed: folders are examined, mails are peeked at.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_imap::{
    Client, Session,
    error::{Error, Result as Answer},
    imap_proto::NameAttribute,
    types::{Fetch, Name},
};
use futures_util::TryStreamExt as _;
use mail_parser::MessageParser;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::ConfigVerifierExt as _;
use secrecy::ExposeSecret as _;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::outside::Outside;
use crate::delivery::{Arrival, Placement, Seed, Unread, Wanted};

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_secs(1);

/// Mails of a folder that are looked at, newest first.
const NEWEST: usize = 200;
/// Bytes that a server may send.
const MOST: u64 = 4 * 1024 * 1024;
const DAY: i64 = 86_400;

const INBOX: &str = "INBOX";

/// What a folder for spam is called where no attribute says which one it is, in lower case and as IMAP writes it.
const SPAM: [&str; 9] = [
    "junk",
    "spam",
    "junk e-mail",
    "junk email",
    "bulk mail",
    "bulk",
    "courrier ind&aok-sirable",
    "ind&aok-sirables",
    "pourriel",
];

/// Google's tabs, as its search names them and as its pages do.
const TABS: [(&str, &str); 4] =
    [("promotions", "Promotions"), ("social", "Social"), ("updates", "Updates"), ("forums", "Forums")];

/// The first mail that is looked for, if the mailbox has one.
pub(super) async fn look(outside: &Outside, seed: &Seed, wanted: &Wanted) -> Result<Option<Arrival>, Unread> {
    timeout(WHOLE, connect(outside, seed, wanted)).await.unwrap_or(Err(Unread::Timeout))
}

async fn connect(outside: &Outside, seed: &Seed, wanted: &Wanted) -> Result<Option<Arrival>, Unread> {
    let stream = timeout(CONNECT, TcpStream::connect((seed.host.as_str(), seed.port))).await;
    let stream = stream.map_err(|_| Unread::Timeout)?.map_err(|_| Unread::Unreachable)?;
    if !seed.tls {
        return dialogue(stream, seed, wanted).await;
    }
    let name = ServerName::try_from(seed.host.clone()).map_err(|_| Unread::Tls)?;
    let stream = timeout(CONNECT, connector(outside)?.connect(name, stream)).await;
    dialogue(stream.map_err(|_| Unread::Timeout)?.map_err(|_| Unread::Tls)?, seed, wanted).await
}

/// What encrypts connections, with the roots that the system trusts.
fn connector(outside: &Outside) -> Result<TlsConnector, Unread> {
    let config = match outside.mailboxes.get() {
        Some(known) => Arc::clone(known),
        None => {
            let made = Arc::new(ClientConfig::with_platform_verifier().map_err(|_| Unread::Tls)?);
            Arc::clone(outside.mailboxes.get_or_init(|| made))
        }
    };
    Ok(TlsConnector::from(config))
}

fn unread(error: Error) -> Unread {
    match error {
        Error::Io(_) | Error::ConnectionLost => Unread::Unreachable,
        _ => Unread::Answers,
    }
}

async fn dialogue<S>(stream: S, seed: &Seed, wanted: &Wanted) -> Result<Option<Arrival>, Unread>
where
    S: AsyncRead + AsyncWrite + Unpin + Debug + Send,
{
    let (read, write) = tokio::io::split(stream);
    let mut client = Client::new(tokio::io::join(read.take(MOST), write));
    client.read_response().await.map_err(|_| Unread::Answers)?.ok_or(Unread::Answers)?;
    let session = client.login(seed.user(), seed.password.expose_secret()).await;
    let mut session = session.map_err(|(error, _)| match error {
        Error::No(_) | Error::Bad(_) => Unread::Login,
        error => unread(error),
    })?;
    let found = search(&mut session, wanted).await.map_err(unread);
    // it is heard or not: what was found stays so
    let _ = timeout(FAREWELL, session.logout()).await;
    found
}

async fn search<S>(session: &mut Session<S>, wanted: &Wanted) -> Answer<Option<Arrival>>
where
    S: AsyncRead + AsyncWrite + Unpin + Debug + Send,
{
    let mut first = None;
    if let Some((uid, mut arrival)) = folder(session, INBOX, wanted).await? {
        if session.capabilities().await?.has_str("X-GM-EXT-1") {
            arrival.placement = tab(session, uid).await?;
        }
        first = Some(arrival);
    }
    if let Some(spam) = spam(session).await? {
        match folder(session, &spam, wanted).await {
            Ok(Some((_, arrival))) if first.as_ref().is_none_or(|first| arrival.at < first.at) => {
                first = Some(Arrival { placement: Placement::Spam, ..arrival });
            }
            // a folder that is listed and closed is none
            Ok(_) | Err(Error::No(_)) => {}
            // what was found stays so
            Err(_) if first.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(first)
}

/// The folder for spam: the one that says so, else one with such a name.
async fn spam<S>(session: &mut Session<S>) -> Answer<Option<String>>
where
    S: AsyncRead + AsyncWrite + Unpin + Debug + Send,
{
    let folders: Vec<Name> = session.list(Some(""), Some("*")).await?.try_collect().await?;
    let open = || folders.iter().filter(|folder| !folder.attributes().contains(&NameAttribute::NoSelect));
    let is_named = |folder: &&Name| {
        let name = folder.name().to_lowercase();
        let last = folder.delimiter().and_then(|delimiter| name.rsplit(delimiter).next()).unwrap_or(&name);
        SPAM.contains(&last)
    };
    let marked = open().find(|folder| folder.attributes().contains(&NameAttribute::Junk));
    Ok(marked.or_else(|| open().find(is_named)).map(|folder| folder.name().to_owned()))
}

/// The first mail of a folder that is looked for, and its number.
async fn folder<S>(session: &mut Session<S>, name: &str, wanted: &Wanted) -> Answer<Option<(u32, Arrival)>>
where
    S: AsyncRead + AsyncWrite + Unpin + Debug + Send,
{
    if session.examine(name).await?.exists == 0 {
        return Ok(None);
    }
    // a server's day is that of its own zone
    let day =
        OffsetDateTime::from_unix_timestamp(wanted.since.saturating_sub(DAY)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = format!("{}-{:.3}-{}", day.day(), day.month().to_string(), day.year());
    // a domain that is written in two ways is looked for among all
    let from = if wanted.domain.contains("xn--") { String::new() } else { format!(" FROM \"{}\"", wanted.domain) };
    let found = session.uid_search(format!("SINCE {day}{from}")).await?;
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.truncate(NEWEST);
    if found.is_empty() {
        return Ok(None);
    }
    let set = found.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let mails = session.uid_fetch(set, "(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])").await?;
    let mails: Vec<Fetch> = mails.try_collect().await?;
    Ok(mails.iter().filter_map(|mail| judged(mail, wanted)).min_by_key(|(uid, arrival)| (arrival.at, *uid)))
}

/// A mail, if it is one that is looked for.
fn judged(mail: &Fetch, wanted: &Wanted) -> Option<(u32, Arrival)> {
    let at = mail.internal_date()?.timestamp();
    let header = MessageParser::default().parse_headers(mail.header()?)?;
    let subject = header.subject().unwrap_or_default();
    let mut senders = header.from()?.iter().filter_map(|sender| sender.address());
    let is = senders.any(|sender| wanted.is(sender, subject, at));
    is.then_some(())?;
    Some((mail.uid?, Arrival { placement: Placement::Inbox, subject: subject.to_owned(), at }))
}

/// The tab of a mail in Google's inbox, which is open.
async fn tab<S>(session: &mut Session<S>, uid: u32) -> Answer<Placement>
where
    S: AsyncRead + AsyncWrite + Unpin + Debug + Send,
{
    for (category, tab) in TABS {
        if session.uid_search(format!("UID {uid} X-GM-RAW \"category:{category}\"")).await?.contains(&uid) {
            return Ok(Placement::Tab(tab));
        }
    }
    Ok(Placement::Inbox)
}

#[cfg(test)]
mod tests;
