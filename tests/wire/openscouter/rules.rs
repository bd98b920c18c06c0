//! What holds for every endpoint: routes, CORS, limits, bodies, idempotency (openscouter 2).

use harness::{Bench, log};
use serde_json::json;
use shared::model::Role;
use time::Duration;

use super::{bearer, data, error, get, person, post, send, told};

#[tokio::test]
async fn routes_and_methods() {
    let bench = Bench::start().await.unwrap();
    for path in ["/api", "/api/", "/api/auth/me/", "/api/Auth/me", "/api/tokens/x/y", "/api/v1", "/x"] {
        assert_eq!(told(&send(&bench, "GET", path, &[], "").await), (404, "Route not found".to_owned()), "{path}");
    }
    for (method, path, allow) in [
        ("GET", "/api/auth/sign-in", "POST, OPTIONS"),
        ("HEAD", "/api/auth/me", "GET, OPTIONS"),
        ("DELETE", "/api/tokens", "GET, POST, OPTIONS"),
        ("PUT", "/api/tokens/x", "DELETE, OPTIONS"),
        ("PATCH", "/api/oauth/authorize", "GET, POST, OPTIONS"),
    ] {
        let answer = send(&bench, method, path, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
    }
}

#[tokio::test]
async fn bodies() {
    let bench = Bench::start().await.unwrap();
    let sign_in = async |media: &str, body: &str| {
        let answer = send(&bench, "POST", "/api/auth/sign-in", &[("content-type", media)], body).await;
        told(&answer)
    };
    assert_eq!(sign_in("text/plain", "{}").await, (400, "Unsupported content type".to_owned()));
    assert_eq!(sign_in("text/plain", "").await, (422, "email: is required".to_owned()));
    assert_eq!(sign_in("Application/JSON; charset=x", "{\"title\":").await, (400, "Malformed JSON body".to_owned()));
    assert_eq!(sign_in("application/json", "\u{feff}{}").await.0, 400);
    assert_eq!(sign_in("application/json", "null").await, (422, "body: must be an object".to_owned()));
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(1_048_576));
    assert_eq!(sign_in("text/plain", &large).await, (422, "body: must be at most 1048576 bytes".to_owned()));
    let twice = "{\"email\":1,\"email\":\"a@b.test\",\"other\":true}";
    assert_eq!(sign_in("application/json", twice).await, (422, "password: is required".to_owned()), "the last counts");
}

#[tokio::test]
async fn cors() {
    let bench = Bench::start().await.unwrap();
    let allowed = "https://app.openscouter.com";
    for (method, path) in
        [("OPTIONS", "/api/jobs"), ("GET", "/api/auth/me"), ("GET", "/api/none"), ("PUT", "/api/tokens")]
    {
        let answer = send(&bench, method, path, &[("origin", allowed)], "").await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{method} {path}");
        assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), ("Origin", "true"));
        let exposed = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy";
        assert_eq!(answer.header("access-control-expose-headers"), exposed);
        let preflight = method == "OPTIONS";
        assert_eq!(answer.header("access-control-max-age"), if preflight { "86400" } else { "" });
        assert_eq!(answer.status == 200, preflight);
    }
    for foreign in ["null", "https://evil.example", "https://evilopenscouter.com"] {
        for method in ["OPTIONS", "GET"] {
            let answer = send(&bench, method, "/api/auth/me", &[("origin", foreign)], "").await;
            assert_eq!((answer.header("vary"), answer.header("access-control-allow-origin")), ("Origin", ""));
            assert_eq!(answer.header("access-control-allow-methods"), "");
            assert_eq!(answer.status, if method == "OPTIONS" { 200 } else { 401 });
        }
    }
    let none = send(&bench, "OPTIONS", "/api/auth/me", &[], "").await;
    assert_eq!((none.status, none.header("vary")), (200, ""));
    let local = [("origin", "http://localhost:5173")];
    assert_ne!(send(&bench, "OPTIONS", "/api/x", &local, "").await.header("access-control-allow-origin"), "");
    let production = Bench::with(&[("OUTSCOUT_STAGE", "production")]).await.unwrap();
    let answer = send(&production, "OPTIONS", "/api/x", &local, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn request_ids() {
    let bench = Bench::start().await.unwrap();
    for (given, kept) in [("abcd.EF_-1", true), ("short", false), ("not an id", false)] {
        let answer = send(&bench, "GET", "/api/x", &[("x-request-id", given)], "").await;
        assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
    }
}

#[tokio::test]
async fn a_window_starts_at_the_first_request_and_refusals_do_not_count() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let access = bearer(&bench, "dana@example.com").await;
    let calls = (0..150).map(|_| get(&bench, "/api/auth/me", &access));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 120);
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(error(refused), "Rate limit exceeded");
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait));
    assert!(refused.header("ratelimit").starts_with("\"free\";r=0;t="));
    bench.advance(Duration::seconds(wait));
    let next = get(&bench, "/api/auth/me", &access).await;
    assert_eq!(next.status, 200);
    assert_eq!(next.header("ratelimit"), "\"free\";r=119;t=60", "the next window begins with it");

    // anonymous requests and failed credentials share the address's window
    bench.advance(Duration::seconds(61));
    for turn in 0..30 {
        let answer = if turn % 2 == 0 {
            get(&bench, "/api/auth/me", "Bearer x").await
        } else {
            post(&bench, "/api/auth/refresh", &[], &json!({"refreshToken": "x"})).await
        };
        assert_eq!(answer.status, 401, "{turn}");
    }
    let exhausted = get(&bench, "/api/auth/me", "Bearer x").await;
    assert_eq!(told(&exhausted), (429, "Rate limit exceeded".to_owned()), "not 401");
    assert_eq!(exhausted.header("ratelimit-policy"), "\"unauthenticated\";q=30;w=60");
    assert_eq!(get(&bench, "/api/auth/me", &access).await.status, 200, "who is known has a window of their own");
    assert_eq!(send(&bench, "OPTIONS", "/api/auth/me", &[], "").await.status, 200, "preflights are not limited");
}

