//! Another provider that people log in with (openscouter 7), and a log-in through it.

use std::sync::{Arc, Mutex};

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
}

/// The provider.
#[derive(Clone, Debug, Default)]
pub struct Provider(Arc<Mutex<Inner>>);

impl Provider {
    /// From now on it says this of the person.
    pub fn says(&self, person: Value) {
        self.0.lock().unwrap().person = person;
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

/// A bench whose provider `google` it is.
pub async fn start() -> (Bench, Provider) {
    let provider = Provider::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/token", post(token)).route("/me", get(user_info)).with_state(provider.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let providers = json!([{
        "name": "google", "authorize_url": "https://accounts.test/authorize", "token_url": format!("{url}/token"),
        "user_info_url": format!("{url}/me"), "client_id": "us", "client_secret": "hush",
    }]);
    let bench = Bench::with(&[("OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS", &providers.to_string())]).await.unwrap();
    (bench, provider)
}

/// Begins a log-in; the state.
pub async fn begin(bench: &Bench, provider: &Provider, query: &str) -> String {
    let answer = send(bench, "GET", &format!("/api/auth/oauth/google/start?{query}"), &[], "").await;
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
    query.last("state").unwrap().to_owned()
}

/// The browser's return from the provider.
pub async fn come_back(bench: &Bench, state: &str, code: &str) -> Answer {
    send(bench, "GET", &format!("/api/auth/callback?state={state}&code={code}"), &[], "").await
}
