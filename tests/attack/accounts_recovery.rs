//! What a reset ends.

use harness::{
    Answer, Bench,
    openscouter::{PASSWORD, access, api_token, data, get, oauth, one_time, person, post, sign_in, told, work},
    outsend,
};
use serde_json::{Value, json};
use shared::model::{Role, TokenKind};
use time::Duration;

const EMAIL: &str = "dana@example.com";
const NEW: &str = "an other phrase 9";
const KINDS: [TokenKind; 6] = [
    TokenKind::Verify,
    TokenKind::Reset,
    TokenKind::ScouterVerify,
    TokenKind::ScouterReset,
    TokenKind::Magic,
    TokenKind::Callback,
];

/// The three ways to a new password; `more` goes into the body.
const WAYS: [&str; 3] = ["outsend", "openscouter", "change"];

async fn new_password(bench: &Bench, way: &str, more: &Value) -> Answer {
    let body = |base: Value| {
        let mut base = base;
        base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        base
    };
    match way {
        "outsend" => {
            let token = one_time(bench, EMAIL, TokenKind::Reset).await;
            let body = body(json!({"token": token, "new_password": NEW}));
            outsend::post(bench, "/api/auth/password/reset", &[], &body).await
        }
        "openscouter" => {
            let token = one_time(bench, EMAIL, TokenKind::ScouterReset).await;
            post(bench, "/api/auth/reset-password", &[], &body(json!({"token": token, "password": NEW}))).await
        }
        _ => {
            let cookie = outsend::log_in(bench, EMAIL, PASSWORD).await;
            let body = body(json!({"current_password": PASSWORD, "new_password": NEW}));
            outsend::post(bench, "/api/auth/password/change", &[("cookie", &cookie)], &body).await
        }
    }
}

async fn redeem(bench: &Bench, kind: TokenKind, token: &str) -> u64 {
    let (body, reset) = (json!({"token": token}), json!({"token": token, "password": NEW, "new_password": NEW}));
    let answer = match kind {
        TokenKind::Verify => outsend::post(bench, "/api/auth/verify-email", &[], &body).await,
        TokenKind::Reset => outsend::post(bench, "/api/auth/password/reset", &[], &reset).await,
        TokenKind::ScouterVerify => post(bench, "/api/auth/verify-email", &[], &body).await,
        TokenKind::ScouterReset => post(bench, "/api/auth/reset-password", &[], &reset).await,
        TokenKind::Magic | TokenKind::Callback => post(bench, "/api/auth/magic-link/verify", &[], &body).await,
        // a chat uses it, not a caller: tests/wire/openscouter/telegram_link_code.rs
        TokenKind::Telegram => return 0,
    };
    answer.status
}

#[tokio::test]
async fn a_new_password_ends_one_time_tokens_of_all_kinds() {
    for way in WAYS {
        let bench = Bench::start().await.unwrap();
        person(&bench, Role::Business, EMAIL).await;
        let mut tokens = Vec::new();
        for kind in KINDS {
            // the reset's own kind is used by it
            if !matches!((way, kind), ("outsend", TokenKind::Reset) | ("openscouter", TokenKind::ScouterReset)) {
                tokens.push((kind, one_time(&bench, EMAIL, kind).await));
            }
        }
        let done = new_password(&bench, way, &json!({})).await;
        assert_eq!(done.status, 200, "{}", done.body);
        let mut alive = Vec::new();
        for (kind, token) in tokens {
            if redeem(&bench, kind, &token).await == 200 {
                alive.push(kind.as_str());
            }
        }
        assert_eq!(alive, Vec::<&str>::new(), "after {way}");
        // what is asked for afterwards works
        let fresh = one_time(&bench, EMAIL, TokenKind::Magic).await;
        assert_eq!(redeem(&bench, TokenKind::Magic, &fresh).await, 200);
    }
}

#[tokio::test]
async fn a_new_password_ends_oauth_transactions_and_codes() {
    for way in WAYS {
        let bench = Bench::start().await.unwrap();
        let user = person(&bench, Role::Business, EMAIL).await;
        let client = oauth::register(&bench).await;
        let half_done = oauth::consent(&bench, &client, EMAIL, &[]).await;
        let code = oauth::code(&bench, &client, &user, oauth::API).await;
        let done = new_password(&bench, way, &json!({})).await;
        assert_eq!(done.status, 200, "{}", done.body);
        let decided = oauth::approve(&bench, &half_done, &user, true).await;
        assert_eq!(decided.status, 403, "the consent page of a sign-in that ended, after {way}");
        let exchanged = oauth::exchange(&bench, &client, &code).await;
        assert_eq!(oauth::rfc(&exchanged), (400, "invalid_grant".to_owned()), "after {way}");
    }
}

/// Long-lived credentials, and what works of them.
struct Credentials {
    key: String,
    token: String,
    client: String,
    connection: Value,
}

