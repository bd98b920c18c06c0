//! The Outsend dialect over the embedded engine: accounts, sessions and API keys (outsend 2-6).

use std::sync::Arc;

use harness::{Answer, Bench, http};
use local::{
    server::{Options, Server},
    template::Templates,
};
use serde_json::{Value, json};
use shared::{lambda::Function, model::Email};
use time::Duration;

pub(crate) const PASSWORD: &str = "correct horse 1";

/// The function that the gateway routes a request to.
fn routed(method: &str, path: &str) -> &'static dyn Function {
    let routes = Templates::embedded().unwrap().outsend.routes;
    let path = path.split('?').next().unwrap();
    let found = local::routing::find(&routes, method, path).unwrap();
    local::functions::ALL.into_iter().find(|known| known.name() == found.function).unwrap()
}

async fn send(bench: &Bench, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let answer = bench.send(routed(method, path), method, path, headers, body.as_bytes()).await.unwrap();
    assert!(answer.header("x-request-id").len() >= 8);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_ne!(answer.status, 500, "{}", answer.body);
    answer
}

async fn post(bench: &Bench, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    send(bench, "POST", path, headers, &body.to_string()).await
}

/// `name=value` of the cookie that an answer sets.
pub(crate) fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

pub(crate) fn sign_up_body(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "accept_responsibility": true})
}

async fn signed_up(bench: &Bench, email: &str) -> String {
    let answer = post(bench, "/api/auth/signup", &[], &sign_up_body(email)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    cookie(&answer)
}

async fn me(bench: &Bench, headers: &[(&str, &str)]) -> Answer {
    send(bench, "GET", "/api/auth/me", headers, "").await
}

async fn new_key(bench: &Bench, session: &str, body: &Value) -> Answer {
    post(bench, "/api/api-keys", &[("cookie", session)], body).await
}

pub(crate) fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap_or_default().to_owned()
}

/// Stores the account with this address changed.
async fn change(bench: &Bench, email: &str, change: impl FnOnce(&mut shared::model::User)) {
    let store = bench.context.store();
    let mut user = store.account_by_email(&Email::parse(email).unwrap()).await.unwrap().unwrap().user;
    change(&mut user);
    assert!(store.change_user(&user, shared::store::ChangeWith::default()).await.unwrap());
}

#[tokio::test]
async fn from_sign_up_to_log_out() {
    let bench = Bench::start().await.unwrap();
    let answer = post(&bench, "/api/auth/signup", &[], &sign_up_body("  Dana.Roe@Example.com ")).await;
    assert_eq!(answer.status, 200);
    let mut body = answer.json();
    let created = body["user"]["created_at"].take();
    let workspace = body["user"]["workspace"]["id"].take();
    assert_eq!(created.as_str().unwrap().len(), "2026-05-27T09:12:03Z".len());
    assert!(workspace.as_str().unwrap().starts_with("ws_") && workspace.as_str().unwrap().len() == 29);
    let expected = json!({"ok": true, "user": {
        "id": 1, "email": "dana.roe@example.com", "name": "dana.roe", "email_verified": false, "is_active": true,
        "plan": "free", "locale": "en", "created_at": null, "workspace": {"id": null, "name": "dana.roe"},
    }});
    assert_eq!(body.to_string(), expected.to_string(), "members in the contract's order");
    let set = answer.header("set-cookie");
    let (value, attributes) = set.split_once(';').unwrap();
    assert_eq!(value.len(), "outsend_session=".len() + 43);
    assert_eq!(attributes, " Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(answer.header("ratelimit-policy"), "\"signup\";q=3;w=3600");
    assert!(answer.header("ratelimit").starts_with("\"signup\";r=2;t="));

    let first = cookie(&answer);
    let own = me(&bench, &[("cookie", &first)]).await;
    assert_eq!((own.status, own.header("ratelimit-policy")), (200, "\"free\";q=120;w=60"));
    assert_eq!(own.json()["user"]["workspace"]["id"], workspace);
    assert_eq!(own.json()["quota"]["ef_limit"], 10.0);
    assert_eq!(own.header("set-cookie"), "", "a fresh session is not moved");

    let login = json!({"email": "DANA.roe@example.com", "password": PASSWORD});
    let again = post(&bench, "/api/auth/login", &[], &login).await;
    assert_eq!((again.status, again.json()["user"]["id"].as_u64()), (200, Some(1)));
    let second = cookie(&again);
    assert_ne!(first, second);
    for _ in 0..2 {
        let out = send(&bench, "POST", "/api/auth/logout", &[("cookie", &first)], "").await;
        assert_eq!((out.status, out.body.as_str()), (200, r#"{"ok":true}"#));
        assert!(out.header("set-cookie").starts_with("outsend_session=; Max-Age=0;"));
        assert_eq!(me(&bench, &[("cookie", &first)]).await.status, 401, "refused from the next request on");
    }
    assert_eq!(me(&bench, &[("cookie", &second)]).await.status, 200, "the other session stays");
    let next = signed_up(&bench, "next@example.com").await;
    assert!(me(&bench, &[("cookie", &next)]).await.json()["user"]["id"].as_u64().unwrap() > 1);
}

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
        {"field": "name", "message": "Doit être de type string."},
    ]});
    assert_eq!((answer.status, answer.body.as_str()), (422, expected.to_string().as_str()));
    assert_eq!(answer.header("content-language"), "fr");
}

