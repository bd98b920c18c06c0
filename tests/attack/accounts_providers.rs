//! Log-in through providers, and the consent to other applications.

use harness::{
    Answer, Bench,
    openscouter::{
        PASSWORD, data,
        oauth::{CALLBACK, approve, begin as ask_consent, consent, form, hidden, location},
        person, post,
        provider::{begin, begin_at, come_back, come_back_with, cookie, start, start_as},
        send, told,
    },
};
use serde_json::{Value, json};
use shared::model::Role;

fn unknown() -> (u64, String) {
    (400, "state: is invalid or expired".to_owned())
}

fn unverified() -> (u64, String) {
    (403, "Email address not verified".to_owned())
}

#[tokio::test]
async fn a_log_in_ends_in_the_browser_that_began_it() {
    let (bench, provider) = start().await;
    provider.says(json!({"email": "mallory@example.com", "email_verified": true}));
    person(&bench, Role::Business, "mallory@example.com").await;
    let other = begin(&bench, &provider, "").await;
    // the attacker begins, and sends the victim's browser to the end of it
    let state = begin(&bench, &provider, "").await;
    for planted in ["", &cookie(&other), "outscout_log_in=x", "__Host-outscout_log_in=", "a=b; c"] {
        let lured = come_back_with(&bench, &state, "code=good", planted).await;
        assert_eq!(told(&lured), unknown(), "with {planted:?}");
        assert_eq!(lured.header("set-cookie"), "", "another log-in of the victim's is left alone");
    }
    // nothing was used up by it: who began may still end
    let own = come_back(&bench, &state, "good").await;
    assert_eq!(data(&own)["user"]["email"], "mallory@example.com");
    assert_eq!(told(&come_back(&bench, &state, "good").await), unknown(), "once");
}

#[tokio::test]
async fn the_cookie_of_a_log_in_is_kept_to_its_browser_and_gone_behind_it() {
    let (bench, provider) = start().await;
    provider.says(json!({"email": "dana@example.com", "email_verified": true}));
    let path = "/api/auth/oauth/google/start?role=business";
    let began = send(&bench, "GET", path, &[], "").await;
    let set = began.header("set-cookie");
    let (value, attributes) = set.split_once("; ").unwrap_or((set, ""));
    assert!(value.starts_with("__Host-outscout_log_in=") && value.len() > 60, "{set}");
    assert_eq!(attributes, "Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax");
    let secret = value.split_once('=').unwrap().1;
    assert!(!began.header("location").contains(secret), "the provider does not learn it");
    let stored = bench.items("hot").await.unwrap();
    assert!(!stored.iter().any(|item| item.contains(secret)), "the store has its hash alone");
    // on a laptop there is no TLS
    let plain = send(&bench, "GET", path, &[("x-forwarded-proto", "http")], "").await;
    let set = plain.header("set-cookie");
    assert!(
        set.starts_with("outscout_log_in=") && !set.contains("Secure") && set.contains("HttpOnly; SameSite=Lax"),
        "{set}"
    );
    let state = begin(&bench, &provider, "role=business").await;
    let done = come_back(&bench, &state, "good").await;
    assert_eq!(
        (done.status, done.header("set-cookie")),
        (200, "__Host-outscout_log_in=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
    );
    let state = begin(&bench, &provider, "").await;
    let failed = come_back(&bench, &state, "bad").await;
    assert_eq!(
        (failed.status, failed.header("set-cookie").contains("Max-Age=0")),
        (401, true),
        "its state is used, too"
    );
}

#[tokio::test]
async fn an_address_that_a_provider_does_not_call_verified_is_not_believed() {
    let (bench, provider) = start().await;
    person(&bench, Role::Business, "dana@example.com").await;
    for said in [Value::Null, json!(false), json!("false"), json!("yes"), json!(1), json!({})] {
        let mut claims = json!({"email": "dana@example.com", "name": "Mallory"});
        if !said.is_null() {
            claims["email_verified"] = said.clone();
        }
        provider.says(claims);
        let state = begin(&bench, &provider, "").await;
        assert_eq!(told(&come_back(&bench, &state, "good").await), unverified(), "{said}");
    }
    // a list in place of a person: the primary address is the one, and must say it
    for entry in [
        json!({"email": "dana@example.com", "primary": true}),
        json!({"email": "dana@example.com", "primary": true, "verified": false}),
    ] {
        provider.says(json!([{"email": "mallory@example.com", "primary": false, "verified": true}, entry]));
        let state = begin(&bench, &provider, "").await;
        assert_eq!(told(&come_back(&bench, &state, "good").await), unverified());
    }
}

#[tokio::test]
async fn github_is_asked_which_addresses_it_verified() {
    let (bench, provider) = start_as("github").await;
    person(&bench, Role::Business, "dana@example.com").await;
    let enter = async || {
        let state = begin_at(&bench, &provider, "/api/auth/oauth/github/start?role=business").await;
        come_back(&bench, &state, "good").await
    };
    // the public address of a profile is whatever its owner wrote
    provider.says(json!({"login": "mallory", "name": "Mallory", "email": "dana@example.com"}));
    assert_eq!(told(&enter().await), unverified(), "no list");
    for list in [
        json!([]),
        json!([{"email": "dana@example.com", "primary": true, "verified": false}]),
        json!([{"email": "dana@example.com", "primary": false, "verified": true}]),
        json!({"email": "dana@example.com", "verified": true, "primary": true}),
    ] {
        provider.lists(list.clone());
        assert_eq!(told(&enter().await), unverified(), "{list}");
    }
    let own = json!([{"email": "old@example.com", "primary": false, "verified": true}, {"email": "Mallory@example.com", "primary": true, "verified": true}]);
    provider.lists(own);
    let user = data(&enter().await)["user"].clone();
    assert_eq!((&user["email"], &user["fullName"]), (&json!("mallory@example.com"), &json!("Mallory")));
}

async fn registered(bench: &Bench, name: &str, uri: &str) -> String {
    let body = json!({"redirect_uris": [uri], "client_name": name});
    let answer = post(bench, "/api/oauth/register", &[], &body).await;
    answer.json()["client_id"].as_str().unwrap_or_default().to_owned()
}

/// What a person reads on a page.
fn read(page: &Answer) -> String {
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{}", page.body);
    page.body.clone()
}

#[tokio::test]
async fn a_consent_says_where_it_leads() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let uri = "https://outscout.evil.example:8443/cb?next=https://openscouter.com";
    let client = registered(&bench, "OpenScouter", uri).await;
    let change = [("redirect_uri", Some(uri))];
    let first = ask_consent(&bench, &client, &change).await;
    let second = consent(&bench, &client, "dana@example.com", &change).await;
    let local = consent(&bench, &registered(&bench, "A tool", CALLBACK).await, "dana@example.com", &[]).await;
    for page in [&first, &second] {
        assert_eq!(page.status, 200);
        let text = read(page).replace("outscout.evil.example:8443; ", "");
        assert!(text.contains("<strong>outscout.evil.example:8443</strong>"), "{text}");
    }
    assert!(read(&local).contains("<strong>localhost:33418</strong>"), "{}", local.body);
}

