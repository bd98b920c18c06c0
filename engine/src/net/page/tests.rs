//! Pages of servers that mean well, and of those that do not.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::{
    super::{
        testing::{Record, name_server, outside, web_server},
        unpack::testing::packed,
    },
    *,
};

/// A certificate and its key, of a root that no list has.
const CERTIFICATE: &[u8] = include_bytes!("certificate.pem");

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn html(encoding: &str, page: &[u8]) -> Vec<u8> {
    answer(&format!("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {encoding}"), &packed(encoding, page))
}

async fn site() -> Outside {
    let names = name_server(&[
        ("site.web.", Record::A(Ipv4Addr::LOCALHOST)),
        ("empty.web.", Record::Nothing),
        ("failing.web.", Record::Failure),
    ])
    .await;
    outside(names.address, &[".web"])
}

fn ask(url: &Url) -> Ask<'_> {
    Ask { url, wanted: Wanted::Page, within: Duration::from_secs(5), etag: None, modified: None }
}

async fn fetched(outside: &Outside, port: u16, path: &str) -> Result<Answer, Missed> {
    get(outside, ask(&Url::parse(&format!("http://site.web:{port}{path}")).unwrap())).await
}

/// A server that hands every connection to `serve` once its request was read.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                serve(stream).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_page_comes_unpacked_with_its_headers() {
    let page = "<p>Bonjour</p>".repeat(1_000);
    let server = web_server(vec![
        ("/plain", html("identity", page.as_bytes())),
        ("/gzip", html("gzip", page.as_bytes())),
        ("/br", html("br", page.as_bytes())),
        ("/zstd", html("zstd", page.as_bytes())),
        ("/x", answer("200 OK\r\nContent-Type: Application/XHTML+xml; charset=utf-8", b"<p/>")),
        ("/moved", answer("301 Moved\r\nLocation: /x", b"here")),
        ("/gone", answer("410 Gone\r\nContent-Type: text/html", b"gone")),
        ("/same", answer("304 Not Modified\r\nETag: \"a\"", b"")),
    ])
    .await;
    let (outside, port) = (site().await, server.address.port());
    for path in ["/plain", "/gzip", "/br", "/zstd"] {
        let answer = fetched(&outside, port, path).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, page.as_bytes()), "{path}");
    }
    assert_eq!(fetched(&outside, port, "/x").await.unwrap().body, b"<p/>");
    let moved = fetched(&outside, port, "/moved").await.unwrap();
    assert_eq!((moved.status, moved.header("location"), moved.body.len()), (301, Some("/x"), 0));
    assert_eq!(fetched(&outside, port, "/gone").await.unwrap().status, 410);
    let url = Url::parse(&format!("http://site.web:{port}/same")).unwrap();
    let known = Ask { etag: Some("\"a\""), modified: Some("Mon, 30 Nov 2026 10:00:00 GMT"), ..ask(&url) };
    assert_eq!(get(&outside, known).await.unwrap().status, 304);
    let requests = server.requests();
    assert!(requests[0].contains("user-agent: outscout/1.0 (+https://outscout.test/bot)"), "{}", requests[0]);
    assert!(requests[0].contains("accept-encoding: gzip, br, zstd") && !requests[0].contains("cookie"));
    let last = requests.last().unwrap();
    assert!(last.contains("if-none-match: \"a\"") && last.contains("if-modified-since: mon, 30 nov 2026"), "{last}");
}