#[tokio::test]
async fn what_is_no_request_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    let login = "/api/auth/login";
    let large = format!("{{\"email\":\"{}\"}}", "x".repeat(65_536));
    let json = [("content-type", "application/json; charset=utf-8")];
    for (headers, body, status, text) in [
        (&[("content-type", "text/plain")], "{}", 400, "Content-Type must be application/json."),
        (&json, "", 400, "Request body is not valid JSON."),
        (&json, "{", 400, "Request body is not valid JSON."),
        (&json, "[]", 400, "Request body is not valid JSON."),
        (&json, large.as_str(), 413, "Request body is too large."),
    ] {
        let answer = send(&bench, "POST", login, headers.as_slice(), body).await;
        assert_eq!((answer.status, detail(&answer).as_str()), (status, text), "{body:.20}");
    }
    for (method, path, status) in [
        ("GET", "/api/auth/login", 405),
        ("HEAD", "/api/auth/me", 405),
        ("OPTIONS", "/api/auth/me", 405),
        ("GET", "/api/auth/me/", 404),
        ("POST", "/api", 404),
        ("GET", "/", 404),
        ("GET", "/api/auth/password", 404),
        ("GET", "/api/api-keys/x/y", 404),
    ] {
        assert_eq!(send(&bench, method, path, &[], "").await.status, status, "{method} {path}");
    }
    let answer = send(&bench, "PATCH", "/api/api-keys", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, POST"));
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

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_parallel_log_ins_five_are_tried() {
    let server = Server::start(Options::default(), harness::log().clone()).await.unwrap();
    let advance = async |seconds: i64| {
        let body = json!({"advance_seconds": seconds}).to_string();
        let headers = [("Content-Type", "application/json")];
        let told = http::send(&server.control, "POST", "/_local/clock", &headers, body.as_bytes()).await.unwrap();
        assert_eq!(told.status, 200);
    };
    let log_in = async |email: &str| {
        let body = json!({"email": email, "password": "wrong 1"}).to_string();
        let headers = [("Content-Type", "application/json")];
        http::send(&server.outsend, "POST", "/api/auth/login", &headers, body.as_bytes()).await.unwrap()
    };
    // all in one window
    advance(900 - server.context.clock().now().unix_timestamp().rem_euclid(900)).await;
    let answers = futures_util::future::join_all((0..1_000).map(|_| log_in("dana@example.com"))).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert_eq!((tried, refused.len()), (5, 995));
    for answer in refused {
        let wait: u32 = answer.header("retry-after").parse().unwrap();
        assert!((1..=900).contains(&wait));
        assert_eq!(detail(answer), format!("Too many requests. Try again in {wait} s."));
    }
    assert_eq!(log_in("other@example.com").await.status, 401, "each address has its own window");
    advance(900).await;
    assert_eq!(log_in(" Dana@example.com").await.status, 401, "the next window");
    server.shutdown().await;
}

#[tokio::test]
async fn a_deactivated_account_reads_and_changes_nothing() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    assert_eq!(me(&bench, &caller).await.status, 200);
    change(&bench, "dana@example.com", |user| user.active = false).await;
    let own = me(&bench, &caller).await;
    assert_eq!((own.status, own.json()["user"]["is_active"].as_bool()), (200, Some(false)));
    assert_eq!(send(&bench, "GET", "/api/api-keys", &caller, "").await.status, 200);
    let refused = new_key(&bench, &session, &json!({"name": "CI"})).await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "Account is deactivated."));
    let login = json!({"email": "dana@example.com", "password": PASSWORD});
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 403);
    let login = json!({"email": "dana@example.com", "password": "wrong 1"});
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 401, "only after the right password");
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let bench = Bench::start().await.unwrap();
    let first = signed_up(&bench, "dana@example.com").await;
    let login = json!({"email": "dana@example.com", "password": PASSWORD});
    let second = cookie(&post(&bench, "/api/auth/login", &[], &login).await);
    assert_eq!(me(&bench, &[("cookie", &second)]).await.status, 200);
    let key = new_key(&bench, &first, &json!({"name": "CI"})).await.json()["key"].as_str().unwrap().to_owned();
    let path = "/api/auth/password/change";
    let caller = [("cookie", first.as_str())];
    let wrong = post(&bench, path, &caller, &json!({"current_password": "no 1", "new_password": "another 22"})).await;
    assert_eq!((wrong.status, detail(&wrong).as_str()), (400, "Current password is incorrect."));
    let same = post(&bench, path, &caller, &json!({"current_password": PASSWORD, "new_password": PASSWORD})).await;
    assert_eq!((same.status, same.json()["errors"][0]["field"].as_str()), (422, Some("new_password")));
    let by_key = post(&bench, path, &[("x-api-key", key.as_str())], &json!({})).await;
    assert_eq!((by_key.status, detail(&by_key).as_str()), (403, "This endpoint requires a browser session."));
    let body = json!({"current_password": PASSWORD, "new_password": "another 22"});
    let changed = post(&bench, path, &caller, &body).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.header("ratelimit-policy"), "\"pwchange\";q=5;w=3600");
    for dead in [&first, &second] {
        assert_eq!(me(&bench, &[("cookie", dead)]).await.status, 401);
    }
    assert_eq!(me(&bench, &[("cookie", &cookie(&changed))]).await.status, 200);
    assert_eq!(me(&bench, &[("x-api-key", &key)]).await.status, 200, "keys stay");
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 401);
    let login = json!({"email": "dana@example.com", "password": "another 22"});
    assert_eq!(post(&bench, "/api/auth/login", &[], &login).await.status, 200);
}

