//! A stub of S3, written from what AWS publishes of its REST API and of Signature Version 4: one bucket, whose objects are
//! put, read and deleted by whoever signs with the known key.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use ring::{digest, hmac};

/// The bucket's objects by their keys, and the secret that its callers sign with.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The objects.
    pub objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// The secret; empty until it is known.
    pub secret: Arc<Mutex<String>>,
}

/// Its name.
pub const NAME: &str = "images";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// Why a request is not signed as it must be.
fn wrong(secret: &str, (method, path): (&str, &str), headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (digest, date) = (header("x-amz-content-sha256"), header("x-amz-date"));
    if digest != sha256(body) {
        return Some(format!("x-amz-content-sha256 is {digest}"));
    }
    let authorization = header("authorization");
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}="))?;
        Some(rest.split([',', ' ']).next().unwrap_or_default().to_owned())
    };
    let (scope, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
    let scope = scope.split_once('/')?.1.to_owned();
    if !signed.split(';').any(|name| name == "host") || !signed.contains("x-amz-content-sha256") {
        return Some(format!("signed are {signed}"));
    }
    let lines: String = signed.split(';').map(|name| format!("{name}:{}\n", header(name).trim())).collect();
    let canonical = format!("{method}\n{path}\n\n{lines}\n{signed}\n{digest}");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| sign(&key, part));
    let expected = hex(&sign(&key, &text));
    (expected != signature).then(|| format!("the signature is {signature} and not {expected}"))
}

async fn object(
    State(bucket): State<Bucket>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let secret = bucket.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(why) = wrong(&secret, (method.as_str(), uri.path()), &headers, &body) {
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    let Some(key) = uri.path().strip_prefix(&format!("/{NAME}/")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut objects = bucket.objects.lock().unwrap_or_else(PoisonError::into_inner);
    match method.as_str() {
        "PUT" => {
            objects.insert(key.to_owned(), body.to_vec());
            StatusCode::OK.into_response()
        }
        "DELETE" => {
            objects.remove(key);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => objects.get(key).cloned().map_or(StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response),
    }
}

impl Bucket {
    /// Starts it; its URL.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> (Self, String) {
        let bucket = Self { objects: Arc::default(), secret: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(object).with_state(bucket.clone());
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (bucket, url)
    }

    /// The keys of its objects.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}
