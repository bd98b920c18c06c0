//! What stands in front of the functions: the authorizer, which says whom a request counts for, and the usage plans, which
//! throttle it before a function runs.

use std::{collections::HashMap, net::SocketAddr};

use futures_util::StreamExt as _;
use harness::{Answer, http, log, serving};
use local::{gateway::Gateway, people, server::Server, template::Templates};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    context::Context,
    lambda::Function,
    model::{Email, Organization, OrganizationId, Plan, Role},
};

/// An organization with a key of Outset, and a gateway key of its own.
struct Tenant {
    organization: Organization,
    key: String,
}

async fn served() -> Server {
    Server::start(serving(&[]), log().clone()).await.unwrap()
}

/// Gives an organization a gateway key of its own, as it is kept and as the gateway knows it.
async fn give_key(server: &Server, organization: &Organization) {
    let (item, value) = (format!("ORG#{}", organization.id), format!("own-{}", organization.id));
    let settings = server.context.settings();
    let endpoint = settings.store.endpoint.as_deref().unwrap();
    harness::plant(settings, endpoint, (&item, "ORG"), ("gateway_key", &value)).await.unwrap();
    for plans in server.usage_plans() {
        plans.add_own(&value, organization.plan, &organization.id.to_string());
    }
}

async fn tenant(server: &Server, name: &str, plan: Plan) -> Tenant {
    let organization = people::create_organization(&server.context, name, plan).await.unwrap();
    give_key(server, &organization).await;
    let (_, key) = people::create_key(&server.context, &organization, "test", &[], None).await.unwrap();
    Tenant { organization, key: format!("Api-Key {}", key.reveal()) }
}

async fn list(server: &Server, key: &str) -> Answer {
    http::send(&server.outset, "GET", "/v1/studies/", &[("Authorization", key)], b"").await.unwrap()
}

/// Sends many requests at once.
async fn at_once(count: usize, send: impl AsyncFn() -> Answer) -> Vec<Answer> {
    futures_util::stream::iter(0..count).map(|_| send()).buffer_unordered(400).collect().await
}

/// Whether the gateway refused by itself: no function has a line of it.
fn refused_by_plan(answer: &Answer) -> bool {
    let by_plan = answer.status == 429 && answer.header("ratelimit").is_empty();
    if by_plan {
        assert_eq!(answer.header("retry-after"), "1");
        assert!(log().of(answer.header("x-request-id")).is_empty(), "no function was invoked");
    }
    by_plan
}