#[tokio::test]
async fn a_session_slides_and_ends() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    bench.advance(Duration::hours(23));
    assert_eq!(me(&bench, &caller).await.header("set-cookie"), "");
    bench.advance(Duration::hours(2));
    let slid = me(&bench, &caller).await;
    assert_eq!(cookie(&slid), session, "the same value again");
    assert!(slid.header("set-cookie").contains("Max-Age=604800"));
    bench.advance(Duration::days(7) - Duration::MINUTE);
    assert_eq!(me(&bench, &caller).await.status, 200);
    bench.advance(Duration::days(7));
    let over = me(&bench, &caller).await;
    assert_eq!((over.status, over.header("ratelimit-policy")), (401, "\"anon\";q=30;w=60"));
}

#[tokio::test]
async fn another_site_s_page_cannot_act() {
    let bench = Bench::with(&[("OUTSCOUT_OUTSEND_CORS_ORIGINS", "https://app.test")]).await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let key = new_key(&bench, &session, &json!({"name": "CI"})).await.json()["key"].as_str().unwrap().to_owned();
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("origin", "null", 403),
        ("origin", "https://evil.test", 403),
        ("origin", "http://api.test", 403),
        ("origin", "https://api.test", 200),
        ("origin", "https://app.test", 200),
        ("sec-fetch-site", "same-origin", 200),
    ] {
        let headers = [("cookie", session.as_str()), (name, value)];
        let answer = new_key_with(&bench, &headers).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        assert_eq!(me(&bench, &headers).await.status, 200, "reading is not acting");
        let login = post(&bench, "/api/auth/login", &headers, &json!({"email": "a@b.cd", "password": "wrong 1"})).await;
        assert_eq!(login.status, if status == 403 { 403 } else { 401 }, "{name}: {value}");
        let by_key = send(&bench, "PATCH", "/api/api-keys", &[("x-api-key", &key), (name, value)], "").await;
        assert_eq!(by_key.status, 405, "keys are not sent by a browser on its own");
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, if value == "https://app.test" { value } else { "" });
    }
    let preflight = send(&bench, "OPTIONS", "/api/api-keys", &[("origin", "https://app.test")], "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-credentials")), (200, "true"));
    assert_eq!(send(&bench, "OPTIONS", "/api/api-keys", &[("origin", "https://evil.test")], "").await.status, 405);
}

