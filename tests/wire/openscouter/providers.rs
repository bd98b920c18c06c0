//! Log-in through another provider (openscouter 7), against a small one of its own.

use std::sync::{Arc, Mutex};

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get as read, post as write},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use harness::{Answer, Bench};
use serde_json::{Value, json};
use shared::{
    http::query::Query,
    model::{Email, Role},
};
use time::Duration;

use super::{PASSWORD, bearer, data, error, get, person, post, send, told};

/// What the provider was told and what it says.
#[derive(Clone, Default)]
struct World(Arc<Mutex<(Value, Value, Value)>>);

impl World {
    fn says(&self, person: Value) {
        self.0.lock().unwrap().2 = person;
    }
}

async fn token(State(world): State<World>, Form(form): Form<Value>) -> impl IntoResponse {
    let mut inner = world.0.lock().unwrap();
    inner.0 = form.clone();
    let verifier = form["code_verifier"].as_str().unwrap_or_default();
    let digest = shared::secret::sha256_hex(verifier.as_bytes());
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let proven = inner.1 == json!(URL_SAFE_NO_PAD.encode(bytes));
    if form["code"] == "good" && form["client_secret"] == "hush" && proven {
        return (StatusCode::OK, Json(json!({"access_token": "at", "token_type": "bearer"})));
    }
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})))
}

async fn user_info(State(world): State<World>, headers: HeaderMap) -> impl IntoResponse {
    assert_eq!(headers["authorization"], "Bearer at");
    Json(world.0.lock().unwrap().2.clone())
}

async fn start() -> (Bench, World) {
    let world = World::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/token", write(token)).route("/me", read(user_info)).with_state(world.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let providers = json!([{
        "name": "google", "authorize_url": "https://accounts.test/authorize", "token_url": format!("{url}/token"),
        "user_info_url": format!("{url}/me"), "client_id": "us", "client_secret": "hush",
    }]);
    let bench = Bench::with(&[("OUTSCOUT_OPENSCOUTER_OAUTH_PROVIDERS", &providers.to_string())]).await.unwrap();
    (bench, world)
}

/// Begins a log-in; the state.
async fn begin(bench: &Bench, world: &World, query: &str) -> String {
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
    world.0.lock().unwrap().1 = json!(query.last("code_challenge").unwrap());
    query.last("state").unwrap().to_owned()
}

async fn come_back(bench: &Bench, state: &str, code: &str) -> Answer {
    send(bench, "GET", &format!("/api/auth/callback?state={state}&code={code}"), &[], "").await
}

#[tokio::test]
async fn a_first_log_in_makes_an_account() {
    let (bench, world) = start().await;
    world.says(json!({"email": "Dana@Example.com", "email_verified": true, "name": "Dana Roe"}));
    let without = begin(&bench, &world, "").await;
    assert_eq!(told(&come_back(&bench, &without, "good").await), (422, "role: is required".to_owned()));
    let state = begin(&bench, &world, "role=business").await;
    let answer = come_back(&bench, &state, "good").await;
    let session = data(&answer);
    let user = &session["user"];
    assert_eq!(
        (&user["email"], &user["fullName"], &user["status"], &user["organization"]["name"]),
        (&json!("dana@example.com"), &json!("Dana Roe"), &json!("active"), &json!("Dana Roe"))
    );
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    assert_eq!(data(&get(&bench, "/api/auth/me", &access).await), *user);
    assert_eq!(world.0.lock().unwrap().0["redirect_uri"], "https://api.test/api/auth/callback");
    assert_eq!(told(&come_back(&bench, &state, "good").await), (400, "state: is invalid or expired".to_owned()));
    let password = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &password).await.status, 401, "no password is set");
    let again = begin(&bench, &world, "").await;
    assert_eq!(data(&come_back(&bench, &again, "good").await)["user"]["userId"], user["userId"], "the same account");
}

