//! Sign-up, sign-in, sign-out, lost passwords (openscouter 3.2, 3.3, 7).

use harness::Bench;
use serde_json::{Value, json};
use shared::model::{Email, Role, TokenKind};
use time::Duration;

use super::{PASSWORD, bearer, data, error, get, one_time, person, post, send, sign_in, told};

fn sign_up_body(email: &str) -> Value {
    json!({"role": "business", "email": email, "password": PASSWORD, "fullName": "Dana Roe", "companyName": "Roe Ltd"})
}

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
async fn a_known_address_is_answered_like_an_unknown_one_and_nothing_changes() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "known@example.com").await;
    let store = bench.context.store();
    let known = async || store.account_by_email(&Email::parse("known@example.com").unwrap()).await.unwrap().unwrap();
    let before = known().await;
    let mut bodies = Vec::new();
    for email in ["known@example.com", "fresh@example.com", "fresh@example.com"] {
        let mut body = sign_up_body(email);
        body["password"] = json!("quite another phrase");
        let answer = post(&bench, "/api/auth/sign-up", &[], &body).await;
        assert_eq!(answer.status, 202);
        bodies.push(answer.body.replace(email, "x"));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(known().await, before);
    for path in ["resend-verification", "forgot-password", "magic-link"] {
        for email in ["known@example.com", "nobody@example.com"] {
            let answer = post(&bench, &format!("/api/auth/{path}"), &[], &json!({"email": email})).await;
            assert_eq!((answer.status, data(&answer)), (202, json!({"status": "accepted"})), "{path} {email}");
        }
    }
    for (email, password) in [("known@example.com", "wrong"), ("nobody@example.com", "wrong"), ("nonsense", "wrong")] {
        let body = json!({"email": email, "password": password});
        let answer = post(&bench, "/api/auth/sign-in", &[], &body).await;
        assert_eq!(told(&answer), (401, "Invalid email or password".to_owned()), "{email}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_known_address_costs_what_an_unknown_one_does() {
    harness::log();
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "known@example.com").await;
    let cost = async |path: &str, body: Value| {
        bench.advance(Duration::seconds(61));
        let id = uuid::Uuid::new_v4().to_string();
        let answer = post(&bench, path, &[("x-request-id", &id)], &body).await;
        let line = harness::log().of(&id).pop().unwrap();
        (answer.status, line["store.calls"].clone(), line["store.sequential"].clone())
    };
    for path in ["resend-verification", "forgot-password", "magic-link"] {
        let path = format!("/api/auth/{path}");
        let known = cost(&path, json!({"email": "known@example.com"})).await;
        assert_eq!(known, cost(&path, json!({"email": "nobody@example.com"})).await, "{path}");
    }
    let sign_in = |email: &str| json!({"email": email, "password": "wrong"});
    let known = cost("/api/auth/sign-in", sign_in("known@example.com")).await;
    assert_eq!(known, cost("/api/auth/sign-in", sign_in("nobody@example.com")).await);
    let known = cost("/api/auth/sign-up", sign_up_body("known@example.com")).await;
    let fresh = cost("/api/auth/sign-up", sign_up_body("fresh@example.com")).await;
    let pending = cost("/api/auth/sign-up", sign_up_body("fresh@example.com")).await;
    assert_eq!((&known, &pending), (&fresh, &fresh));
}

#[tokio::test]
async fn sign_up_names_the_first_fault() {
    let bench = Bench::start().await.unwrap();
    let body = |name: &str, value: Value| {
        let mut body = sign_up_body("dana@example.com");
        body[name] = value;
        body
    };
    let rows = [
        (body("role", Value::Null), "role: is required"),
        (body("role", json!("admin")), "role: must be one of: business, tester"),
        (body("role", json!(1)), "role: must be a string"),
        (body("email", Value::Null), "email: is required"),
        (body("email", json!("dana@example")), "email: must be a valid email address"),
        (body("password", json!("short")), "password: must be at least 10 characters"),
        (body("password", json!("x".repeat(129))), "password: must be at most 128 characters"),
        (body("password", json!("Password123")), "password: is too common"),
        (body("password", json!("dana@example.com")), "password: is too common"),
        (body("password", json!("a\u{0}bcdefghijk")), "password: must not contain control characters"),
        (body("fullName", json!("  ")), "fullName: must not be empty"),
        (body("fullName", json!("x".repeat(121))), "fullName: must be at most 120 characters"),
        (body("companyName", Value::Null), "companyName: is required"),
        (json!([]), "body: must be an object"),
        (json!({}), "role: is required"),
    ];
    for (body, expected) in rows {
        let answer = post(&bench, "/api/auth/sign-up", &[], &body).await;
        assert_eq!(told(&answer), (422, expected.to_owned()), "{body}");
    }
    bench.advance(Duration::seconds(61));
    let mut tester = body("role", json!("tester"));
    tester["companyName"] = json!(7);
    let answer = post(&bench, "/api/auth/sign-up", &[], &tester).await;
    assert_eq!(answer.status, 202, "a tester's companyName is ignored: {}", answer.body);
    let account = bench.context.store().account_by_email(&Email::parse("dana@example.com").unwrap()).await.unwrap();
    assert_eq!(account.unwrap().user.role, Role::Tester);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_a_used_one_ends_its_family() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let refresh = async |token: &Value| post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": token})).await;
    let bystander = bearer(&bench, "dana@example.com").await;
    let first = sign_in(&bench, "dana@example.com").await;
    let second = data(&refresh(&first["refreshToken"]).await);
    assert_ne!(first["refreshToken"], second["refreshToken"]);
    let access = |session: &Value| format!("Bearer {}", session["accessToken"].as_str().unwrap());
    assert_eq!(get(&bench, "/api/auth/me", &access(&first)).await.status, 200, "rotation ends no access token");
    let third = data(&refresh(&second["refreshToken"]).await);
    let stolen = refresh(&first["refreshToken"]).await;
    assert_eq!(told(&stolen), (401, "Invalid refresh token".to_owned()));
    assert_eq!(refresh(&third["refreshToken"]).await.status, 401, "all later members fail");
    assert_eq!(get(&bench, "/api/auth/me", &access(&third)).await.status, 401, "and the access tokens with them");
    assert_eq!(get(&bench, "/api/auth/me", &bystander).await.status, 200, "another sign-in is untouched");
    for wrong in [json!("osr_x"), json!(format!("osr_{}", "A".repeat(43))), json!("")] {
        let status = refresh(&wrong).await.status;
        assert_eq!(status, if wrong == "" { 422 } else { 401 }, "{wrong}");
    }
    bench.advance(Duration::seconds(61));
    let late = sign_in(&bench, "dana@example.com").await;
    bench.advance(Duration::days(30));
    assert_eq!(refresh(&late["refreshToken"]).await.status, 401, "thirty days are over");
}

#[tokio::test]
async fn of_many_who_refresh_at_once_at_most_one_succeeds() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let body = json!({"refreshToken": session["refreshToken"]});
    let calls = (0..20).map(|_| post(&bench, "/api/auth/refresh", &[], &body));
    let answers = futures_util::future::join_all(calls).await;
    let fine = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(fine <= 1, "{fine}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 401)));
    assert_eq!(
        get(&bench, "/api/auth/me", &format!("Bearer {}", session["accessToken"].as_str().unwrap())).await.status,
        401
    );
}

#[tokio::test]
async fn a_new_password_ends_every_sign_in() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let session = sign_in(&bench, "dana@example.com").await;
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    let token = one_time(&bench, "dana@example.com", TokenKind::ScouterReset).await;
    let reset = async |token: &str, password: &str| {
        post(&bench, "/api/auth/reset-password", &[], &json!({"token": token, "password": password})).await
    };
    assert_eq!(error(&reset(&token, "short").await), "password: must be at least 10 characters");
    assert_eq!(error(&reset(&token, "Dana@example.com").await), "password: is too common");
    assert_eq!(error(&reset("x", "another long phrase").await), "token: is invalid or expired");
    let verify = one_time(&bench, "dana@example.com", TokenKind::ScouterVerify).await;
    assert_eq!(error(&reset(&verify, "another long phrase").await), "token: is invalid or expired", "one purpose");
    assert_eq!(data(&reset(&token, "another long phrase").await), json!({"reset": true}));
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 401);
    let refreshed = post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": session["refreshToken"]})).await;
    assert_eq!(refreshed.status, 401);
    let old = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &old).await.status, 401);
    let new = json!({"email": "dana@example.com", "password": "another long phrase"});
    let signed_in = data(&post(&bench, "/api/auth/sign-in", &[], &new).await);
    let access = format!("Bearer {}", signed_in["accessToken"].as_str().unwrap());
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 200, "in the same second, too");
    assert_eq!(reset(&token, "a third long phrase").await.status, 422, "it works once");
    let late = one_time(&bench, "dana@example.com", TokenKind::ScouterReset).await;
    bench.advance(Duration::hours(1));
    assert_eq!(reset(&late, "a third long phrase").await.status, 422);
}

