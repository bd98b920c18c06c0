//! `POST /api/auth/signup`: opens an account with a workspace and a first session (outsend 6.2).

use std::sync::Arc;

use axum::{Form, Json, Router};
use harness::{
    Bench,
    outsend::{self, detail, post, sign_up_body, signed_up},
    snapshot,
};
use serde_json::{Value, json};
use shared::{model::Email, secret::sha256_hex};
use time::Duration;

#[tokio::test]
async fn wrong_fields_are_told_in_the_caller_s_language() {
    let bench = Bench::start().await.unwrap();
    let body = json!({"email": "nobody", "password": "letters only", "accept_responsibility": false, "locale": "de"});
    let answer = post(&bench, "/api/auth/signup", &[], &body).await;
    let expected = json!({"detail": "Validation failed.", "errors": [
        {"field": "email", "message": "Invalid format."},
        {"field": "password", "message": "Must contain a letter and a digit or symbol."},
        {"field": "accept_responsibility", "message": "Must be true."},
        {"field": "locale", "message": "Must be one of: en, fr."},
    ]});
    assert_eq!((answer.status, answer.body), (422, expected.to_string()), "a space is no symbol");
    let body = json!({"password": "lettersonly", "name": 3});
    let answer = post(&bench, "/api/auth/signup", &[("accept-language", "fr-CA")], &body).await;
    let expected = json!({"detail": "Données invalides.", "errors": [
        {"field": "email", "message": "Champ obligatoire."},
        {"field": "password", "message": "Doit contenir une lettre et un chiffre ou un symbole."},
        {"field": "accept_responsibility", "message": "Champ obligatoire."},
        {"field": "name", "message": "Doit être de type texte."},
    ]});
    assert_eq!((answer.status, answer.body.as_str()), (422, expected.to_string().as_str()));
    assert_eq!(answer.header("content-language"), "fr");
}

#[tokio::test]
async fn an_address_has_one_account_and_nobody_learns_of_it() {
    let bench = Bench::start().await.unwrap();
    signed_up(&bench, "dana@example.com").await;
    let answer = post(&bench, "/api/auth/signup", &[], &sign_up_body("dana@example.com")).await;
    assert_eq!((answer.status, detail(&answer).as_str()), (400, "Sign-up is not possible with these details."));
    assert_eq!(answer.header("set-cookie"), "");
    let mut answers = Vec::new();
    for email in ["dana@example.com", "nobody@example.com", "no address at all"] {
        let answer = post(&bench, "/api/auth/login", &[], &json!({"email": email, "password": "wrong 1"})).await;
        let mut headers = answer.headers;
        // the seconds to the window's end go on while the test runs
        let left = headers.remove("ratelimit").unwrap();
        assert!(left.starts_with("\"login\";r=4;t="), "{left}");
        headers.retain(|name, _| name != "x-request-id");
        answers.push((answer.status, headers, answer.body));
    }
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
}

#[tokio::test]
async fn parallel_sign_ups_for_one_address_make_one_account() {
    let bench = Arc::new(Bench::start().await.unwrap());
    let mut tasks = Vec::new();
    for number in 0..3 {
        let bench = Arc::clone(&bench);
        tasks.push(tokio::spawn(async move {
            let body = json!({"email": "dana@example.com", "password": format!("password {number}"), "accept_responsibility": true});
            post(&bench, "/api/auth/signup", &[], &body).await.status
        }));
    }
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400]);
}

async fn sign_up(bench: &Bench, email: &str, more: &Value) -> (u64, String) {
    // three an hour: what is counted is the limits' business
    bench.advance(Duration::hours(1));
    let mut body = sign_up_body(email);
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = outsend::ask(bench, "POST", "/api/auth/signup", &[], &body).await;
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
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", axum::routing::post(verify))).await });
    let variables = [("OUTSCOUT_OUTSEND_CAPTCHA_SECRET", "hush"), ("OUTSCOUT_OUTSEND_CAPTCHA_URL", url.as_str())];
    let bench = Bench::with(&variables).await.unwrap();
    let failed = (400, "Captcha verification failed.".to_owned());
    for token in [Value::Null, json!(""), json!("x")] {
        assert_eq!(sign_up(&bench, "a@example.com", &json!({"hcaptcha_token": token})).await, failed, "{token}");
    }
    assert_eq!(sign_up(&bench, "a@example.com", &json!({})).await, failed);
    assert_eq!(sign_up(&bench, "a@example.com", &json!({"hcaptcha_token": 7})).await.0, 422);
    assert_eq!(sign_up(&bench, "a@example.com", &json!({"hcaptcha_token": "a+b c"})).await.0, 200);
    // nobody listens there
    let variables = [("OUTSCOUT_OUTSEND_CAPTCHA_SECRET", "s"), ("OUTSCOUT_OUTSEND_CAPTCHA_URL", "http://127.0.0.1:9/")];
    let dead = Bench::with(&variables).await.unwrap();
    let failed = (503, "A required service is unavailable. Try again later.".to_owned());
    assert_eq!(sign_up(&dead, "a@example.com", &json!({"hcaptcha_token": "x"})).await, failed);
    let mut body = outsend::sign_up_body("a@example.com");
    body["hcaptcha_token"] = json!("x");
    let unreachable = post(&dead, "/api/auth/signup", &[], &body).await;
    assert!(unreachable.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{unreachable:?}");
    let open = Bench::start().await.unwrap();
    assert_eq!(sign_up(&open, "a@example.com", &json!({"hcaptcha_token": 7, "invitation_code": 7})).await.0, 200);
}

#[test]
fn addresses_have_one_syntax() {
    let long = format!("{}@example.com", "a".repeat(64));
    let label = format!("a@{}.com", "b".repeat(63));
    for good in [
        "a@b.fr",
        "A.b+c_d@Ex-1.co.uk",
        "o'neil@x.fr",
        "{a}/b=c?d@x.fr",
        "a@m\u{fc}nchen.de",
        "a@x.xn--p1ai",
        &long,
        &label,
    ] {
        let known = Email::chosen(good).map(|email| email.as_str().to_owned());
        assert!(known.is_some() && known == engine::values::email(good), "{good}: {known:?}");
    }
    let (longer, wide) = (format!("a{long}"), format!("a@{}.com", "b".repeat(64)));
    for bad in [
        "\u{e9}@x.fr",
        "h\u{e4}ndchen@x.de",
        "a|b@x.fr",
        "a b@x.fr",
        "a@1.2.3.4",
        "a@[IPv6:::1]",
        "a@x.c0m",
        "a@x",
        "a@-x.fr",
        "a@x_y.fr",
        "a..b@x.fr",
        ".a@x.fr",
        "a.@x.fr",
        "a@x..fr",
        "a\\b@x.fr",
        "a@x.fr.",
        "a@x%40y.fr",
        "@x.fr",
        "a@",
        "42",
        &longer,
        &wide,
    ] {
        assert_eq!((Email::chosen(bad), engine::values::email(bad)), (None, None), "{bad}");
    }
    // an account of before is still found
    assert_eq!(Email::typed(" \u{c9}@M\u{fc}nchen.DE").as_str(), "\u{e9}@xn--mnchen-3ya.de");
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let answer = post(&bench, "/api/auth/signup", &[], &sign_up_body("dana@example.com")).await;
    snapshot!("auth-signup", &answer);
}