#[tokio::test]
async fn what_a_provider_can_refuse() {
    let (bench, world) = start().await;
    person(&bench, Role::Business, "dana@example.com").await;
    world.says(json!({"email": "dana@example.com", "email_verified": false}));
    let state = begin(&bench, &world, "").await;
    assert_eq!(told(&come_back(&bench, &state, "good").await), (403, "Email address not verified".to_owned()));
    let state = begin(&bench, &world, "").await;
    assert_eq!(told(&come_back(&bench, &state, "bad").await), (401, "Invalid credentials".to_owned()));
    let state = begin(&bench, &world, "").await;
    let denied = send(&bench, "GET", &format!("/api/auth/callback?state={state}&error=access_denied"), &[], "").await;
    assert_eq!(told(&denied), (401, "Invalid credentials".to_owned()));
    for wrong in ["", "x"] {
        assert_eq!(error(&come_back(&bench, wrong, "good").await), "state: is invalid or expired");
    }
    let late = begin(&bench, &world, "").await;
    bench.advance(Duration::minutes(10));
    assert_eq!(come_back(&bench, &late, "good").await.status, 400);
    for (path, status, text) in [
        ("github/start", 404, "Provider not found"),
        ("evil/start", 404, "Provider not found"),
        ("google/start?role=admin", 422, "role: must be one of: business, tester"),
        ("google/start?redirect=https://evil.example/", 422, "redirect: must be an address of an allowed origin"),
        ("google/start?redirect=nonsense", 422, "redirect: must be an http or https URL"),
        ("google/start?redirect=https://a@app.openscouter.com/", 422, "redirect: must not contain credentials"),
    ] {
        let answer = send(&bench, "GET", &format!("/api/auth/oauth/{path}"), &[], "").await;
        assert_eq!(told(&answer), (status, text.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn with_a_redirect_the_page_gets_a_one_time_token() {
    let (bench, world) = start().await;
    world.says(json!({"email": "tess@example.com", "email_verified": true}));
    let state = begin(&bench, &world, "role=tester&redirect=https://app.openscouter.com/done").await;
    let answer = come_back(&bench, &state, "good").await;
    assert_eq!(answer.status, 302);
    let token = answer.header("location").strip_prefix("https://app.openscouter.com/done#token=").unwrap().to_owned();
    let verify = async || post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": token})).await;
    let session = data(&verify().await);
    assert_eq!((&session["user"]["role"], &session["user"]["fullName"]), (&json!("tester"), &json!("tess")));
    assert_eq!(verify().await.status, 422, "once");
    let state = begin(&bench, &world, "redirect=http://localhost:5173/").await;
    let late = come_back(&bench, &state, "good").await.header("location").split_once('=').unwrap().1.to_owned();
    bench.advance(Duration::seconds(60));
    assert_eq!(post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": late})).await.status, 422);
}

#[tokio::test]
async fn who_signed_up_with_another_s_address_is_locked_out_when_its_owner_logs_in() {
    let (bench, world) = start().await;
    let body = json!({"role": "business", "email": "dana@example.com", "password": PASSWORD, "fullName": "x", "companyName": "x"});
    assert_eq!(post(&bench, "/api/auth/sign-up", &[], &body).await.status, 202);
    world.says(json!({"email": "dana@example.com", "email_verified": true}));
    let state = begin(&bench, &world, "").await;
    assert_eq!(data(&come_back(&bench, &state, "good").await)["user"]["emailVerified"], true);
    let stranger = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &stranger).await.status, 401);

    let known = person(&bench, Role::Business, "otto@example.com").await;
    world.says(json!({"email": "otto@example.com", "email_verified": true}));
    let state = begin(&bench, &world, "").await;
    assert_eq!(come_back(&bench, &state, "good").await.status, 200);
    assert!(bearer(&bench, "otto@example.com").await.starts_with("Bearer "), "a confirmed address keeps its password");
    let mut suspended =
        bench.context.store().account_by_email(&Email::parse("otto@example.com").unwrap()).await.unwrap().unwrap().user;
    assert_eq!(suspended.id, known.id);
    suspended.active = false;
    assert!(bench.context.store().change_user(&suspended, shared::store::ChangeWith::default()).await.unwrap());
    let state = begin(&bench, &world, "").await;
    assert_eq!(told(&come_back(&bench, &state, "good").await), (403, "Account suspended".to_owned()));
}