#[tokio::test]
async fn a_magic_link_signs_in_once() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Tester, "tess@example.com").await;
    let token = one_time(&bench, "tess@example.com", TokenKind::Magic).await;
    let verify = async |token: &str| post(&bench, "/api/auth/magic-link/verify", &[], &json!({"token": token})).await;
    let session = data(&verify(&token).await);
    assert_eq!((&session["user"]["status"], &session["user"]["organization"]), (&json!("pending"), &Value::Null));
    assert_eq!(verify(&token).await.status, 422);
    let late = one_time(&bench, "tess@example.com", TokenKind::Magic).await;
    bench.advance(Duration::minutes(15));
    assert_eq!(told(&verify(&late).await), (422, "token: is invalid or expired".to_owned()));
    let access = format!("Bearer {}", session["accessToken"].as_str().unwrap());
    assert_eq!(data(&get(&bench, "/api/auth/me", &access).await)["role"], "tester");
}

#[tokio::test]
async fn ten_failures_for_an_address_are_enough() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let wrong = json!({"email": "dana@example.com", "password": "wrong"});
    let calls = (0..25).map(|_| post(&bench, "/api/auth/sign-in", &[], &wrong));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10, "exactly ten are tried");
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.iter().all(|answer| error(answer) == "Too many attempts"));
    assert!(refused.iter().all(|answer| answer.header("retry-after").parse::<u32>().unwrap() <= 900));
    let right = json!({"email": "Dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/sign-in", &[], &right).await.status, 429, "the right one is not tried either");
    bench.advance(Duration::minutes(16));
    for _ in 0..12 {
        assert_eq!(post(&bench, "/api/auth/sign-in", &[], &right).await.status, 200, "successes do not count");
    }
}

#[tokio::test]
async fn one_account_serves_both_dialects() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let routes = local::template::Templates::embedded().unwrap().outsend.routes;
    let found = local::routing::find(&routes, "POST", "/api/auth/login").unwrap();
    let login = local::functions::ALL.into_iter().find(|known| known.name() == found.function).unwrap();
    let body = json!({"email": "dana@example.com", "password": PASSWORD}).to_string();
    let headers = [("content-type", "application/json")];
    let answer = bench.send(login, "POST", "/api/auth/login", &headers, body.as_bytes()).await.unwrap();
    assert_eq!((answer.status, &answer.json()["user"]["email_verified"]), (200, &json!(true)));
    let preflight = send(&bench, "OPTIONS", "/api/auth/sign-in", &[], "").await;
    assert_eq!(preflight.body, r#"{"success":true,"data":null,"error":null,"metadata":null}"#);
}
