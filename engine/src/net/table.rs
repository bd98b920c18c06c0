//! Fetching a table (outsend 12.2) behind the guard of outsend 11.5.

use std::{io::Read, time::Duration};

use flate2::read::MultiGzDecoder;
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION},
};
use tokio::time::timeout;
use url::Url;

use super::{
    guard::{Closed, Schemes, Unfit},
    outside::Outside,
    page::Cause,
};

const WHOLE: Duration = Duration::from_secs(20);
const REDIRECTS: usize = 5;

/// Bytes of a table, as sent and as unpacked.
const MAX_BYTES: usize = 10 * 1024 * 1024;

/// The host whose exports are taken with any content type but that of a page.
const SHEETS: &str = "docs.google.com";

#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("The URL is not valid.")]
    Url,
    #[error("The URL must be https, without user info, on the usual port.")]
    Form,
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("The server could not be reached.")]
    Unreachable,
    #[error("The server did not answer in time.")]
    Slow,
    #[error("There are too many redirects.")]
    Redirects,
    #[error("The server answered with status {0}.")]
    Status(u16),
    #[error("The answer is not a table in text form.")]
    Type,
    #[error("The table is larger than 10 MiB.")]
    Large,
    #[error("The answer cannot be read.")]
    Broken,
}

pub(super) async fn fetch(outside: &Outside, url: &str) -> Result<Vec<u8>, Refused> {
    timeout(WHOLE, follow(outside, url)).await.unwrap_or(Err(Refused::Slow))
}

async fn follow(outside: &Outside, url: &str) -> Result<Vec<u8>, Refused> {
    let mut url = Url::parse(url.trim()).map_err(|_| Refused::Url)?;
    let sheets = url.host_str() == Some(SHEETS);
    for _ in 0..=REDIRECTS {
        let response = request(outside, &url).await?;
        match response.status() {
            StatusCode::OK => return read(response, sheets).await,
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = header(&response, LOCATION).ok_or(Refused::Broken)?;
                url = url.join(&location).map_err(|_| Refused::Url)?;
            }
            status => return Err(Refused::Status(status.as_u16())),
        }
    }
    Err(Refused::Redirects)
}

/// One hop: the URL is judged, and the client connects to nothing but checked addresses.
async fn request(outside: &Outside, url: &Url) -> Result<Response, Refused> {
    outside.guard.judge(url, Schemes::Secure).map_err(|unfit| match unfit {
        Unfit::Form => Refused::Form,
        Unfit::Private => Refused::Closed(Closed::Private),
    })?;
    let client = &outside.client;
    let request = client.get(url.clone()).header(ACCEPT, "text/csv, text/plain;q=0.9").header(ACCEPT_ENCODING, "gzip");
    request.send().await.map_err(|error| match Cause::of(&error) {
        Cause::Closed(closed) => Refused::Closed(closed),
        Cause::Slow => Refused::Slow,
        Cause::Tls | Cause::Other => Refused::Unreachable,
    })
}

async fn read(mut response: Response, sheets: bool) -> Result<Vec<u8>, Refused> {
    let kind = header(&response, CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let page = matches!(kind, "text/html" | "application/xhtml+xml");
    if !(matches!(kind, "text/csv" | "text/plain") || (sheets && !page)) {
        return Err(Refused::Type);
    }
    let packed = match header(&response, CONTENT_ENCODING).as_deref() {
        None | Some("identity" | "") => false,
        Some("gzip" | "x-gzip") => true,
        Some(_) => return Err(Refused::Broken),
    };
    if response.content_length().is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(Refused::Large);
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|_| Refused::Broken)? {
        if body.len() + piece.len() > MAX_BYTES {
            return Err(Refused::Large);
        }
        body.extend_from_slice(&piece);
    }
    if !packed {
        return Ok(body);
    }
    let mut table = Vec::new();
    // one byte more than allowed tells that there is more
    let mut unpacked = MultiGzDecoder::new(body.as_slice()).take(MAX_BYTES as u64 + 1);
    unpacked.read_to_end(&mut table).map_err(|_| Refused::Broken)?;
    if table.len() > MAX_BYTES { Err(Refused::Large) } else { Ok(table) }
}

