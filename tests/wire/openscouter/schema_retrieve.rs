//! `GET /api/openapi.json`: this API's own document, with the base URL that was asked (openscouter 2.12).

use harness::{
    Bench,
    documents::{PATH, assert_counts_addresses, assert_follows_the_request, get},
    functions::{Api, routed},
    snapshot,
};

const FUNCTION: &str = "openscouter-schema-retrieve";

#[tokio::test]
async fn it_is_the_golden_document_with_the_server_that_was_asked() {
    let golden = include_str!("../../../openapi/openscouter.json");
    assert_follows_the_request(FUNCTION, golden, "OUTSCOUT_OPENSCOUTER_PUBLIC_URL").await;
}

#[tokio::test]
async fn anybody_may_read_it_and_is_counted_by_address() {
    let credentials = [("authorization", "Bearer nope"), ("authorization", "Token osc_nope"), ("cookie", "a=b")];
    assert_counts_addresses(FUNCTION, "\"unauthenticated\";q=30;w=60", credentials).await;
}

#[tokio::test]
async fn other_methods_and_pages_of_other_sites() {
    let bench = Bench::start().await.unwrap();
    let send = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        bench.send(routed(Api::OpenScouter, method, path), method, path, headers, b"").await.unwrap()
    };
    for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = send(method, PATH, &[]).await;
        assert_eq!((answer.status, answer.header("cache-control")), (405, "no-store"), "{method}");
        assert_eq!(answer.header("allow"), "GET, OPTIONS");
    }
    for path in ["/api/openapi.json/", "/api/openapi.yaml", "/api/openapi", "/API/openapi.json"] {
        assert_eq!(send("GET", path, &[]).await.status, 404, "{path}");
    }
    let origin = [("origin", "https://app.openscouter.com")];
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
    let mut answer = get(&bench, FUNCTION, PATH, &[]).await;
    // the document itself is `openapi/openscouter.json`
    answer.body = answer.json()["servers"].to_string();
    snapshot!("schema-retrieve", &answer);
}