async fn new_key_with(bench: &Bench, headers: &[(&str, &str)]) -> Answer {
    post(bench, "/api/api-keys", headers, &json!({"name": "k"})).await
}

#[tokio::test]
async fn a_key_s_life() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let made = new_key(&bench, &session, &json!({"name": " CI ", "scopes": ["read"], "expires_in_days": 1})).await;
    let mut object = made.json();
    let plain = object["key"].as_str().unwrap().to_owned();
    assert_eq!((made.status, plain.len()), (200, 47));
    assert_eq!((object["name"].as_str(), object["prefix"].as_str()), (Some("CI"), Some(&plain[..12])));
    assert_eq!((&object["scopes"], &object["last_used_at"]), (&json!(["read"]), &Value::Null));
    let id = object["id"].as_str().unwrap().to_owned();
    let by_key = [("x-api-key", plain.as_str())];
    assert_eq!(me(&bench, &by_key).await.status, 200);
    let both = [("x-api-key", "osk_bad"), ("cookie", session.as_str())];
    assert_eq!(me(&bench, &both).await.status, 401, "the header alone decides");
    let twice = me(&bench, &[("x-api-key", &format!("{plain},{plain}"))]).await;
    assert_eq!(twice.status, 401);
    let refused = new_key_with(&bench, &by_key).await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "API key lacks the write scope."));
    let refused = send(&bench, "GET", "/api/api-keys", &by_key, "").await;
    assert_eq!((refused.status, detail(&refused).as_str()), (403, "This endpoint requires a browser session."));
    new_key(&bench, &session, &json!({"name": "other"})).await;
    let listed = send(&bench, "GET", "/api/api-keys", &caller, "").await;
    let keys = listed.json()["api_keys"].as_array().unwrap().clone();
    assert_eq!(keys.iter().map(|key| key["name"].as_str().unwrap()).collect::<Vec<_>>(), ["other", "CI"]);
    assert!(keys[1]["last_used_at"].is_string());
    object.as_object_mut().unwrap().remove("key");
    object["last_used_at"] = keys[1]["last_used_at"].clone();
    assert_eq!(keys[1], object);
    assert!(!listed.body.contains(&plain));

    let path = format!("/api/api-keys/{}", id.to_lowercase());
    let stranger = signed_up(&bench, "eve@example.com").await;
    let foreign = send(&bench, "DELETE", &path, &[("cookie", &stranger)], "").await;
    assert_eq!((foreign.status, detail(&foreign).as_str()), (404, "API key not found."));
    assert_eq!(send(&bench, "DELETE", "/api/api-keys/nope", &caller, "").await.status, 404);
    assert_eq!(send(&bench, "DELETE", &path, &caller, "").await.body, r#"{"ok":true}"#);
    assert_eq!(me(&bench, &by_key).await.status, 401, "refused from the next request on");
    assert_eq!(send(&bench, "DELETE", &path, &caller, "").await.status, 404);
}