fn count(answers: &[Answer], status: u64) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_at_once_the_limit_refuses_and_the_plan_does_not() {
    let server = served().await;
    let tenant = tenant(&server, "pro", Plan::Pro).await;
    http::new_minute(&server).await.unwrap();
    let answers = at_once(1_000, async || list(&server, &tenant.key).await).await;
    assert_eq!(answers.iter().filter(|answer| refused_by_plan(answer)).count(), 0);
    assert_eq!((count(&answers, 200), count(&answers, 429)), (600, 400));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_ten_times_the_limit_the_plan_refuses_before_the_function_and_nobody_else_notices() {
    let server = served().await;
    let flooding = tenant(&server, "flooding", Plan::Free).await;
    let other = tenant(&server, "other", Plan::Free).await;
    let pooled = people::create_organization(&server.context, "pooled", Plan::Free).await.unwrap();
    let (_, pooled) = people::create_key(&server.context, &pooled, "test", &[], None).await.unwrap();
    let pooled = format!("Api-Key {}", pooled.reveal());
    let mut answers = Vec::new();
    // twenty a second for a minute of the server's clock
    let began = server.context.clock().now();
    while answers.len() < 1_200 {
        let passed = (server.context.clock().now() - began).as_seconds_f64();
        let due =
            (0..1_200).take_while(|number| f64::from(*number) < passed * 20.0).count().saturating_sub(answers.len());
        answers.extend(at_once(due, async || list(&server, &flooding.key).await).await);
        assert_eq!(list(&server, &other.key).await.status, 200);
        assert_eq!(list(&server, &pooled).await.status, 200);
        let moved = http::control(&server.control, "POST", "/_local/clock", r#"{"advance_seconds": 1}"#).await;
        assert_eq!(moved.unwrap().status, 200);
    }
    let refused: Vec<_> = answers.iter().filter(|answer| refused_by_plan(answer)).collect();
    // 480 at once and 8 a second pass it
    assert!((200..=280).contains(&refused.len()), "{} of 1,200", refused.len());
    assert!(count(&answers, 200) >= 120 && count(&answers, 200) + count(&answers, 429) == 1_200);
    let (detail, first) = ("Request was throttled. Expected available in 1 second.", refused[0]);
    assert_eq!(first.body, harness::outset::error("null", "throttled", detail));
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    server.shutdown().await;
    assert_ne!(flooding.organization.id, other.organization.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_dialect_says_it_in_its_envelope() {
    let server = served().await;
    let now = server.context.clock().now();
    let organization = Organization {
        id: OrganizationId::at(now),
        name: "Roe Ltd".to_owned(),
        plan: Plan::Free,
        billing_exempt: true,
        created_at: now,
    };
    let (email, password) = (Email::parse("dana@example.com").unwrap(), "long enough phrase");
    let made = people::create_person(&server.context, &organization, Role::Business, (&email, "Dana"), password).await;
    made.unwrap().unwrap();
    give_key(&server, &organization).await;
    let json_body = [("Content-Type", "application/json")];
    let body = json!({"email": email.as_str(), "password": password}).to_string();
    let sign_in = async |url: &str, path: &str| {
        let answer = http::send(url, "POST", path, &json_body, body.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    };
    let cookie = sign_in(&server.outsend, "/api/auth/login").await.header("set-cookie").to_owned();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let signed_in = sign_in(&server.openscouter, "/api/auth/sign-in").await.json();
    let bearer = format!("Bearer {}", signed_in["data"]["accessToken"].as_str().unwrap());
    let throttled = json!({"success": false, "data": null, "error": "Rate limit exceeded", "metadata": null});
    for (url, header, expected) in [
        (&server.outsend, ("Cookie", cookie), json!({"detail": "Too many requests. Try again in 1 s."})),
        (&server.openscouter, ("Authorization", bearer), throttled),
    ] {
        let header = [(header.0, header.1.as_str())];
        let answers = at_once(700, async || http::send(url, "GET", "/api/auth/me", &header, b"").await.unwrap()).await;
        let refused = answers.iter().find(|answer| refused_by_plan(answer)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&refused.body).unwrap(), expected);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_query_that_cannot_be_decoded_is_openscouters_to_refuse() {
    let server = served().await;
    for query in ["page=%zz", "page=1%", "%4=1"] {
        let path = format!("/api/jobs?{query}");
        let answer = http::send(&server.openscouter, "GET", &path, &[], b"").await.unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("Malformed query string")), "{query}");
        assert!(!answer.header("x-request-id").is_empty());
    }
    assert_eq!(http::send(&server.openscouter, "GET", "/api/jobs?page=%31", &[], b"").await.unwrap().status, 401);
    let outset = http::send(&server.outset, "GET", "/v1/studies/?page=%zz", &[], b"").await.unwrap();
    assert_eq!(outset.status, 401, "as Django reads it");
    server.shutdown().await;
}

#[tokio::test]
async fn a_call_of_the_mcp_server_without_a_credential_is_the_gateway_s_to_challenge() {
    let server = served().await;
    let base = server.openscouter.trim_end_matches("/api");
    for path in ["/api/mcp", "/api/mcp/mcp"] {
        let answer = http::send(&server.openscouter, "POST", path, &[], b"{}").await.unwrap();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("Missing credentials")));
        let metadata = format!("Bearer resource_metadata=\"{base}/.well-known/oauth-protected-resource/api/mcp\"");
        assert_eq!(answer.header("www-authenticate"), metadata);
        // a client in any page reads it
        let cors = ["access-control-allow-origin", "access-control-expose-headers"].map(|name| answer.header(name));
        assert_eq!(cors, ["*", "X-Request-Id, WWW-Authenticate"]);
        assert!(log().of(answer.header("x-request-id")).is_empty(), "no function was invoked");
        // with one it is the function's
        let sent = [("Authorization", "Bearer x")];
        let answer = http::send(&server.openscouter, "POST", path, &sent, b"{}").await.unwrap();
        assert_eq!(answer.status, 401);
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
        assert_eq!(http::send(&server.openscouter, "OPTIONS", path, &[], b"").await.unwrap().status, 200);
    }
    server.shutdown().await;
}

#[tokio::test]
async fn with_the_store_down_requests_still_reach_the_function() {
    let bench = harness::Bench::start().await.unwrap();
    let key = bench.organization(Plan::Free).await.unwrap().full;
    let mut settings = bench.context.settings().clone();
    settings.store.endpoint = Some("http://127.0.0.1:1".to_owned());
    let context = Context::new(settings, Clock::system());
    let functions: [&dyn Function; 2] = [&background_authorizer::FUNCTION, &outset_studies_list::FUNCTION];
    let invokers = functions.map(|function| (function.name().to_owned(), function.invoke(context.clone())));
    let templates = Templates::embedded().unwrap();
    let (authorizer, invokers) = (templates.authorizer, HashMap::from(invokers));
    let (gateway, _) = Gateway::new(templates.outset, &authorizer, &invokers, &context);
    let router = gateway.router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
    let credential = format!("Api-Key {key}");
    let answer = http::send(&url, "GET", "/v1/studies/", &[("Authorization", &credential)], b"").await.unwrap();
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert_eq!(answer.body, harness::outset::error("null", "error", "A server error occurred."));
    let [line] = &log().of(answer.header("x-request-id"))[..] else { panic!("the function's own line") };
    assert_eq!(line["function"], "outset-studies-list");
}
