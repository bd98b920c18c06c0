//! The control port, as a web page reaches it.

use harness::{Answer, http, log, mails::World, serving};
use local::server::Server;
use serde_json::json;
use shared::clock::epoch_millis;

const YEARS: &str = r#"{"advance_seconds":94608000}"#;

async fn server() -> Server {
    Server::start(serving(&[]), log().clone()).await.unwrap()
}

/// Sends a request to the control port, with `headers` as lines.
async fn send(server: &Server, request: &str, host: &str, headers: &str, body: &str) -> Answer {
    let text = format!(
        "{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    http::raw(&server.control, text.as_bytes()).await.unwrap()
}

fn refused(answer: &Answer, status: u64, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert!(answer.json()["error"].is_string(), "{what}: {}", answer.body);
    let cors = answer.headers.keys().any(|name| name.starts_with("access-control"));
    assert!(!cors, "{what}: {:?}", answer.headers);
}

#[tokio::test]
async fn a_page_of_another_site_moves_nothing() {
    let server = server().await;
    let before = epoch_millis(server.context.clock().now());
    let posts = [
        ("POST /_local/clock", YEARS),
        ("POST /_local/schedules/background-work", ""),
        ("POST /_local/schedules/background-work", "{}"),
        ("POST /v2/email/outbound-emails", "{}"),
    ];
    // what a form or a simple request of another site can send
    let types = [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: text/plain; x=application/json\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "Content-Type: application/jsonp\r\n",
    ];
    for (request, body) in posts {
        for kind in types {
            refused(&send(&server, request, "127.0.0.1", kind, body).await, 415, &format!("{request} {kind}"));
        }
    }
    // what says where it comes from, whatever its type
    let origins = [
        "Origin: https://attacker.example\r\n",
        "Origin: null\r\n",
        "Origin: http://127.0.0.1:1\r\n",
        "Origin: http://127.0.0.1.attacker.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ];
    for origin in origins {
        for (request, body) in posts {
            let headers = format!("Content-Type: application/json\r\n{origin}");
            refused(&send(&server, request, "127.0.0.1", &headers, body).await, 403, &format!("{request} {origin}"));
        }
        for request in ["GET /_local/mail", "GET /_local/log?request_id=x", "GET /", "OPTIONS /_local/clock"] {
            refused(&send(&server, request, "127.0.0.1", origin, "").await, 403, &format!("{request} {origin}"));
        }
    }
    let moved = epoch_millis(server.context.clock().now()) - before;
    assert!(moved < 600_000, "the clock went {moved} ms forward");
    server.shutdown().await;
}

#[tokio::test]
async fn a_page_under_a_foreign_name_of_this_machine_reads_and_moves_nothing() {
    let world = World::start().await;
    let person = json!({"email": "owner@example.com", "password": "correct horse 1", "accept_responsibility": true});
    assert_eq!(world.post("/api/auth/signup", &[], &person).await.status, 200);
    assert_eq!(world.mails(1).await.len(), 1);
    let foreign = [
        "attacker.example",
        "attacker.example:4000",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example:4000",
        "169.254.169.254",
        "0.0.0.0:4000",
        "localhost@attacker.example",
        "",
    ];
    for host in foreign {
        for request in [
            "GET /_local/mail",
            "GET /_local/log?request_id=x",
            "GET /_local/health",
            "GET /_local/status",
            "GET /",
            "GET /no",
        ] {
            let answer = send(&world.0, request, host, "Sec-Fetch-Site: same-origin\r\n", "").await;
            refused(&answer, 403, &format!("{host} {request}"));
        }
        let headers =
            format!("Content-Type: application/json\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n");
        refused(&send(&world.0, "POST /_local/clock", host, &headers, YEARS).await, 403, host);
    }
    // the address in the request line goes before the header
    let answer = send(&world.0, "GET http://attacker.example/_local/mail", "127.0.0.1", "", "").await;
    refused(&answer, 403, "a foreign name in the request line");
    world.0.shutdown().await;
}

#[tokio::test]
async fn this_machine_still_reaches_it() {
    let server = server().await;
    let port = server.control.rsplit(':').next().unwrap().to_owned();
    for host in ["localhost", "LocalHost", "127.0.0.1", "[::1]", "outscout.localhost"] {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            assert_eq!(send(&server, "GET /_local/mail", &host, "", "").await.status, 200, "{host}");
            let page = format!(
                "Content-Type: application/json; charset=utf-8\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\n"
            );
            let answer = send(&server, "POST /_local/clock", &host, &page, r#"{"advance_seconds":1}"#).await;
            assert_eq!(answer.status, 200, "{host}: {}", answer.body);
        }
    }
    let typed = "Sec-Fetch-Site: none\r\n";
    assert_eq!(send(&server, "GET /", "127.0.0.1", typed, "").await.status, 200);
    server.shutdown().await;
}
