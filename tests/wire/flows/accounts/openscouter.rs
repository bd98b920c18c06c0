//! An account of OpenScouter from its sign-up to its sign-out, and in the other dialect (openscouter 7).

use harness::{
    Bench,
    openscouter::{PASSWORD, bearer, data, get, one_time, person, post, send, sign_up_body, told},
    outsend,
};
use serde_json::json;
use shared::model::{Role, TokenKind};

#[tokio::test]
async fn from_sign_up_to_sign_out() {
    let bench = Bench::start().await.unwrap();
    let answer = post(&bench, "/api/auth/sign-up", &[], &sign_up_body("  Dana@Example.com ")).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (
            202,
            r#"{"success":true,"data":{"status":"verification_sent","email":"dana@example.com"},"error":null,"metadata":null}"#
        )
    );
    assert_eq!(answer.header("ratelimit-policy"), "\"unauthenticated\";q=30;w=60");
    let credentials = json!({"email": "dana@EXAMPLE.com", "password": PASSWORD});
    let early = post(&bench, "/api/auth/sign-in", &[], &credentials).await;
    assert_eq!(told(&early), (403, "Email address not verified".to_owned()));
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterVerify).await;
    let verify = async || post(&bench, "/api/auth/verify-email", &[], &json!({"token": token})).await;
    assert_eq!(data(&verify().await), json!({"verified": true}));
    assert_eq!(told(&verify().await), (422, "token: is invalid or expired".to_owned()), "it works once");

    let mut session = data(&post(&bench, "/api/auth/sign-in", &[], &credentials).await);
    let (access, refresh) = (session["accessToken"].take(), session["refreshToken"].take());
    let access = format!("Bearer {}", access.as_str().unwrap());
    assert!(refresh.as_str().unwrap().starts_with("osr_") && refresh.as_str().unwrap().len() == 47);
    let user = &mut session["user"];
    for (id, length) in [(user["userId"].take(), 31), (user["organization"]["organizationId"].take(), 30)] {
        assert_eq!(id.as_str().unwrap().len(), length);
    }
    assert_eq!(user["createdAt"].take().as_str().unwrap().len(), 20);
    assert_eq!(
        session,
        json!({"accessToken": null, "tokenType": "Bearer", "expiresIn": 86_400, "refreshToken": null,
            "refreshExpiresIn": 2_592_000, "user": {"userId": null, "email": "dana@example.com", "fullName": "Dana Roe",
            "role": "business", "status": "active", "emailVerified": true, "organization": {"organizationId": null,
            "name": "Roe Ltd", "plan": "free", "billingExempt": true}, "createdAt": null}})
    );
    let own = get(&bench, "/api/auth/me", &access).await;
    assert_eq!((own.status, own.header("ratelimit-policy")), (200, "\"free\";q=120;w=60"));
    assert_eq!(data(&own)["email"], "dana@example.com");

    let other = bearer(&bench, "dana@example.com").await;
    let out = post(&bench, "/api/auth/sign-out", &[("authorization", &access)], &json!({"refreshToken": "x"})).await;
    assert_eq!(data(&out), json!({"signedOut": true}));
    assert_eq!(told(&get(&bench, "/api/auth/me", &access).await), (401, "Invalid credentials".to_owned()));
    let again = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": refresh})).await;
    assert_eq!(told(&again), (401, "Invalid refresh token".to_owned()));
    assert_eq!(get(&bench, "/api/auth/me", &other).await.status, 200, "the other sign-in stays");
}

#[tokio::test]
async fn one_account_serves_both_dialects() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let body = json!({"email": "dana@example.com", "password": PASSWORD});
    let answer = outsend::ask(&bench, "POST", "/api/auth/login", &[], &body).await;
    assert_eq!((answer.status, &answer.json()["user"]["email_verified"]), (200, &json!(true)));
    let preflight = send(&bench, "OPTIONS", "/api/auth/sign-in", &[], "").await;
    assert_eq!(preflight.body, r#"{"success":true,"data":null,"error":null,"metadata":null}"#);
}
