//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (outsend 2.6).

use harness::{
    Answer, Bench,
    functions::{Api, named, routed},
    snapshot,
};
use serde_json::{Value, json};

const PATH: &str = "/api/openapi.json";
const GOLDEN: &str = include_str!("../../../openapi/outsend.json");

async fn get(bench: &Bench, path: &str, headers: &[(&str, &str)]) -> Answer {
    bench.send(named("outsend-schema-retrieve"), "GET", path, headers, b"").await.unwrap()
}

/// The golden document with this base URL for its server, without blanks.
fn golden(base: &str) -> String {
    let mut document: Value = serde_json::from_str(GOLDEN).unwrap();
    document["servers"] = json!([{"url": base}]);
    document.to_string()
}

#[tokio::test]
async fn it_is_the_golden_document_with_the_server_that_was_asked() {
    let bench = Bench::start().await.unwrap();
    for (path, headers, base) in [
        (PATH, vec![], "https://api.test"),
        (PATH, vec![("host", "localhost:4002"), ("x-forwarded-proto", "http")], "http://localhost:4002"),
        // what a proxy in front says it was asked for is not heard
        (PATH, vec![("x-forwarded-host", "evil.test")], "https://api.test"),
        (PATH, vec![("host", "\"},{\"url\":\"x")], "https://localhost"),
        ("/prod/api/openapi.json", vec![], "https://api.test/prod"),
    ] {
        let answer = get(&bench, path, &headers).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{base}");
        // as text, so that the order of members counts; there are no blanks between them
        assert!(answer.body == golden(base), "{base}");
    }
    let own = [("OUTSCOUT_OUTSEND_PUBLIC_URL", "https://api.example.com/x/")];
    let answer = get(&Bench::with(&own).await.unwrap(), "/prod/api/openapi.json", &[]).await;
    assert_eq!(answer.json()["servers"], json!([{"url": "https://api.example.com/x"}]));
    let operation = &answer.json()["paths"][PATH]["get"]["operationId"];
    assert_eq!(operation, "schema_retrieve", "the document holds itself");
}

#[tokio::test]
async fn anybody_may_read_it_and_is_counted_by_address() {
    let bench = Bench::start().await.unwrap();
    let answer = get(&bench, PATH, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=300"));
    assert!(answer.header("ratelimit-policy").starts_with("\"anon\";q=30"), "{}", answer.header("ratelimit-policy"));
    assert_eq!((answer.header("x-content-type-options"), answer.header("set-cookie")), ("nosniff", ""));
    for credential in [("cookie", "outsend_session=nope"), ("x-api-key", "nope"), ("authorization", "Api-Key nope")] {
        let answer = get(&bench, PATH, &[credential, ("x-request-id", "request-1")]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "private, max-age=300"), "{credential:?}");
        assert_eq!(answer.header("x-request-id"), "request-1");
    }
    for _ in 4..30 {
        assert_eq!(get(&bench, PATH, &[]).await.status, 200);
    }
    let answer = get(&bench, PATH, &[]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (429, "no-store"));
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn other_methods_and_pages_of_other_sites() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_CORS_ORIGINS", "https://app.test")]).await.unwrap();
    let send = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        bench.send(routed(Api::Outsend, method, path), method, path, headers, b"").await.unwrap()
    };
    for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = send(method, PATH, &[]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (405, "no-store"), "{method}");
        assert_eq!(answer.header("allow"), "GET");
    }
    for path in ["/api/openapi.json/", "/api/openapi.yaml", "/api/openapi", "/API/openapi.json"] {
        assert_eq!(send("GET", path, &[]).await.status, 404, "{path}");
    }
    let origin = [("origin", "https://app.test")];
    let preflight = send("OPTIONS", PATH, &origin).await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (200, origin[0].1));
    let answer = send("GET", PATH, &origin).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, origin[0].1));
    let foreign = send("GET", PATH, &[("origin", "https://evil.test")]).await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (200, ""));
    assert_eq!(foreign.header("vary"), "Origin");
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let mut answer = get(&bench, PATH, &[]).await;
    // the document itself is `openapi/outsend.json`
    answer.body = answer.json()["servers"].to_string();
    snapshot!("schema-retrieve", &answer);
}