/// A header's value in lower case, but for the location.
fn header(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(&name)?.to_str().ok()?.trim();
    Some(if name == LOCATION { value.to_owned() } else { value.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::Ipv4Addr};

    use flate2::{Compression, write::GzEncoder};

    use super::super::testing::{Record, WebServer, name_server, outside, web_server};
    use super::*;

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }

    fn redirect(location: &str) -> Vec<u8> {
        answer(&format!("302 Found\r\nLocation: {location}"), b"")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn reached(pages: Vec<(&'static str, Vec<u8>)>) -> (Outside, WebServer) {
        let names = name_server(&[
            ("files.test.", Record::A(Ipv4Addr::LOCALHOST)),
            ("inner.test.", Record::A(Ipv4Addr::new(10, 0, 0, 1))),
            ("mixed.test.", Record::A(Ipv4Addr::new(93, 184, 216, 34))),
            ("mixed.test.", Record::A(Ipv4Addr::LOCALHOST)),
        ])
        .await;
        (outside(names.address, &["files.test"]), web_server(pages).await)
    }

    #[tokio::test]
    async fn a_table_is_fetched_over_redirects_and_unpacked() {
        let (outside, server) = reached(vec![
            ("/a", answer("200 OK\r\nContent-Type: Text/CSV; charset=utf-8", b"nom;ville\r\n")),
            ("/b", redirect("c?x=1")),
            ("/c?x=1", redirect("/a")),
            ("/z", answer("200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip", &gzip(b"nom"))),
        ])
        .await;
        let base = format!("http://files.test:{}", server.address.port());
        assert_eq!(fetch(&outside, &format!("{base}/b")).await.unwrap(), b"nom;ville\r\n");
        assert_eq!(fetch(&outside, &format!("{base}/z")).await.unwrap(), b"nom");
        let request = server.requests().remove(0);
        assert!(request.contains("user-agent: outscout/1.0 (+https://outscout.test/bot)"), "{request}");
    }

    #[tokio::test]
    async fn no_hop_leads_inside() {
        let targets = [
            ("/1", "https://127.0.0.1/x"),
            ("/2", "https://[::1]/x"),
            ("/3", "https://[::ffff:10.0.0.1]/x"),
            ("/4", "https://inner.test/x"),
            ("/5", "https://mixed.test/x"),
            ("/6", "https://169.254.169.254/latest/meta-data"),
            ("/7", "//localhost/x"),
        ];
        let (outside, server) = reached(targets.iter().map(|(path, to)| (*path, redirect(to))).collect()).await;
        for (path, target) in targets {
            let url = format!("http://files.test:{}{path}", server.address.port());
            let refused = fetch(&outside, &url).await.unwrap_err();
            assert!(matches!(refused, Refused::Closed(Closed::Private) | Refused::Form), "{target}: {refused}");
        }
        let direct = fetch(&outside, "https://127.0.0.1/x").await.unwrap_err();
        assert!(matches!(direct, Refused::Closed(Closed::Private)));
        assert!(matches!(fetch(&outside, "https://none.test/").await.unwrap_err(), Refused::Closed(Closed::NoName)));
    }

    #[tokio::test]
    async fn urls_of_another_form_are_refused() {
        let (outside, _server) = reached(Vec::new()).await;
        for url in [
            "http://93.184.216.34/x",
            "ftp://files.test/x",
            "https://93.184.216.34:8443/x",
            "https://user@93.184.216.34/x",
            "https://:secret@files.test/x",
        ] {
            assert!(matches!(fetch(&outside, url).await.unwrap_err(), Refused::Form), "{url}");
        }
        for url in ["", "files.test/x", "https://", "data:text/csv,a"] {
            assert!(matches!(fetch(&outside, url).await.unwrap_err(), Refused::Url | Refused::Form), "{url}");
        }
    }

    #[tokio::test]
    async fn answers_that_are_no_table_are_refused() {
        let large = vec![b'x'; MAX_BYTES + 1];
        let (outside, server) = reached(vec![
            ("/page", answer("200 OK\r\nContent-Type: text/html", b"<html>")),
            ("/bare", answer("200 OK", b"a;b")),
            ("/gone", answer("404 Not Found\r\nContent-Type: text/csv", b"")),
            ("/loop", redirect("/loop")),
            ("/large", answer("200 OK\r\nContent-Type: text/csv", &large)),
            ("/bomb", answer("200 OK\r\nContent-Type: text/csv\r\nContent-Encoding: gzip", &gzip(&large))),
            ("/odd", answer("200 OK\r\nContent-Type: text/csv\r\nContent-Encoding: br", b"x")),
        ])
        .await;
        for (path, text) in [
            ("page", "The answer is not a table in text form."),
            ("bare", "The answer is not a table in text form."),
            ("gone", "The server answered with status 404."),
            ("loop", "There are too many redirects."),
            ("large", "The table is larger than 10 MiB."),
            ("bomb", "The table is larger than 10 MiB."),
            ("odd", "The answer cannot be read."),
        ] {
            let url = format!("http://files.test:{}/{path}", server.address.port());
            assert_eq!(fetch(&outside, &url).await.unwrap_err().to_string(), text, "{path}");
        }
    }
}