#[tokio::test]
async fn an_export_holds_what_is_kept_and_no_secret() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let key = new_key(&bench, &session, &json!({"name": "CI"})).await.json();
    bench.advance(Duration::days(2));
    let login = json!({"email": "dana@example.com", "password": PASSWORD});
    let ended = cookie(&post(&bench, "/api/auth/login", &[], &login).await);
    send(&bench, "POST", "/api/auth/logout", &[("cookie", &ended)], "").await;
    assert_eq!(cookie(&me(&bench, &caller).await), session, "moved");
    change(&bench, "dana@example.com", |user| user.active = false).await;
    let answer = send(&bench, "GET", "/api/auth/export", &caller, "").await;
    assert_eq!(answer.status, 200, "a deactivated account has a right to it");
    let body = answer.json();
    let exported = body["exported_at"].as_str().unwrap();
    let name = format!("attachment; filename=\"outsend-export-1-{}.json\"", exported[..10].replace('-', ""));
    assert_eq!(answer.header("content-disposition"), name);
    let at = |path: &str| {
        let text = body.pointer(path).and_then(Value::as_str).unwrap();
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    assert!(at("/exported_at") > at("/sessions/0/created_at"));
    assert_eq!(body["sessions"].as_array().unwrap().len(), 1);
    let length = at("/sessions/0/expires_at") - at("/sessions/0/created_at");
    assert!((Duration::days(9)..Duration::days(9) + Duration::MINUTE).contains(&length), "{length}");
    assert_eq!((&body["api_keys"][0]["id"], body["api_keys"].as_array().unwrap().len()), (&key["id"], 1));
    for secret in [session.split_once('=').unwrap().1, key["key"].as_str().unwrap(), "$argon2"] {
        assert!(!answer.body.contains(secret));
    }
}

#[tokio::test]
async fn a_key_expires_and_is_listed_for_a_month() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let made = new_key(&bench, &session, &json!({"name": "short", "expires_in_days": 1})).await;
    let plain = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(me(&bench, &[("x-api-key", &plain)]).await.status, 200);
    bench.advance(Duration::days(1));
    assert_eq!(me(&bench, &[("x-api-key", &plain)]).await.status, 401);
    let listed = async || {
        let login = json!({"email": "dana@example.com", "password": PASSWORD});
        let session = cookie(&post(&bench, "/api/auth/login", &[], &login).await);
        send(&bench, "GET", "/api/api-keys", &[("cookie", &session)], "").await.json()["api_keys"].clone()
    };
    bench.advance(Duration::days(29));
    assert_eq!(listed().await.as_array().unwrap().len(), 1);
    bench.advance(Duration::days(1));
    assert_eq!(listed().await, json!([]));
}

#[tokio::test]
async fn wrong_keys_are_not_made() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    for (body, field, message) in [
        (json!({}), "name", "Field is required."),
        (json!({"name": "  "}), "name", "Must have 1 to 80 characters."),
        (json!({"name": "x".repeat(81)}), "name", "Must have 1 to 80 characters."),
        (json!({"name": "k", "scopes": "read"}), "scopes", "Must be a list."),
        (json!({"name": "k", "scopes": []}), "scopes", "Must have 1 to 2 entries."),
        (json!({"name": "k", "scopes": ["admin"]}), "scopes.0", "Must be one of: read, write."),
        (json!({"name": "k", "scopes": ["read", "read"]}), "scopes.1", "Invalid format."),
        (json!({"name": "k", "expires_in_days": 0}), "expires_in_days", "Must be between 1 and 365."),
        (json!({"name": "k", "expires_in_days": 1.5}), "expires_in_days", "Must be a integer."),
    ] {
        let answer = new_key(&bench, &session, &body).await;
        let errors = json!([{"field": field, "message": message}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{body}");
    }
}

#[tokio::test]
async fn twenty_keys_and_no_more_however_many_ask() {
    let bench = Arc::new(Bench::start().await.unwrap());
    let session = signed_up(&bench, "dana@example.com").await;
    for _ in 0..15 {
        assert_eq!(new_key(&bench, &session, &json!({"name": "k"})).await.status, 200);
    }
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let (bench, session) = (Arc::clone(&bench), session.clone());
        tasks.push(tokio::spawn(async move { new_key(&bench, &session, &json!({"name": "k"})).await }));
    }
    let mut made = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        if answer.status == 200 {
            made += 1;
        } else {
            assert_eq!((answer.status, detail(&answer).as_str()), (400, "Limit reached: 20 API keys."));
        }
    }
    assert_eq!(made, 5);
}

