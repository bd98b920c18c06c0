//! One request for a page (outsend 11.5): behind the guard, within its time and its size. Redirects are the caller's.

use std::{error::Error, io};

use reqwest::{
    Response, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
        IF_NONE_MATCH,
    },
};
use tokio::time::timeout;

use super::{
    guard::{Closed, Schemes},
    outside::Outside,
    unpack::{Stopped, Unpacker},
};
use crate::web::{Answer, Ask, Missed, Wanted};

/// Why a request had no answer, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The guard did not let it through.
    Closed(Closed),
    /// The certificate, or what was said in place of TLS.
    Tls,
    /// It took too long.
    Slow,
    /// Nobody listens, or what came is no HTTP.
    Other,
}

impl Cause {
    /// The cause of an error, which lies at the end of its chain.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(cause) = next {
            if let Some(closed) = cause.downcast_ref::<Closed>() {
                return Self::Closed(*closed);
            }
            if cause.is::<rustls::Error>() {
                return Self::Tls;
            }
            // an I/O error names what is inside the error that it holds, and not that one itself
            next = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => cause.source(),
            };
        }
        if error.is_timeout() { Self::Slow } else { Self::Other }
    }

    pub(super) const fn missed(self) -> Missed {
        match self {
            Self::Closed(Closed::Private) => Missed::Blocked,
            Self::Closed(Closed::NoName) => Missed::NoName,
            Self::Closed(Closed::Unknown) => Missed::Dns,
            Self::Tls => Missed::Tls,
            Self::Slow => Missed::Timeout,
            Self::Other => Missed::Unreachable,
        }
    }
}

/// Asks once.
pub(super) async fn get(outside: &Outside, ask: Ask<'_>) -> Result<Answer, Missed> {
    timeout(ask.within, request(outside, ask)).await.unwrap_or(Err(Missed::Timeout))
}

async fn request(outside: &Outside, ask: Ask<'_>) -> Result<Answer, Missed> {
    outside.guard.judge(ask.url, Schemes::Web).map_err(|_| Missed::Blocked)?;
    let accept = match ask.wanted {
        Wanted::Page => "text/html, application/xhtml+xml;q=0.9",
        Wanted::Robots => "text/plain, */*;q=0.5",
        Wanted::Sitemap => "application/xml, text/xml, */*;q=0.5",
        Wanted::Image => "image/webp, image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5",
    };
    let mut request = outside.client.get(ask.url.clone());
    request = request.header(ACCEPT, accept).header(ACCEPT_ENCODING, "gzip, br, zstd");
    for (name, value) in [(IF_NONE_MATCH, ask.etag), (IF_MODIFIED_SINCE, ask.modified)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.map_err(|error| Cause::of(&error).missed())?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = if status == StatusCode::OK { body(response, &headers, ask.wanted).await? } else { Vec::new() };
    Ok(Answer { status: status.as_u16(), headers: plain(&headers), body })
}

async fn body(response: Response, headers: &HeaderMap, wanted: Wanted) -> Result<Vec<u8>, Missed> {
    let kind = text(headers, &CONTENT_TYPE);
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if wanted == Wanted::Page && !matches!(kind.as_str(), "text/html" | "application/xhtml+xml") {
        return Err(Missed::NotHtml);
    }
    unpacked(response, headers, wanted.max_bytes()).await
}

/// The body of an answer, unpacked, of at most `max` bytes.
pub(super) async fn unpacked(mut response: Response, headers: &HeaderMap, max: usize) -> Result<Vec<u8>, Missed> {
    if response.content_length().is_some_and(|length| length > max as u64) {
        return Err(Missed::TooLarge);
    }
    let stopped = |stopped| match stopped {
        Stopped::Large => Missed::TooLarge,
        Stopped::Broken => Missed::Unreachable,
    };
    let mut unpacker = Unpacker::new(&text(headers, &CONTENT_ENCODING), max).ok_or(Missed::Unreachable)?;
    while let Some(piece) = response.chunk().await.map_err(|error| Cause::of(&error).missed())? {
        unpacker.take(&piece).map_err(stopped)?;
    }
    unpacker.finish().map_err(stopped)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

pub(super) fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

#[cfg(test)]
mod tests;