#[tokio::test]
async fn what_is_no_page_is_told_by_its_cause() {
    let bomb = vec![b' '; 16 * 1024 * 1024];
    let server = web_server(vec![
        ("/pdf", answer("200 OK\r\nContent-Type: application/pdf", b"%PDF")),
        ("/bare", answer("200 OK", b"<p>")),
        ("/large", answer("200 OK\r\nContent-Type: text/html", &vec![b'x'; 2 * 1024 * 1024 + 1])),
        ("/just", answer("200 OK\r\nContent-Type: text/html", &vec![b'x'; 2 * 1024 * 1024])),
        ("/gzip", html("gzip", &bomb)),
        ("/br", html("br", &bomb)),
        ("/zstd", html("zstd", &bomb)),
        ("/odd", answer("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: compress", b"x")),
        ("/false", answer("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip", b"<p>plain</p>")),
        ("/cut", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nshort".to_vec()),
        ("/none", b"hello there".to_vec()),
    ])
    .await;
    let (outside, port) = (site().await, server.address.port());
    for (path, missed) in [
        ("/pdf", Missed::NotHtml),
        ("/bare", Missed::NotHtml),
        ("/large", Missed::TooLarge),
        ("/gzip", Missed::TooLarge),
        ("/br", Missed::TooLarge),
        ("/zstd", Missed::TooLarge),
        ("/odd", Missed::Unreachable),
        ("/false", Missed::Unreachable),
        ("/cut", Missed::Unreachable),
        ("/none", Missed::Unreachable),
    ] {
        assert_eq!(fetched(&outside, port, path).await, Err(missed), "{path}");
    }
    assert_eq!(fetched(&outside, port, "/just").await.unwrap().body.len(), 2 * 1024 * 1024);
    for (url, missed) in [
        ("http://site.web:1/", Missed::Unreachable),
        ("http://empty.web/", Missed::Dns),
        ("http://failing.web/", Missed::Dns),
        ("http://nobody.web/", Missed::NoName),
    ] {
        let url = Url::parse(url).unwrap();
        assert_eq!(get(&outside, Ask { within: Duration::from_secs(20), ..ask(&url) }).await, Err(missed), "{url}");
    }
}

#[tokio::test]
async fn a_server_without_a_certificate_that_is_one_is_told() {
    let names = name_server(&[("site.web.", Record::A(Ipv4Addr::LOCALHOST))]).await;
    let outside = outside(names.address, &[".web"]);
    // in place of a certificate comes plain text
    let port = server(|mut stream: TcpStream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let url = Url::parse(&format!("https://site.web:{port}/")).unwrap();
    assert_eq!(get(&outside, ask(&url)).await, Err(Missed::Tls));
}

/// A server with a certificate that nobody vouches for; its port, and how many requests it got.
fn unvouched() -> (u16, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, requests) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(CERTIFICATE).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(chain, key).unwrap());
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            if std::io::Read::read(&mut stream, &mut [0; 64]).is_ok_and(|read| read > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = std::io::Write::write_all(&mut stream, &html("identity", b"<p>secret</p>"));
            }
        }
    });
    (port, requests)
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told_and_nothing_is_sent() {
    let names = name_server(&[("site.web.", Record::A(Ipv4Addr::LOCALHOST))]).await;
    let outside = outside(names.address, &[".web"]);
    let (port, requests) = unvouched();
    let url = Url::parse(&format!("https://site.web:{port}/")).unwrap();
    assert_eq!(get(&outside, ask(&url)).await, Err(Missed::Tls));
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn bodies_without_an_end_and_slow_ones_end_in_time() {
    let endless = server(|mut stream: TcpStream| async move {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
        let mut sent = stream.write_all(head).await;
        while sent.is_ok() {
            sent = stream.write_all(&[b'x'; 16 * 1024]).await;
        }
    })
    .await;
    let drip = server(|mut stream: TcpStream| async move {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n";
        let mut sent = stream.write_all(head).await;
        while sent.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            sent = stream.write_all(b"x").await;
        }
    })
    .await;
    let heads = server(|mut stream: TcpStream| async move {
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while sent.is_ok() {
            sent = stream.write_all(b"X-Filler: filling the memory of who reads this\r\n").await;
        }
    })
    .await;
    let silent = server(|stream: TcpStream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let outside = site().await;
    assert_eq!(fetched(&outside, endless, "/").await, Err(Missed::TooLarge));
    assert_eq!(fetched(&outside, heads, "/").await, Err(Missed::Unreachable));
    for port in [drip, silent] {
        let url = Url::parse(&format!("http://site.web:{port}/")).unwrap();
        let began = Instant::now();
        let within = Duration::from_millis(600);
        assert_eq!(get(&outside, Ask { within, ..ask(&url) }).await, Err(Missed::Timeout));
        assert!(began.elapsed() < Duration::from_secs(3));
    }
}
