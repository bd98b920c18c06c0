//! What holds of `GET /api/openapi.json`, whichever API serves it (outsend 2.6, openscouter 2.12).

use serde_json::{Value, json};

use crate::{Answer, Bench, functions::named};

/// The path of the document.
pub const PATH: &str = "/api/openapi.json";

/// Asks a function for its document.
pub async fn get(bench: &Bench, function: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    bench.send(named(function), "GET", path, headers, b"").await.unwrap()
}

/// The document is the golden one, but for its server, which is the base URL that was asked, or the configured one of
/// this `variable`.
///
/// # Panics
/// When it is not.
pub async fn assert_follows_the_request(function: &str, golden: &str, variable: &str) {
    let bench = Bench::start().await.unwrap();
    for (path, headers, base) in [
        (PATH, vec![], "https://api.test"),
        (PATH, vec![("host", "localhost:4002"), ("x-forwarded-proto", "http")], "http://localhost:4002"),
        // what a proxy in front says it was asked for is not heard
        (PATH, vec![("x-forwarded-host", "evil.test")], "https://api.test"),
        (PATH, vec![("host", "\"},{\"url\":\"x")], "https://localhost"),
        ("/prod/api/openapi.json", vec![], "https://api.test/prod"),
    ] {
        let answer = get(&bench, function, path, &headers).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{base}");
        let mut document: Value = serde_json::from_str(golden).unwrap();
        document["servers"] = json!([{"url": base}]);
        // as text, so that the order of members counts; there are no blanks between them
        let expected = document.to_string();
        assert!(answer.body == expected, "{base}");
    }
    let own = [(variable, "https://api.example.com/x/")];
    let answer = get(&Bench::with(&own).await.unwrap(), function, "/prod/api/openapi.json", &[]).await;
    assert_eq!(answer.json()["servers"], json!([{"url": "https://api.example.com/x"}]));
    let operation = &answer.json()["paths"][PATH]["get"]["operationId"];
    assert_eq!(operation, "schema_retrieve", "the document holds itself");
}

/// Anybody may read it, with bad credentials, too, and is counted by address: 30 in a minute.
///
/// # Panics
/// When it is not so.
pub async fn assert_counts_addresses(function: &str, policy: &str, credentials: [(&str, &str); 3]) {
    let bench = Bench::start().await.unwrap();
    let answer = get(&bench, function, PATH, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=300"));
    assert_eq!(answer.header("ratelimit-policy"), policy);
    assert_eq!((answer.header("x-content-type-options"), answer.header("set-cookie")), ("nosniff", ""));
    for credential in credentials {
        let answer = get(&bench, function, PATH, &[credential, ("x-request-id", "request-1")]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "private, max-age=300"), "{credential:?}");
        assert_eq!(answer.header("x-request-id"), "request-1");
    }
    for _ in 4..30 {
        assert_eq!(get(&bench, function, PATH, &[]).await.status, 200);
    }
    let answer = get(&bench, function, PATH, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (429, "no-store"));
    assert!(!answer.header("retry-after").is_empty());
}