#[tokio::test]
async fn tiers_are_counted_by_user_and_by_key_and_refusals_are_not() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let key = new_key(&bench, &session, &json!({"name": "k", "scopes": ["read"]})).await;
    let key = key.json()["key"].as_str().unwrap().to_owned();
    let by_key = [("x-api-key", key.as_str())];
    let now = bench.context.clock().now();
    bench.advance(Duration::seconds(60 - now.unix_timestamp().rem_euclid(60)));
    for _ in 0..3 {
        assert_eq!(new_key_with(&bench, &by_key).await.status, 403);
    }
    for left in (0..120).rev() {
        let answer = me(&bench, &by_key).await;
        assert_eq!((answer.status, answer.header("ratelimit").split(';').nth(1)), (200, Some(&*format!("r={left}"))));
    }
    let over = me(&bench, &by_key).await;
    assert_eq!(over.status, 429);
    assert_eq!(over.header("retry-after"), over.header("ratelimit").rsplit('=').next().unwrap());
    assert_eq!(me(&bench, &caller).await.status, 200, "the user's own window");
    bench.advance(Duration::seconds(60));
    assert_eq!(me(&bench, &by_key).await.status, 200);
}

#[tokio::test]
async fn a_warm_request_makes_one_sequential_round_trip() {
    harness::log();
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    assert_eq!(me(&bench, &caller).await.status, 200);
    let answer = me(&bench, &[("cookie", &session), ("x-request-id", "warm-outsend-me")]).await;
    assert_eq!(answer.status, 200);
    let line = harness::log().of("warm-outsend-me").pop().unwrap();
    // the account, the window, and what the month has charged: side by side
    assert_eq!((line["store.calls"].as_u64(), line["store.sequential"].as_u64()), (Some(3), Some(1)), "{line}");
}

#[tokio::test]
async fn each_policy_lets_its_number_pass_and_no_more() {
    let bench = Bench::start().await.unwrap();
    let session = signed_up(&bench, "dana@example.com").await;
    let caller = [("cookie", session.as_str())];
    let none: [(&str, &str); 0] = [];
    for (method, path, headers, limit, seconds, passed) in [
        ("POST", "/api/auth/signup", none.as_slice(), 3, 3_600, 422),
        ("POST", "/api/auth/password/reset-request", &none, 3, 3_600, 422),
        ("POST", "/api/auth/resend-verification", &caller, 3, 3_600, 200),
        ("POST", "/api/auth/password/change", &caller, 5, 3_600, 422),
        ("POST", "/api/auth/verify-email", &none, 10, 900, 422),
        ("POST", "/api/auth/password/reset", &none, 10, 900, 422),
        ("GET", "/api/auth/me", &none, 30, 60, 401),
    ] {
        // a window of their own, and time enough in it
        let now = bench.context.clock().now().unix_timestamp();
        bench.advance(Duration::seconds(seconds - now.rem_euclid(seconds)));
        for number in 0..limit + 2 {
            let answer = send(&bench, method, path, headers, "{}").await;
            let expected = if number < limit { passed } else { 429 };
            assert_eq!(answer.status, expected, "{path}, attempt {}: {}", number + 1, answer.body);
        }
        bench.advance(Duration::seconds(seconds));
        assert_eq!(send(&bench, method, path, headers, "{}").await.status, passed, "{path}, the next window");
    }
}
