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

#[tokio::test]
async fn operations_are_tried_through_the_port() {
    let server = Server::start(serving(&[]), log().clone()).await.unwrap();
    let get = async |path: &str| http::control(&server.control, "GET", path, "").await.unwrap();
    for (api, loaded) in
        [("outset", "swagger-ui-bundle.js"), ("outsend", "reference.js"), ("openscouter", "swagger-ui.css")]
    {
        let page = get(&format!("/_local/reference/{api}")).await;
        assert!(page.status == 200 && page.body.contains(loaded), "{}", page.body);
        assert!(!page.body.contains("http://") && !page.body.contains("https://"), "nothing comes from elsewhere");
        let document: Value = get(&format!("/_local/openapi/{api}.json?try=1")).await.json();
        assert_eq!(document["servers"], json!([{"url": format!("/_local/try/{api}")}]));
    }
    for (file, least) in [("swagger-ui-bundle.js", 1_000_000), ("swagger-ui.css", 100_000)] {
        let file = get(&format!("/_local/swagger/{file}")).await;
        assert!(file.status == 200 && file.bytes.len() > least);
    }
    // as the API itself answers: another status, its headers, what is escaped in a path
    let send = async |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        http::send_to("localhost", &server.control, method, path, headers, body.as_bytes()).await.unwrap()
    };
    let registry = send("GET", "/_local/try/outsend/api/modules-registry", &[], "").await;
    assert_eq!((registry.status, registry.header("content-type")), (200, "application/json"));
    let body = json!({"email": "dana@example.com", "password": "correct horse 1", "accept_responsibility": true});
    let headers = [("Content-Type", "application/json"), ("Origin", "http://localhost")];
    let signed_up = send("POST", "/_local/try/outsend/api/auth/signup", &headers, &body.to_string()).await;
    assert_eq!(signed_up.status, 200, "{}", signed_up.body);
    assert!(!signed_up.header("set-cookie").is_empty());
    for (method, api, url, path) in [
        ("GET", "outset", &server.outset, "/v1/studies/?search=%C3%A9"),
        ("GET", "outset", &server.outset, "/v1/studies/a%2Fb/"),
        ("PUT", "outset", &server.outset, "/v1/schema/"),
        ("DELETE", "openscouter", &server.openscouter, "/api/studies/x"),
    ] {
        let through = send(method, &format!("/_local/try/{api}{path}"), &[], "").await;
        let straight = http::send(url, method, path, &[], b"").await.unwrap();
        assert_eq!(through.status, straight.status, "{method} {path}: {}", through.body);
        assert!(through.status >= 400 && through.body.contains(&straight.body), "{}", through.body);
    }
    // no spelling of a name leads elsewhere, and what comes back is no page of this port
    for astray in ["/_local/try/%6futsend/@evil.test/x", "/_local/try/outsend@evil.test/x", "/_local/try/%6futsend/x"] {
        assert_eq!(get(astray).await.status, 404, "{astray}");
    }
    let page = get("/_local/try/outsend/sign-in").await;
    let (policy, frames) = (page.header("content-security-policy"), page.header("x-frame-options"));
    assert_eq!((page.status, policy, frames), (200, "sandbox", "DENY"));
    assert_eq!(get("/_local/try/nothing/x").await.status, 404);
    // no page of another site gets through, whatever it sends
    for headers in [("Origin", "http://evil.test"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")] {
        let sent = send("POST", "/_local/try/outsend/api/auth/login", &[headers], "email=x").await;
        assert_eq!(sent.status, 403, "{headers:?}");
    }
    assert_eq!(
        http::send(&server.control, "GET", "/_local/try/outset/v1/schema/", &[], b"").await.unwrap().status,
        403
    );
}
