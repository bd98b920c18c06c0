//! `GET /api/auth/callback`: the provider's answer (openscouter 7).

use harness::{
    openscouter::{
        PASSWORD, bearer, data, error, get, person, post,
        provider::{self, begin, come_back, come_back_with, cookie, start},
        send, told,
    },
    snapshot,
};
use serde_json::json;
use shared::model::{Email, Role};
use time::Duration;

#[tokio::test]
async fn a_first_log_in_makes_an_account() {
    let (bench, provider) = start().await;
    provider.says(json!({"email": "Dana@Example.com", "email_verified": true, "name": "Dana Roe"}));
    let without = begin(&bench, &provider, "").await;
    assert_eq!(told(&come_back(&bench, &without, "good").await), (422, "role: is required".to_owned()));
    let state = begin(&bench, &provider, "role=business").await;
    let answer = come_back(&bench, &state, "good").await;
    let session = data(&answer);
    let user = &session["user"];
    assert_eq!(
        (&user["email"], &user["fullName"], &user["status"], &user["organization"]["name"]),
        (&json!("dana@example.com"), &json!("Dana Roe"), &json!("active"), &json!("Dana Roe"))
    );
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    assert_eq!(data(&get(&bench, "/api/auth/me", &access).await), *user);
    assert_eq!(provider.told()["redirect_uri"], "https://api.test/api/auth/callback");
    assert_eq!(told(&come_back(&bench, &state, "good").await), (400, "state: is invalid or expired".to_owned()));
    let password = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &password).await.status, 401, "no password is set");
    let again = begin(&bench, &provider, "").await;
    assert_eq!(data(&come_back(&bench, &again, "good").await)["user"]["userId"], user["userId"], "the same account");
}

#[tokio::test]
async fn what_a_provider_can_refuse() {
    let (bench, provider) = start().await;
    person(&bench, Role::Business, "dana@example.com").await;
    provider.says(json!({"email": "dana@example.com", "email_verified": false}));
    let state = begin(&bench, &provider, "").await;
    assert_eq!(told(&come_back(&bench, &state, "good").await), (403, "Email address not verified".to_owned()));
    let state = begin(&bench, &provider, "").await;
    assert_eq!(told(&come_back(&bench, &state, "bad").await), (401, "Invalid credentials".to_owned()));
    let state = begin(&bench, &provider, "").await;
    let denied = come_back_with(&bench, &state, "error=access_denied", &cookie(&state)).await;
    assert_eq!(told(&denied), (401, "Invalid credentials".to_owned()));
    for wrong in ["", "x"] {
        assert_eq!(error(&come_back(&bench, wrong, "good").await), "state: is invalid or expired");
    }
    let late = begin(&bench, &provider, "").await;
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
    let (bench, provider) = start().await;
    provider.says(json!({"email": "tess@example.com", "email_verified": true}));
    let state = begin(&bench, &provider, "role=tester&redirect=https://app.openscouter.com/done").await;
    let answer = come_back(&bench, &state, "good").await;
    assert_eq!(answer.status, 302);
    let token = answer.header("location").strip_prefix("https://app.openscouter.com/done#token=").unwrap().to_owned();
    let verify = async || post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": token})).await;
    let session = data(&verify().await);
    assert_eq!((&session["user"]["role"], &session["user"]["fullName"]), (&json!("tester"), &json!("tess")));
    assert_eq!(verify().await.status, 422, "once");
    let state = begin(&bench, &provider, "redirect=http://localhost:5173/").await;
    let late = come_back(&bench, &state, "good").await.header("location").split_once('=').unwrap().1.to_owned();
    bench.advance(Duration::seconds(60));
    assert_eq!(post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": late})).await.status, 422);
}

#[tokio::test]
async fn who_signed_up_with_another_s_address_is_locked_out_when_its_owner_logs_in() {
    let (bench, provider) = start().await;
    let body = json!({"role": "business", "email": "dana@example.com", "password": PASSWORD, "fullName": "x", "companyName": "x"});
    assert_eq!(post(&bench, "/api/auth/sign-up", &[], &body).await.status, 202);
    provider.says(json!({"email": "dana@example.com", "email_verified": true}));
    let state = begin(&bench, &provider, "").await;
    assert_eq!(data(&come_back(&bench, &state, "good").await)["user"]["emailVerified"], true);
    let stranger = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &stranger).await.status, 401);

    let known = person(&bench, Role::Business, "otto@example.com").await;
    provider.says(json!({"email": "otto@example.com", "email_verified": true}));
    let state = begin(&bench, &provider, "").await;
    assert_eq!(come_back(&bench, &state, "good").await.status, 200);
    assert!(bearer(&bench, "otto@example.com").await.starts_with("Bearer "), "a confirmed address keeps its password");
    let mut suspended =
        bench.context.store().account_by_email(&Email::parse("otto@example.com").unwrap()).await.unwrap().unwrap().user;
    assert_eq!(suspended.id, known.id);
    suspended.active = false;
    assert!(bench.context.store().change_user(&suspended, shared::store::ChangeWith::default()).await.unwrap());
    let state = begin(&bench, &provider, "").await;
    assert_eq!(told(&come_back(&bench, &state, "good").await), (403, "Account suspended".to_owned()));
}

#[tokio::test]
async fn succeeds() {
    let (bench, provider) = provider::start().await;
    provider.says(json!({"email": "dana@example.com", "email_verified": true, "name": "Dana Roe"}));
    let state = provider::begin(&bench, &provider, "role=business").await;
    let answer = provider::come_back(&bench, &state, "good").await;
    snapshot!("auth-callback", &answer);
}
