//! A streamed answer as the runtime posts it: a JSON prelude, 8 NUL bytes, then data.

use std::io;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::{BoxFuture, lambda::Streamed};
use tokio::sync::mpsc;

const SEPARATOR: &[u8; 8] = &[0; 8];
const FAILED: &str = "lambda-runtime-function-error-type";
/// Most bytes of a prelude.
const MAX_PRELUDE: usize = 64 * 1024;
/// Pieces that may wait for the client; the function waits when there are more.
const WAITING: usize = 16;

/// Reads the prelude; the answer's body then comes as long as the returned future is polled.
pub(super) async fn read(body: Body) -> Result<(Streamed, BoxFuture<'static, ()>), String> {
    let mut body = body;
    let mut seen = BytesMut::new();
    let end = loop {
        // the separator may come in parts
        if let Some(end) = seen.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
            break end;
        }
        if seen.len() > MAX_PRELUDE {
            return Err("no end of the prelude".to_owned());
        }
        match body.frame().await {
            Some(Ok(frame)) => seen.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("no prelude".to_owned()),
        }
    };
    let prelude = seen.split_to(end);
    let _ = seen.split_to(SEPARATOR.len());
    let prelude: Value = serde_json::from_slice(&prelude).map_err(|error| error.to_string())?;
    let status = prelude.get("statusCode").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or("no status in the prelude")?;
    let mut headers = Vec::new();
    for (name, value) in prelude.get("headers").and_then(Value::as_object).into_iter().flatten() {
        // what stands more than once is a list
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        headers.extend(values.iter().filter_map(|value| Some((name.clone(), value.as_str()?.to_owned()))));
    }
    let cookies = prelude.get("cookies").and_then(Value::as_array).into_iter().flatten();
    headers.extend(cookies.filter_map(|cookie| Some(("set-cookie".to_owned(), cookie.as_str()?.to_owned()))));
    let (sender, receiver) = mpsc::channel(WAITING);
    let pieces = futures_util::stream::unfold(receiver, |mut receiver: mpsc::Receiver<io::Result<Bytes>>| async move {
        Some((receiver.recv().await?, receiver))
    });
    let rest = forward(seen.freeze(), body, sender);
    Ok((Streamed { status, headers, body: pieces.boxed() }, Box::pin(rest)))
}

async fn forward(first: Bytes, mut body: Body, sender: mpsc::Sender<io::Result<Bytes>>) {
    if !first.is_empty() && sender.send(Ok(first)).await.is_err() {
        return;
    }
    while let Some(frame) = body.frame().await {
        let piece = match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => Ok(data),
                // a function that fails on the way says so in the trailers
                Err(frame) if frame.trailers_ref().is_some_and(|trailers| trailers.contains_key(FAILED)) => {
                    Err(io::Error::other("the function failed"))
                }
                Err(_) => continue,
            },
            Err(error) => Err(io::Error::other(error)),
        };
        // a client that went away ends the function's stream, as the gateway does
        if sender.send(piece).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_separator_may_be_split() {
        let prelude = br#"{"statusCode":200,"headers":{"x-a":"1","x-b":["2","3"]},"cookies":["c=1","d=2"]}"#;
        let all = [&prelude[..], &SEPARATOR[..], &b"hello \0 world"[..]].concat();
        for cut in [1, prelude.len(), prelude.len() + 3, prelude.len() + 8, prelude.len() + 10] {
            let (head, tail) = all.split_at(cut);
            let parts = [head, tail].map(|part| Ok::<_, std::io::Error>(Bytes::copy_from_slice(part)));
            let (answer, rest) = read(Body::from_stream(futures_util::stream::iter(parts))).await.unwrap();
            let headers: Vec<_> = answer.headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(
                (answer.status, headers.join(" ").as_str()),
                (200, "x-a=1 x-b=2 x-b=3 set-cookie=c=1 set-cookie=d=2")
            );
            let (body, ()) = tokio::join!(answer.body.collect::<Vec<_>>(), rest);
            let body: Vec<_> = body.into_iter().map(Result::unwrap).collect();
            assert_eq!(body.concat(), b"hello \0 world");
        }
    }

    #[tokio::test]
    async fn what_has_no_prelude_is_refused() {
        for body in [&b""[..], b"{}", b"{}\0\0\0\0\0\0\0\0", b"x\0\0\0\0\0\0\0\0"] {
            assert!(read(Body::from(body)).await.is_err());
        }
    }
}