impl Credentials {
    async fn over(bench: &Bench) -> Self {
        let user = person(bench, Role::Business, EMAIL).await;
        let cookie = outsend::log_in(bench, EMAIL, PASSWORD).await;
        let key =
            outsend::new_key(bench, &cookie, &json!({"name": "k"})).await.json()["key"].as_str().unwrap().to_owned();
        let token = api_token(bench, &access(&sign_in(bench, EMAIL).await), &["write"]).await;
        let client = oauth::register(bench).await;
        let code = oauth::code(bench, &client, &user, oauth::API).await;
        let connection = oauth::exchange(bench, &client, &code).await.json();
        Self { key, token, client, connection }
    }

    async fn open(&self, bench: &Bench) -> Vec<&'static str> {
        bench.advance(Duration::seconds(61));
        let again = oauth::refresh(bench, &self.client, &self.connection["refresh_token"], None).await;
        let current = if again.status == 200 { again.json() } else { self.connection.clone() };
        [
            ("key", outsend::me(bench, &[("x-api-key", &self.key)]).await),
            ("API token", get(bench, "/api/auth/me", &self.token).await),
            ("connection", oauth::me(bench, &current).await),
            ("refresh", again),
        ]
        .into_iter()
        .filter(|(_, answer)| answer.status == 200)
        .map(|(name, _)| name)
        .collect()
    }
}

#[tokio::test]
async fn a_new_password_ends_keys_tokens_and_connections_when_it_is_asked_to() {
    for way in WAYS {
        let bench = Bench::start().await.unwrap();
        let held = Credentials::over(&bench).await;
        let member = if way == "openscouter" { "revokeCredentials" } else { "revoke_credentials" };
        let all = ["key", "API token", "connection", "refresh"];
        assert_eq!(new_password(&bench, way, &json!({member: false})).await.status, 200);
        assert_eq!(held.open(&bench).await, all, "off by default, {way}");

        let bench = Bench::start().await.unwrap();
        let held = Credentials::over(&bench).await;
        assert_eq!(new_password(&bench, way, &json!({member: true})).await.status, 200);
        assert_eq!(held.open(&bench).await, Vec::<&str>::new(), "{way}");
        work(&bench).await;
        let cookie = outsend::log_in(&bench, EMAIL, NEW).await;
        let keys = outsend::send(&bench, "GET", "/api/api-keys", &[("cookie", &cookie)], "").await;
        assert!(!keys.body.contains("key_"), "{way}: {}", keys.body);
        let body = json!({"email": EMAIL, "password": NEW});
        let session = data(&post(&bench, "/api/auth/sign-in", &[], &body).await);
        for path in ["/api/tokens", "/api/connections"] {
            let list = get(&bench, path, &access(&session)).await;
            assert_eq!(
                (&list.json()["data"], &list.json()["metadata"]["total"]),
                (&json!([]), &json!(0)),
                "{way} {path}"
            );
        }
    }
}

#[tokio::test]
async fn the_member_is_a_boolean() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, EMAIL).await;
    for way in ["outsend", "change"] {
        let refused = new_password(&bench, way, &json!({"revoke_credentials": "yes"})).await;
        assert_eq!(refused.status, 422, "{way}: {}", refused.body);
        assert!(refused.body.contains("revoke_credentials"), "{way}: {}", refused.body);
    }
    let refused = new_password(&bench, "openscouter", &json!({"revokeCredentials": "yes"})).await;
    assert_eq!(told(&refused), (422, "revokeCredentials: must be a boolean".to_owned()));
}

#[tokio::test]
async fn keys_that_ended_are_not_counted() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, EMAIL).await;
    let cookie = outsend::log_in(&bench, EMAIL, PASSWORD).await;
    for _ in 0..20 {
        assert_eq!(outsend::new_key_with(&bench, &[("cookie", &cookie)]).await.status, 200);
    }
    assert_eq!(outsend::new_key_with(&bench, &[("cookie", &cookie)]).await.status, 400);
    let session = sign_in(&bench, EMAIL).await;
    for _ in 0..50 {
        bench.advance(Duration::seconds(1));
        api_token(&bench, &access(&session), &["write"]).await;
    }
    assert_eq!(new_password(&bench, "outsend", &json!({"revoke_credentials": true})).await.status, 200);
    let cookie = outsend::log_in(&bench, EMAIL, NEW).await;
    assert_eq!(outsend::new_key_with(&bench, &[("cookie", &cookie)]).await.status, 200, "before any work ran");
    let body = json!({"email": EMAIL, "password": NEW});
    let session = data(&post(&bench, "/api/auth/sign-in", &[], &body).await);
    api_token(&bench, &access(&session), &["write"]).await;
    work(&bench).await;
    let list = get(&bench, "/api/tokens", &access(&session)).await;
    assert_eq!(list.json()["metadata"]["total"], 1);
}
