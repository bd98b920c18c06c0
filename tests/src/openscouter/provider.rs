//! Another provider that people log in with (openscouter 7), and a log-in through it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use shared::http::query::Query;

use super::{oauth::challenge, send};
use crate::{Answer, Bench};

/// What the provider was told, and what it says.
#[derive(Debug, Default)]
struct Inner {
    told: Value,
    challenge: Value,
    person: Value,
    addresses: Option<Value>,
}

/// What browsers keep of log-ins that they began, by state.
static KEPT: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// The provider.
#[derive(Clone, Debug, Default)]
pub struct Provider(Arc<Mutex<Inner>>);

impl Provider {
    /// From now on it says this of the person.
    pub fn says(&self, person: Value) {
        self.0.lock().unwrap().person = person;
    }

    /// From now on it lists these addresses of the person, as GitHub does beside the person.
    pub fn lists(&self, addresses: Value) {
        self.0.lock().unwrap().addresses = Some(addresses);
    }

    /// The form that it was last sent.
    #[must_use]
    pub fn told(&self) -> Value {
        self.0.lock().unwrap().told.clone()
    }
}

async fn token(State(world): State<Provider>, Form(form): Form<Value>) -> impl IntoResponse {
    let mut inner = world.0.lock().unwrap();
    inner.told = form.clone();
    let verifier = form["code_verifier"].as_str().unwrap_or_default();
    let proven = inner.challenge == json!(challenge(verifier));
    if form["code"] == "good" && form["client_secret"] == "hush" && proven {
        return (StatusCode::OK, Json(json!({"access_token": "at", "token_type": "bearer"})));
    }
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})))
}

async fn user_info(State(world): State<Provider>, headers: HeaderMap) -> impl IntoResponse {
    assert_eq!(headers["authorization"], "Bearer at");
    Json(world.0.lock().unwrap().person.clone())
}

async fn addresses(State(world): State<Provider>, headers: HeaderMap) -> impl IntoResponse {
    assert_eq!(headers["authorization"], "Bearer at");
    match world.0.lock().unwrap().addresses.clone() {
        Some(addresses) => (StatusCode::OK, Json(addresses)),
        None => (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))),
    }
}

/// A bench whose provider `google` it is.
pub async fn start() -> (Bench, Provider) {
    start_as("google").await
}

/// A bench whose provider of this name it is.
pub async fn start_as(name: &str) -> (Bench, Provider) {
    let provider = Provider::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/token", post(token)).route("/me", get(user_info));
    let router = router.route("/me/emails", get(addresses)).with_state(provider.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let providers = json!([{
        "name": name, "authorize_url": "https://accounts.test/authorize", "token_url": format!("{url}/token"),
        "user_info_url": format!("{url}/me"), "client_id": "us", "client_secret": "hush",
    }]);
    let bench = Bench::with(&[("OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS", &providers.to_string())]).await.unwrap();
    (bench, provider)
}

/// Begins a log-in; the state, whose cookie the browser keeps.
pub async fn begin(bench: &Bench, provider: &Provider, query: &str) -> String {
    begin_at(bench, provider, &format!("/api/auth/oauth/google/start?{query}")).await
}

/// The same through any provider's address.
pub async fn begin_at(bench: &Bench, provider: &Provider, path: &str) -> String {
    let answer = send(bench, "GET", path, &[], "").await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    let (target, query) = answer.header("location").split_once('?').unwrap();
    assert_eq!(target, "https://accounts.test/authorize");
    let query = Query::parse(query);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "us"),
        ("redirect_uri", "https://api.test/api/auth/callback"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query.last(name), Some(value));
    }
    provider.0.lock().unwrap().challenge = json!(query.last("code_challenge").unwrap());
    let state = query.last("state").unwrap().to_owned();
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    KEPT.lock().unwrap().insert(state.clone(), cookie);
    state
}

/// The cookie that the browser keeps which began with a state.
pub fn cookie(state: &str) -> String {
    KEPT.lock().unwrap().get(state).cloned().unwrap_or_default()
}

/// The browser's return from the provider.
pub async fn come_back(bench: &Bench, state: &str, code: &str) -> Answer {
    come_back_with(bench, state, &format!("code={code}"), &cookie(state)).await
}

/// The return of a browser with a cookie; what the provider says is `query`.
pub async fn come_back_with(bench: &Bench, state: &str, query: &str, cookie: &str) -> Answer {
    let headers: Vec<_> = (!cookie.is_empty()).then_some(("cookie", cookie)).into_iter().collect();
    send(bench, "GET", &format!("/api/auth/callback?state={state}&{query}"), &headers, "").await
}
