//! Words of strangers in names and mails.

use harness::{
    Bench,
    mails::World,
    openscouter::{self, bearer, person},
    outsend,
};
use serde_json::{Value, json};
use shared::model::Role;

/// What no name holds.
const BAD: [&str; 14] = [
    "You won! Claim at https://evil.example/claim",
    "HTTP://EVIL.EXAMPLE",
    "go to www.evil.example now",
    "(www.evil.example)",
    "evil.example/claim",
    "evil.example:8080/claim?x",
    "mailto:a@evil.example",
    "Dana\nBcc: all@example.com",
    "Dana\tRoe",
    "Dana\u{2028}Roe",
    "Dana \u{202e}eoR",
    "Da\u{200b}na",
    "Da\u{ad}na",
    "\u{ff48}ttps\u{ff1a}//evil.example",
];
/// What names hold.
const GOOD: [&str; 7] = [
    "Zoë O'Neil-Łuk",
    "J.R.R. Roe",
    "Roe & Sons Ltd. / Paris",
    "Node.js GmbH",
    "株式会社ロー",
    "Roe: a company",
    "❤\u{fe0f} Roe",
];

#[tokio::test]
async fn names_hold_no_lines_marks_or_addresses() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let owner = bearer(&bench, "dana@example.com").await;
    let cookie = outsend::log_in(&bench, "dana@example.com", openscouter::PASSWORD).await;
    let mut number = 0;
    for (name, good) in BAD.iter().map(|name| (name, false)).chain(GOOD.iter().map(|name| (name, true))) {
        number += 1;
        let email = format!("user-{number}@example.com");
        let sign_up = |role: &str, field: &str| {
            let mut body = openscouter::sign_up_body(&email);
            body["role"] = json!(role);
            body[field] = json!(name);
            body
        };
        let told = |body: &Value| body["error"].as_str().unwrap_or_default().to_owned();
        for (role, field) in [("tester", "fullName"), ("business", "fullName"), ("business", "companyName")] {
            let answer = openscouter::ask(&bench, "", "POST", "/api/auth/sign-up", &sign_up(role, field)).await;
            assert_eq!(answer.status, if good { 202 } else { 422 }, "{role} {field} {name:?}: {}", answer.body);
            assert!(good || told(&answer.json()).starts_with(field), "{}", answer.body);
        }
        let body = json!({"name": name, "scopes": ["read"]});
        let answer = openscouter::ask(&bench, &owner, "POST", "/api/tokens", &body).await;
        assert_eq!(answer.status, if good { 201 } else { 422 }, "token {name:?}: {}", answer.body);
        let body = json!({"redirect_uris": ["http://127.0.0.1:1/"], "client_name": name});
        let answer = openscouter::ask(&bench, "", "POST", "/api/oauth/register", &body).await;
        assert_eq!(answer.status, if good { 201 } else { 400 }, "client {name:?}: {}", answer.body);
        let headers = [("cookie", cookie.as_str())];
        let answer = outsend::ask(&bench, "POST", "/api/api-keys", &headers, &json!({ "name": name })).await;
        assert_eq!(answer.status, if good { 200 } else { 422 }, "key {name:?}: {}", answer.body);
        bench.advance(time::Duration::hours(1));
        let mut body = outsend::sign_up_body(&format!("other-{number}@example.com"));
        body["name"] = json!(name);
        let answer = outsend::ask(&bench, "POST", "/api/auth/signup", &[], &body).await;
        assert_eq!(answer.status, if good { 200 } else { 422 }, "sign-up {name:?}: {}", answer.body);
    }
}

#[tokio::test]
async fn addresses_hold_nothing_invisible() {
    let bench = Bench::start().await.unwrap();
    for local in
        ["zero\u{200b}", "soft\u{ad}", "rtl\u{202e}", "bom\u{feff}", "tag\u{e0041}", "filler\u{3164}", "joiner\u{34f}"]
    {
        for email in [format!("{local}@example.com"), format!("dana@{local}.com")] {
            bench.advance(time::Duration::hours(1));
            let answer = outsend::ask(&bench, "POST", "/api/auth/signup", &[], &outsend::sign_up_body(&email)).await;
            assert_eq!(answer.status, 422, "{email:?}: {}", answer.body);
            let body = openscouter::sign_up_body(&email);
            let answer = openscouter::ask(&bench, "", "POST", "/api/auth/sign-up", &body).await;
            assert_eq!(answer.status, 422, "{email:?}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_name_that_comes_of_an_address_is_no_link() {
    let bench = Bench::start().await.unwrap();
    for (local, name) in [("evil.example/claim", "evil.exampleclaim"), ("dana.roe+x", "dana.roe+x"), ("//", "user")] {
        bench.advance(time::Duration::hours(1));
        let body = outsend::sign_up_body(&format!("{local}@example.com"));
        let answer = outsend::ask(&bench, "POST", "/api/auth/signup", &[], &body).await;
        assert_eq!((answer.status, &answer.json()["user"]["name"]), (200, &json!(name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_to_unverified_addresses_carry_nobody_s_words() {
    let world = World::start().await;
    let mut body = outsend::sign_up_body("victim@example.com");
    body["name"] = json!("You won a prize");
    assert_eq!(world.post("/api/auth/signup", &[], &body).await.status, 200);
    world.mails(1).await;
    // a reset and a notice go to the same address, which nobody has verified
    let reset = json!({"email": "victim@example.com"});
    assert_eq!(world.post("/api/auth/password/reset-request", &[], &reset).await.status, 200);
    world.mails(2).await;
    assert_eq!(world.post("/api/auth/signup", &[], &body).await.status, 400);
    world.mails(3).await;
    let body = json!({"role": "business", "email": "other@example.com", "password": "correct horse battery",
        "fullName": "You won a prize", "companyName": "You won a prize"});
    let headers = [("Content-Type", "application/json")];
    let path = "/api/auth/sign-up";
    let sent =
        harness::http::send(&world.0.openscouter, "POST", path, &headers, body.to_string().as_bytes()).await.unwrap();
    assert_eq!(sent.status, 202);
    for mail in world.mails(4).await {
        assert!(!mail.to_string().contains("prize"), "{mail}");
    }
    world.0.shutdown().await;
}
