//! The embedded store's port.

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata as _,
};
use harness::{http, log, serving};
use local::server::Server;
use serde_json::Value;
use shared::config::ExposeSecret as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// What any page knows of a signature: its form.
const FORGED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
     SignedHeaders=host, Signature=0000\r\nX-Amz-Date: 20260101T000000Z\r\n";

const SCAN: &str = r#"{"TableName":"main"}"#;

async fn server() -> Server {
    Server::start(serving(&[]), log().clone()).await.unwrap()
}

/// Where the stores of a server answer: that of entities, and that of rate windows.
fn endpoints(server: &Server) -> [String; 2] {
    let store = &server.context.settings().store;
    [store.endpoint.clone().unwrap(), store.windows_endpoint.clone().unwrap()]
}

fn client(endpoint: &str, id: &str, secret: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(id, secret, None, None, "attack"))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// The code of the refusal of a scan of all entities; `None` when they are read.
async fn refusal(client: &Client) -> Option<String> {
    client.scan().table_name("main").send().await.err().map(|error| error.code().unwrap_or_default().to_owned())
}

/// A scan as a text, with `headers` after the host.
fn scan(endpoint: &str, host: Option<&str>, headers: &str) -> String {
    let host = host.unwrap_or_else(|| endpoint.trim_start_matches("http://"));
    format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: DynamoDB_20120810.Scan\r\nContent-Length: {}\r\n{headers}\r\n{SCAN}",
        SCAN.len()
    )
}

#[tokio::test]
async fn a_page_of_another_site_reads_nothing() {
    let server = server().await;
    for endpoint in endpoints(&server) {
        let headers = format!("Origin: https://attacker.example\r\nSec-Fetch-Site: cross-site\r\n{FORGED}");
        let answer = http::raw(&endpoint, scan(&endpoint, None, &headers).as_bytes()).await.unwrap();
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{:?}", answer.headers);
        let preflight = format!(
            "OPTIONS / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nOrigin: https://attacker.example\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,x-amz-target\r\n\r\n",
            endpoint.trim_start_matches("http://")
        );
        let answer = http::raw(&endpoint, preflight.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 403, "{}", answer.body);
        let cors = answer.headers.keys().any(|name| name.starts_with("access-control"));
        assert!(!cors, "{:?}", answer.headers);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_under_a_foreign_name_of_this_machine_reads_nothing() {
    let server = server().await;
    let [endpoint, _] = endpoints(&server);
    for host in
        ["attacker.example", "attacker.example:8000", "localhost.attacker.example", "127.0.0.1.attacker.example", ""]
    {
        let answer = http::raw(&endpoint, scan(&endpoint, Some(host), FORGED).as_bytes()).await.unwrap();
        assert_eq!(answer.status, 403, "{host}: {}", answer.body);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn who_has_not_the_credentials_of_this_start_reads_nothing() {
    let server = server().await;
    let credentials = &server.context.settings().store.credentials;
    let (id, secret) = (credentials.access_key_id.expose_secret(), credentials.secret_access_key.expose_secret());
    for endpoint in endpoints(&server) {
        let refused = refusal(&client(&endpoint, "local", "local")).await;
        assert_eq!(refused.as_deref(), Some("UnrecognizedClientException"), "anybody's credentials");
        let refused = refusal(&client(&endpoint, id, "local")).await;
        assert_eq!(refused.as_deref(), Some("InvalidSignatureException"), "the name without the secret");
        for headers in ["", "Authorization: Bearer x\r\n", FORGED] {
            let answer = http::raw(&endpoint, scan(&endpoint, None, headers).as_bytes()).await.unwrap();
            assert_eq!(answer.status, 400, "{headers} {}", answer.body);
            assert!(answer.body.contains("Exception") && !answer.body.contains("Items"), "{}", answer.body);
        }
        let asked = scan(&endpoint, None, "").replacen(
            "POST / ",
            "POST /?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=local&X-Amz-Date=x&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=0 ",
            1,
        );
        let answer = http::raw(&endpoint, asked.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 400, "a signature in the query: {}", answer.body);
        assert_eq!(refusal(&client(&endpoint, id, secret)).await, None);
    }
    let another = self::server().await;
    let other = &another.context.settings().store.credentials;
    assert_ne!(other.access_key_id.expose_secret(), id, "each start has its own");
    assert_ne!(other.secret_access_key.expose_secret(), secret, "each start has its own");
    another.shutdown().await;
    server.shutdown().await;
}

/// A request as the SDK signs it.
async fn signed(id: &str, secret: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let caught = client(&format!("http://{}", listener.local_addr().unwrap()), id, secret);
    let call = tokio::spawn(async move { caught.scan().table_name("main").send().await.is_ok() });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    while !text.contains("\"TableName\":\"main\"}") {
        let mut part = [0; 8192];
        let read = stream.read(&mut part).await.unwrap();
        text.push_str(std::str::from_utf8(&part[..read]).unwrap());
    }
    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    call.abort();
    text.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
}

#[tokio::test]
async fn a_signature_is_good_for_its_own_request_only() {
    let server = server().await;
    let [endpoint, _] = endpoints(&server);
    let credentials = &server.context.settings().store.credentials;
    let (id, secret) = (credentials.access_key_id.expose_secret(), credentials.secret_access_key.expose_secret());
    let text = signed(id, secret).await;
    assert_eq!(http::raw(&endpoint, text.as_bytes()).await.unwrap().status, 200, "{text}");
    let changes = [
        ("\"TableName\":\"main\"", "\"TableName\":\"hot \""),
        ("DynamoDB_20120810.Scan", "DynamoDB_20120810.DeleteTable"),
        ("POST / ", "POST /x "),
        ("POST / ", "POST /?x=1 "),
        ("Host: 127.0.0.1", "Host: localhost"),
        ("host: 127.0.0.1", "host: localhost"),
        ("SignedHeaders=", "SignedHeaders=accept;"),
    ];
    for (from, to) in changes {
        let changed = text.replace(from, to);
        if changed == text {
            assert!(from.to_lowercase().starts_with("host"), "{from} is not in {text}");
            continue;
        }
        let answer = http::raw(&endpoint, changed.as_bytes()).await.unwrap();
        assert!(answer.status >= 400 && !answer.body.contains("Items"), "{from} {} {}", answer.status, answer.body);
    }
    server.shutdown().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_alone_tells_its_credentials_to_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = harness::process::Folder::temporary();
    let mut store = harness::process::outscout()
        .args(["store", "--port", "0", "--data"])
        .arg(&folder.0)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let file = folder.0.join("endpoint");
    let mut told = String::new();
    for _ in 0..200 {
        told = std::fs::read_to_string(&file).unwrap_or_default();
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    let place: Value = serde_json::from_str(&told).unwrap_or_default();
    let url = place["url"].as_str().unwrap_or(&told).to_owned();
    let text = |name: &str| place[name].as_str().unwrap_or_default().to_owned();
    let anybody = refusal(&client(&url, "local", "local")).await;
    let owner = refusal(&client(&url, &text("access_key_id"), &text("secret_access_key"))).await;
    store.kill().unwrap();
    store.wait().unwrap();
    assert_eq!(anybody.as_deref(), Some("UnrecognizedClientException"));
    assert_eq!(owner, None);
    assert_eq!(mode, 0o600);
}
