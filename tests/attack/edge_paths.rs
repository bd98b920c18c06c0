//! Paths of nowhere: each dialect's 404, whatever the path is made of.

use bytes::Bytes;
use harness::{
    Answer, Bench,
    functions::{Api, routed},
    http, log,
    outset::Served,
    read, serving,
};
use local::server::Server;
use serde_json::{Value, json};

/// Paths that no API has.
fn nowhere() -> Vec<String> {
    let mut all: Vec<String> = [
        "/",
        "//",
        "///",
        "/.",
        "/..",
        "/../",
        "/../../etc/passwd",
        "/./",
        "/%00",
        "/%ff",
        "/%2F",
        "/%2e%2e",
        "/%",
        "/%zz",
        "/nope",
        "/prod",
        "/$default",
        "/index.html",
        "/favicon.ico",
        "/robots.txt",
        "/.well-known/",
        "/.well-known/nope",
        "/api",
        "/api/",
        "/api//",
        "/API/auth/me",
        "/api/Auth/me",
        "/api/auth/me/",
        "/api/auth/me/x",
        "/api//auth/me",
        "/api/auth//me",
        "/api/./auth/me",
        "/api/../api/auth/me",
        "/api/auth/me.json",
        "/api/auth/%6De",
        "/api/auth/me%00",
        "/api/auth/me%2F",
        "/api/auth/me;x=1",
        "/api/nope",
        "/api/jobs/",
        "/api/jobs/x/y/z",
        "/api%2Fauth%2Fme",
        "//api/auth/me",
        "/v1",
        "/v1/",
        "/v1//",
        "/V1/studies/",
        "/v1/Studies/",
        "/v1/nope/",
        "/v1/studies//",
        "/v1//studies/",
        "/v1/studies/a.json/",
        "/v1/studies/a%2Fb/",
        "/v1/studies/../",
        "/v1/studies/x/y/",
        "//v1/studies/",
        "/v1/schema//",
        "/v1/studies/./",
        "/v1/studies/%2e/",
        "/v2/studies/",
        "/interviews/",
        "/interviews//complete/",
        "/interviews/a/b/c/",
        // what the gateway knows no stage or base path for
        "/prod/api/auth/me",
        "/prod/api/jobs",
        "/x/y/api/jobs",
        "/api/api/jobs",
        "/prod/v1/studies/",
        "/v1/v1/studies/",
        "/prod/.well-known/jwks.json",
        "/prod/interviews/x/complete/",
        "/api/v1/studies/",
        "/v1/api/jobs",
        "/a/api/auth/login",
        "*",
        "/*",
        "/{proxy+}",
        "/api/{job}",
        "/{id}",
        "/\u{7f}",
        "/:",
        "/api:jobs",
        "/a:b@c/api/jobs",
        "/?",
        "/??",
        "/#",
        "/%23",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("/{}", "a".repeat(8_000)));
    all.push(format!("/api/{}", "a/".repeat(4_000)));
    all.push(format!("{}api/jobs", "/".repeat(3_000)));
    all.push(format!("{}jobs", "/api".repeat(2_000)));
    all.push("/%ff".repeat(2_000));
    all
}

/// Ids that are none, as they stand in a path.
const IDS: &[&str] = &[
    "%00",
    "%ff",
    "%2F",
    "..",
    "%zz",
    "a%2Fb",
    "a.b",
    "{id}",
    "é",
    "+",
    "STUDY#x",
    "job_01kkrbjhm0f7bbz7tpxh6gkmw7%00",
];

/// The body of an API's 404.
fn is_not_found(api: Api, answer: &Answer) -> bool {
    let body = answer.json();
    answer.status == 404
        && match api {
            Api::Outset => body["errors"][0]["code"] == "not_found",
            Api::Outsend => body["detail"].is_string(),
            Api::OpenScouter => body["success"] == json!(false),
        }
}

