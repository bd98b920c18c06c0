//! A client that sends what it is told to, byte by byte.

use std::collections::HashMap;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Answer, Failure};

/// Sends raw bytes to `http://host:port…` and reads the answer to its end.
///
/// # Errors
/// When there is no answer, or none that is HTTP.
pub async fn raw(url: &str, request: &[u8]) -> Result<Answer, Failure> {
    let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).ok_or("url")?;
    let mut stream = TcpStream::connect(address).await?;
    // a server may answer, and close, before it has read all
    let _ = stream.write_all(request).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or("no status")?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let start = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
    Ok(Answer { status, headers, body: body.to_owned(), bytes: bytes.split_off(start) })
}

/// Sends a request to an API on a connection of its own.
///
/// # Errors
/// As [`raw`].
pub async fn send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer, Failure> {
    send_to("api.test", url, method, path, headers, body).await
}

/// Sends a request to a control port, as a program of this machine does.
///
/// # Errors
/// As [`raw`].
pub async fn control(url: &str, method: &str, path: &str, body: &str) -> Result<Answer, Failure> {
    send_to("localhost", url, method, path, &[("Content-Type", "application/json")], body.as_bytes()).await
}

/// Moves a server's clock to where windows of a minute begin, so that all that comes now counts in one.
///
/// # Errors
/// As [`raw`].
pub async fn new_minute(server: &local::server::Server) -> Result<(), Failure> {
    let seconds = 60 - server.context.clock().now().unix_timestamp().rem_euclid(60);
    let body = format!("{{\"advance_seconds\": {seconds}}}");
    control(&server.control, "POST", "/_local/clock", &body).await.map(|_| ())
}

/// As [`send`], under a name of the caller's.
///
/// # Errors
/// As [`raw`].
pub async fn send_to(
    host: &str,
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer, Failure> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    raw(url, &[head.as_bytes(), body].concat()).await
}
