//! Requests that mean harm get the envelope, too.

use harness::{
    http,
    outset::{S02, Served},
};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_input_gets_the_envelope() {
    let world = Served::new(&Served::unlimited()).await;
    let long = "x".repeat(6_000);
    let paths = [
        "/v1/studies/%00/",
        "/v1/studies/%ff%fe/",
        "/v1/studies/..%2f..%2f/",
        "//",
        "/v1/studies/?page=%ff",
        "/v1/%F0%9F%98%80",
    ];
    for path in
        paths.into_iter().chain([format!("/v1/studies/{long}/").as_str(), format!("/v1/studies/?a={long}").as_str()])
    {
        for method in ["GET", "PATCH", "BREW"] {
            let answer = world.send(method, path, &[], "{").await.unwrap();
            assert!((200..500).contains(&answer.status), "{method} {path}: {}", answer.status);
            if answer.status >= 400 {
                assert_eq!(answer.json()["status"], "error", "{method} {path}: {}", answer.body);
            }
        }
    }
    let odd = ["ht tp", "", "javascript", "http,https", "\u{fc}"];
    for value in odd {
        for name in [
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "Accept",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
            "X-Request-Id",
            "Origin",
        ] {
            let answer = world.send("PATCH", S02, &[(name, value)], "{}").await.unwrap();
            assert!((200..500).contains(&answer.status), "{name}: {value}: {}", answer.status);
        }
    }
    let header = "x".repeat(11_000);
    let answer = world.send("GET", S02, &[("X-Long", header.as_str())], "").await.unwrap();
    assert_eq!((answer.status, answer.json()["status"].as_str()), (413, Some("error")));
    let large = format!(r#"{{"zzz":"{}"}}"#, "x".repeat(1024 * 1024));
    for (body, status) in [(large, 413), ("x".repeat(11 * 1024 * 1024), 413), ("[".repeat(1024 * 1024), 400)] {
        let answer = world.send("PATCH", S02, &[], &body).await.unwrap();
        assert_eq!((answer.status, answer.json()["status"].as_str()), (status, Some("error")));
    }
    for host in ["a b", "[", "a:99999999", "<script>", "\u{e9}.test", "a/b"] {
        let request =
            format!("GET {S02} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nConnection: close\r\n\r\n", world.key);
        let answer = http::raw(&world.server.outset, request.as_bytes()).await.unwrap();
        assert!((200..500).contains(&answer.status), "{host}: {}", answer.status);
        assert!(!answer.body.contains("<script>"));
    }
    world.server.shutdown().await;
}