#[tokio::test]
async fn a_client_s_name_turns_no_text_around() {
    let bench = Bench::start().await.unwrap();
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let store = bench.context.store();
    let odd = [
        '\u{202e}',
        '\u{202d}',
        '\u{2066}',
        '\u{2069}',
        '\u{200f}',
        '\u{061c}',
        '\u{200b}',
        '\u{feff}',
        '\u{2028}',
        '\u{e0041}',
        '\u{7}',
        '\u{ad}',
    ];
    for odd in odd {
        // as it may stand in the store from before
        let id = shared::model::ClientId::at(bench.context.clock().now());
        let client = shared::model::OAuthClient {
            id,
            name: Some(format!("Open{odd}Scouter {odd}")),
            redirect_uris: vec![CALLBACK.to_owned()],
            created_at: bench.context.clock().now(),
        };
        store.register_client(&client).await.unwrap();
        bench.advance(time::Duration::seconds(10));
        let first = ask_consent(&bench, &id.wire(), &[]).await;
        let second = consent(&bench, &id.wire(), "dana@example.com", &[]).await;
        for page in [&first, &second] {
            assert!(!read(page).contains(odd), "{odd:?}");
            assert!(read(page).contains("<bdi>OpenScouter</bdi>"), "{odd:?}: {}", page.body);
        }
        let approved = approve(&bench, &second, &user, false).await;
        let code = location(&approved).1.last("code").unwrap().to_owned();
        assert_eq!(harness::openscouter::oauth::exchange(&bench, &id.wire(), &code).await.status, 200);
    }
    let stored = bench.items("main").await.unwrap();
    let connections: Vec<_> = stored.iter().filter(|item| item.contains("\"CONN#")).collect();
    assert!(
        !connections.is_empty()
            && connections.iter().all(|item| !item.contains("\\u{202e}") && !item.contains('\u{202e}'))
    );
}

#[tokio::test]
async fn nobody_is_sent_to_a_client_without_a_decision() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Business, "dana@example.com").await;
    let uri = "https://phish.example/openscouter";
    let client = registered(&bench, "x", uri).await;
    let long = "x".repeat(4_097);
    for change in [
        ("response_type", None),
        ("response_type", Some("token")),
        ("code_challenge", None),
        ("code_challenge_method", Some("plain")),
        ("scope", Some("read admin")),
        ("resource", Some("https://evil.test/api")),
        ("state", Some(long.as_str())),
    ] {
        let all = [("redirect_uri", Some(uri)), change, ("prompt", Some("none"))];
        let answer = ask_consent(&bench, &client, &all).await;
        bench.advance(time::Duration::seconds(5));
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{change:?}");
        let page = read(&answer);
        assert!(page.contains("<strong>phish.example</strong>"), "it says where the link leads: {page}");
        assert!(!page.to_lowercase().contains("http-equiv") && !page.contains("<script"), "{page}");
    }
    // who decides is sent back
    let page = consent(&bench, &client, "dana@example.com", &[("redirect_uri", Some(uri))]).await;
    let denied = form(&bench, "/api/oauth/authorize", &[("transaction", &hidden(&page)), ("action", "deny")]).await;
    assert_eq!(location(&denied).1.last("error"), Some("access_denied"));
    assert!(!page.body.contains(PASSWORD));
}
