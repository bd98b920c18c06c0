//! The control port's page: where everything is, the mails, what can be set off, the APIs' documents.

use harness::{http, log, serving};
use local::{control::Ready, server::Server};
use serde_json::{Value, json};

#[tokio::test]
async fn everything_the_port_has_is_a_click_away() {
    let server = Server::start(serving(&[]), log().clone()).await.unwrap();
    let get = async |path: &str| http::control(&server.control, "GET", path, "").await.unwrap();
    let empty = get("/").await;
    assert_eq!((empty.status, empty.header("x-frame-options")), (200, "DENY"));
    assert!(empty.header("content-security-policy").contains("script-src 'self'"));
    assert!(empty.body.contains("None was sent since the start.") && !empty.body.contains("what to try"));
    assert_eq!(get("/_local/status").await.status, 503, "nothing was said yet");
    server.show(Ready { text: format!("try {}/studies/ & more", server.outset), line: json!({"ready": true}) });
    let body = json!({"email": "dana@example.com", "password": "correct horse 1", "accept_responsibility": true});
    let body = body.to_string();
    let json_body = [("Content-Type", "application/json")];
    let signed_up = http::send(&server.outsend, "POST", "/api/auth/signup", &json_body, body.as_bytes());
    assert_eq!(signed_up.await.unwrap().status, 200);
    let mut page = get("/").await;
    for _ in 0..200 {
        if page.body.contains("/_local/mail/0") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        page = get("/").await;
    }
    assert!(page.body.contains("</a> to dana@example.com"), "{}", page.body);
    assert!(page.body.contains(&format!("try <a href=\"{0}/studies/\">{0}/studies/</a> &amp; more", server.outset)));
    assert!(page.body.contains("data-post=\"/_local/schedules/"));
    let mail = get("/_local/mail/0").await;
    assert!(mail.status == 200 && mail.body.contains("<iframe sandbox=\"\"") && mail.body.contains("token="));
    for (api, url) in [("outset", &server.outset), ("outsend", &server.outsend), ("openscouter", &server.openscouter)] {
        let document: Value = get(&format!("/_local/openapi/{api}.json")).await.json();
        let base = document["servers"][0]["url"].as_str().unwrap();
        let path = document["paths"].as_object().unwrap().keys().next().unwrap();
        assert!(url.starts_with(base) && path.starts_with('/') && !base.ends_with('/'), "{base} {path}");
    }
    for missing in ["/_local/mail/7", "/_local/openapi/other.json", "/_local/openapi/outset"] {
        assert_eq!(get(missing).await.status, 404, "{missing}");
    }
    // under another name nothing is shown
    assert_eq!(http::send(&server.control, "GET", "/_local/mail/0", &[], b"").await.unwrap().status, 403);
    server.shutdown().await;
}
