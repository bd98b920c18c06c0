//! Whom clients of AWS trust, and what their start opens. The server has a certificate of a root that only these tests
//! know (`openssl ca`, until 2124).

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::*;
use crate::{clock::Clock, config::Settings, context::Context, secret::sha256_hex};

const TEST_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/test-root.pem");
const TEST_SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aws/test-server.pem");

/// Settings with an endpoint of the store's and a bundle; an empty one is none.
fn settings(endpoint: &str, bundle: &str) -> Settings {
    Settings::read(|name| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.to_owned()),
        "AWS_CA_BUNDLE" => Some(bundle.to_owned()),
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        "AWS_ENDPOINT_URL_S3" => None,
        name => (name.contains("TABLE") || name.starts_with("AWS_")).then(|| "x".to_owned()),
    })
    .unwrap()
}

/// A server that finds no item, over TLS or without it: its port, and how many connections came.
fn server(tls: bool) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, connections) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let chain = vec![CertificateDer::from_pem_file(TEST_SERVER).unwrap()];
    let key = PrivateKeyDer::from_pem_file(TEST_SERVER).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(chain, key).unwrap());
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                if tls {
                    answer(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
                } else {
                    answer::<TcpStream>(stream);
                }
            });
        }
    });
    (port, connections)
}

/// Answers each request of a connection.
fn answer<S: Read + Write>(mut stream: S) {
    let mut bytes = [0; 8_192];
    while let Ok(1..) = stream.read(&mut bytes) {
        let answered = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        if answered.and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

async fn one_read(context: &Context) -> bool {
    context.store().client().get_item().table_name("x").send().await.is_ok()
}

#[test]
fn amazon_s_roots_are_those_that_it_publishes() {
    let published = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];
    let roots: Vec<_> = CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes()).collect::<Result<_, _>>().unwrap();
    assert_eq!(roots.iter().map(|root| sha256_hex(root)).collect::<Vec<_>>(), published);
    assert_eq!(RootCertStore::empty().add_parsable_certificates(roots), (5, 0));
    // what hands them over would panic if one were not well-formed
    let _ = Trust::Amazon.connector();
}

#[test]
fn whom_an_endpoint_is_checked_against() {
    let bundle: Arc<str> = "PEM".into();
    for (url, trust) in [
        ("https://dynamodb.eu-west-1.amazonaws.com", Trust::Amazon),
        ("https://dynamodb.us-gov-west-1.amazonaws.com/", Trust::Amazon),
        ("https://secretsmanager.us-east-1.amazonaws.com/", Trust::Amazon),
        ("https://email.us-east-1.amazonaws.com", Trust::Amazon),
        ("https://dynamodb.cn-north-1.amazonaws.com.cn", Trust::System),
        ("https://dynamodb.eusc-de-east-1.amazonaws.com", Trust::System),
        ("https://dynamodb.us-iso-east-1.amazonaws.com", Trust::System),
        ("https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com", Trust::System),
        ("https://bucket.eu-west-1.amazonaws.com", Trust::System),
        ("https://dynamodb.eu-west-1.amazonaws.com.evil.example", Trust::System),
        ("https://evil.example/dynamodb.eu-west-1.amazonaws.com", Trust::System),
        ("https://dynamodb.evil.example/.amazonaws.com", Trust::System),
        ("https://localhost:8000", Trust::System),
        ("http://127.0.0.1:8000", Trust::Plain),
        ("HTTP://127.0.0.1:8000", Trust::Plain),
    ] {
        assert_eq!(Trust::of(url, None), trust, "{url}");
        let given = if trust == Trust::Plain { Trust::Plain } else { Trust::Given(Arc::clone(&bundle)) };
        assert_eq!(Trust::of(url, Some(&bundle)), given, "{url}");
    }
    let at_home = Http::of(&settings("", "").store, "dynamodb", None);
    assert_eq!(
        (at_home.url().as_str(), &at_home.0.trust),
        ("https://dynamodb.eu-west-1.amazonaws.com/", &Trust::Amazon)
    );
}

#[test]
fn a_bundle_must_be_one() {
    for path in ["/nowhere", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let read = Settings::read(|name| match name {
            "AWS_CA_BUNDLE" => Some(path.to_owned()),
            "AWS_ENDPOINT_URL_S3" => None,
            name => (name.contains("TABLE") || name.starts_with("AWS_")).then(|| "x".to_owned()),
        });
        let text = "environment variable AWS_CA_BUNDLE is not a readable file of PEM certificates";
        assert_eq!(read.unwrap_err().to_string(), text);
    }
}

#[tokio::test]
async fn nothing_is_made_before_it_is_needed() {
    let (port, connections) = server(false);
    let context = Context::new(settings(&format!("http://127.0.0.1:{port}"), ""), Clock::system());
    let http = context.http().unwrap();
    assert!(http.0.connector.get().is_none());
    context.http().unwrap().open().await;
    assert!(http.0.connector.get().is_none(), "a plain endpoint is not opened ahead");
    assert!(one_read(&context).await);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_bundle_is_trusted_and_the_first_request_finds_the_connection_open() {
    let (port, connections) = server(true);
    let endpoint = format!("https://localhost:{port}");
    let context = Context::new(settings(&endpoint, TEST_ROOT), Clock::system());
    context.http().unwrap().open().await;
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert!(one_read(&context).await);
    assert_eq!(connections.load(Ordering::SeqCst), 1, "the same connection");
    let without = Http::of(&settings(&endpoint, "").store, "dynamodb", Some(&endpoint));
    let refused = http_client::send_through(without.connector(), "GET", without.url(), Vec::new(), String::new()).await;
    assert!(refused.unwrap_err().contains("UnknownIssuer"));
}

#[tokio::test]
async fn a_start_waits_for_no_store() {
    // takes connections and says nothing
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let began = Instant::now();
    Context::new(settings(&endpoint, TEST_ROOT), Clock::system()).http().unwrap().open().await;
    assert!(began.elapsed() < OPENING_LIMIT * 4);
    drop(listener);
    Context::new(settings(&endpoint, TEST_ROOT), Clock::system()).http().unwrap().open().await;
}