#[tokio::test]
async fn a_plan_holds_from_the_next_request() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Admin, "ann@example.com").await;
    let (access, admin) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "ann@example.com").await);
    assert_eq!(get(&bench, "/api/auth/me", &admin).await.header("ratelimit-policy"), "\"pro\";q=600;w=60");
    let path = format!("/api/admin/organizations/{}", user.organization.wire());
    for (plan, policy) in [("pro", "\"pro\";q=600;w=60"), ("free", "\"free\";q=120;w=60")] {
        let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
        let changed = send(&bench, "PATCH", &path, &headers, &json!({"plan": plan}).to_string()).await;
        assert_eq!(data(&changed)["plan"], plan);
        assert_eq!(get(&bench, "/api/auth/me", &access).await.header("ratelimit-policy"), policy);
    }
}

#[tokio::test]
async fn a_limit_that_was_guessed_wrong_is_still_exact() {
    let bench = Bench::start().await.unwrap();
    let (limits, now) = (bench.context.limits(), bench.context.clock().now());
    for (bucket, guess, limit) in [("raised", 20, 60), ("lowered", 60, 20), ("right", 40, 40)] {
        let calls = (0..100).map(|_| async {
            let taken = limits.take(bucket, guess, now).await.unwrap();
            limits.judge(bucket, taken, (guess, limit), now).await.unwrap().passed
        });
        let passed = futures_util::future::join_all(calls).await.into_iter().filter(|passed| *passed).count();
        assert_eq!(passed, usize::try_from(limit).unwrap(), "{bucket}");
    }
}

#[tokio::test]
async fn what_is_repeated_under_a_key_is_done_once() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Business, "otto@example.com").await;
    let (dana, otto) = (bearer(&bench, "dana@example.com").await, bearer(&bench, "otto@example.com").await);
    let create = async |caller: &str, key: &str, name: &str| {
        let headers = [("authorization", caller), ("idempotency-key", key)];
        post(&bench, "/api/tokens", &headers, &json!({"name": name, "scopes": ["read"]})).await
    };
    let first = create(&dana, "7f0c", "CI").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let again = create(&dana, "7f0c", "CI").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    let (mut first, again) = (data(&first), data(&again));
    assert!(first["token"].take().as_str().unwrap().starts_with("osc_"));
    assert_eq!(first, again, "the secret is shown once");
    let other = create(&dana, "7f0c", "CD").await;
    assert_eq!(told(&other), (422, "Idempotency-Key: was used with a different payload".to_owned()));
    assert_eq!(create(&otto, "7f0c", "CI").await.header("idempotency-replayed"), "", "keys are the caller's own");
    for wrong in ["", "a b", &"x".repeat(256)] {
        let text = "Idempotency-Key: must be 1 to 255 visible ASCII characters";
        assert_eq!(told(&create(&dana, wrong, "CI").await), (422, text.to_owned()));
    }
    assert_eq!(create(&dana, "wrong", "").await.status, 422);
    assert_eq!(create(&dana, "wrong", "now right").await.status, 201, "only what succeeded is recorded");
    let calls = (0..10).map(|_| create(&dana, "parallel", "one"));
    let answers = futures_util::future::join_all(calls).await;
    let progress = "Idempotency-Key: a request with this key is in progress";
    assert!(answers.iter().all(|answer| answer.status == 201 || error(answer) == progress));
    let list = get(&bench, "/api/tokens", &dana).await.json();
    assert_eq!(list["metadata"]["total"], 3);
}

#[tokio::test]
async fn a_warm_request_is_one_round_trip() {
    log();
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let access = bearer(&bench, "dana@example.com").await;
    let connection = super::oauth::connected(&bench, &user).await;
    let created =
        post(&bench, "/api/tokens", &[("authorization", &access)], &json!({"name": "CI", "scopes": ["read"]})).await;
    let token = format!("Token {}", data(&created)["token"].as_str().unwrap());
    for (kind, credential, cold) in [("JWT", &access, 1), ("token", &token, 3), ("connection", &connection, 3)] {
        for turn in 0..4 {
            let id = uuid::Uuid::new_v4().to_string();
            let headers = [("authorization", credential.as_str()), ("x-request-id", id.as_str())];
            assert_eq!(send(&bench, "GET", "/api/auth/me", &headers, "").await.status, 200);
            let line = log().of(&id).pop().unwrap();
            let most = if turn == 0 { cold } else { 1 };
            assert!(line["store.sequential"].as_u64().unwrap() <= most, "{kind} {turn}: {line}");
        }
    }
}
