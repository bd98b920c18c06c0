//! Who may sign up at Outsend: invitations and the captcha (outsend 6.3).

use axum::{Form, Json, Router, routing::post};
use harness::Bench;
use serde_json::{Value, json};
use shared::{model::Email, secret::sha256_hex};
use time::Duration;

use crate::{
    erasure::outsend,
    outsend::{detail, sign_up_body},
};

async fn sign_up(bench: &Bench, email: &str, more: &Value) -> (u64, String) {
    // three an hour: what is counted is the limits' business
    bench.advance(Duration::hours(1));
    let mut body = sign_up_body(email);
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = outsend(bench, "POST", "/api/auth/signup", &[], &body).await;
    (answer.status, detail(&answer))
}

#[tokio::test]
async fn only_who_is_invited_may_sign_up() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_INVITE_ONLY", "true")]).await.unwrap();
    let (store, now) = (bench.context.store(), bench.context.clock().now());
    for (code, days) in [("ALPHA-7K2", 30), ("OLD", 0)] {
        assert!(store.invite(&sha256_hex(code.as_bytes()), now + Duration::days(days)).await.unwrap());
    }
    assert_eq!(sign_up(&bench, "a@example.com", &json!({})).await.0, 422);
    assert_eq!(sign_up(&bench, "a@example.com", &json!({"invitation_code": "x".repeat(65)})).await.0, 422);
    let refused = (400, "Sign-up is not possible with these details.".to_owned());
    for code in ["BETA", "OLD", "alpha-7k2"] {
        assert_eq!(sign_up(&bench, "a@example.com", &json!({"invitation_code": code})).await, refused, "{code}");
    }
    let invited = json!({"invitation_code": " ALPHA-7K2 "});
    assert_eq!(sign_up(&bench, "a@example.com", &invited).await.0, 200);
    assert_eq!(sign_up(&bench, "b@example.com", &invited).await, refused, "for one account");
    assert!(store.account_by_email(&Email::parse("b@example.com").unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_captcha_is_asked_about() {
    async fn verify(Form(form): Form<Value>) -> Json<Value> {
        Json(json!({"success": form["secret"] == "hush" && form["response"] == "a+b c"}))
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(verify))).await });
    let variables = [("OUTSCOUT_OUTSEND_CAPTCHA_SECRET", "hush"), ("OUTSCOUT_OUTSEND_CAPTCHA_URL", url.as_str())];
    let bench = Bench::with(&variables).await.unwrap();
    let failed = (400, "Captcha verification failed.".to_owned());
    for token in [Value::Null, json!(""), json!("x")] {
        assert_eq!(sign_up(&bench, "a@example.com", &json!({"hcaptcha_token": token})).await, failed, "{token}");
    }
    assert_eq!(sign_up(&bench, "a@example.com", &json!({})).await, failed);
    assert_eq!(sign_up(&bench, "a@example.com", &json!({"hcaptcha_token": 7})).await.0, 422);
    assert_eq!(sign_up(&bench, "a@example.com", &json!({"hcaptcha_token": "a+b c"})).await.0, 200);
    let open = Bench::start().await.unwrap();
    assert_eq!(sign_up(&open, "a@example.com", &json!({"hcaptcha_token": 7, "invitation_code": 7})).await.0, 200);
}