async fn gateways() -> (Server, Vec<(Api, String)>) {
    let server = Server::start(serving(&Served::unlimited()), log().clone()).await.unwrap();
    let all = [(Api::Outset, &server.outset), (Api::Outsend, &server.outsend), (Api::OpenScouter, &server.openscouter)];
    let all = all.map(|(api, url)| (api, url.clone())).to_vec();
    (server, all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_of_nowhere_is_not_found_by_the_gateway() {
    let (server, all) = gateways().await;
    for (api, url) in &all {
        for path in nowhere() {
            // the usage plan of anonymous callers is another test's
            let moved = http::control(&server.control, "POST", "/_local/clock", r#"{"advance_seconds": 1}"#).await;
            assert_eq!(moved.unwrap().status, 200);
            for method in ["GET", "POST", "DELETE", "FOO", "HEAD"] {
                let answer = http::send(url, method, &path, &[("Accept", "*/*")], b"").await;
                // a request line that is none is the server's to refuse
                let Ok(answer) = answer else { continue };
                let short: String = path.chars().take(60).collect();
                let what = format!("{api:?}: {method} {short}: {} {}", answer.status, answer.body);
                assert!(answer.status < 500, "{what}");
                let refused = answer.status == 400 && answer.body.is_empty();
                let not_found = is_not_found(*api, &answer) || (method == "HEAD" && answer.status == 404);
                assert!(refused || not_found, "{what}");
            }
        }
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_odd_id_breaks_nothing() {
    let (server, all) = gateways().await;
    let long = "a".repeat(6_000);
    for (api, url) in &all {
        for route in harness::functions::routes(*api).iter().filter(|route| route.resource.contains('{')) {
            let method = if route.method == "ANY" { "GET" } else { route.method.as_str() };
            for id in IDS.iter().copied().chain([long.as_str()]) {
                let mut path = route.resource.clone();
                while let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                    path.replace_range(from..=to, id);
                    if id.contains('{') {
                        break;
                    }
                }
                let headers = [("Content-Type", "application/json")];
                let Ok(answer) = http::send(url, method, &path, &headers, b"{}").await else { continue };
                let short: String = path.chars().take(80).collect();
                assert!(
                    answer.status < 500 || answer.status == 503,
                    "{method} {short}: {} {}",
                    answer.status,
                    answer.body
                );
            }
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_function_that_is_reached_by_another_path_does_not_break() {
    let bench = Bench::start().await.unwrap();
    for function in local::functions::ALL {
        if function.name().starts_with("background") {
            continue;
        }
        for path in
            ["", "/", "//", "x", "/%00", "/api/%ff", "/v1/studies", "/prod/api/jobs", "/prod/v1/studies/x/", "/api"]
        {
            for parameters in [Value::Null, json!({}), json!({"id": "%00", "proxy": "../x", "job": "\u{0}"})] {
                for method in ["GET", "PATCH", "OPTIONS"] {
                    bench.advance(time::Duration::seconds(3));
                    let event = json!({
                        "httpMethod": method, "path": path, "pathParameters": parameters, "resource": "/{proxy+}",
                        "requestContext": {"path": path, "httpMethod": method, "identity": {"sourceIp": "192.0.2.1"}},
                    });
                    let reply = bench.invoke(function, Bytes::from(event.to_string())).await;
                    let answer = read(reply.unwrap()).await.unwrap();
                    let name = function.name();
                    assert!(answer.status < 500, "{name}: {method} {path}: {} {}", answer.status, answer.body);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_behind_a_base_path_is_served() {
    // a domain's base path stands in the path of the client, and the gateway has taken it off its own
    let bench = Bench::start().await.unwrap();
    let get = async |api: Api, method: &str, own: &str, client: &str| {
        let function = routed(api, method, own);
        let routes = harness::functions::routes(api);
        let parameters = local::routing::find(routes, method, own).unwrap().parameters;
        let event = json!({
            "httpMethod": method, "path": own, "pathParameters": parameters,
            "requestContext": {"path": client, "httpMethod": method, "identity": {"sourceIp": "192.0.2.1"}},
        });
        read(bench.invoke(function, Bytes::from(event.to_string())).await.unwrap()).await.unwrap().status
    };
    assert_eq!(get(Api::OpenScouter, "GET", "/.well-known/jwks.json", "/prod/.well-known/jwks.json").await, 200);
    assert_eq!(get(Api::OpenScouter, "PUT", "/api/jobs", "/prod/api/jobs").await, 405);
    assert_eq!(get(Api::Outsend, "GET", "/api/modules-registry", "/prod/api/modules-registry").await, 200);
    assert_eq!(get(Api::Outsend, "PUT", "/api/jobs", "/prod/api/jobs").await, 405);
    assert_eq!(get(Api::Outset, "GET", "/v1/schema/", "/prod/v1/schema/").await, 200);
}
