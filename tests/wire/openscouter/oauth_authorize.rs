//! `GET`, `POST /api/oauth/authorize`: sign-in, consent, and the code that comes of it (openscouter 8.1).

use harness::{
    Bench,
    openscouter::{
        PASSWORD,
        oauth::{self, CALLBACK, approve, begin, consent, exchange, form, hidden, location, register},
        person,
    },
    snapshot,
};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn what_the_authorization_endpoint_refuses() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    for change in [
        ("client_id", None),
        ("client_id", Some("cli_01k8ybdf00e8nrtzq2qw3d80n2")),
        ("redirect_uri", None),
        ("redirect_uri", Some("http://localhost:33418/other")),
        ("redirect_uri", Some("https://evil.test/callback")),
    ] {
        let answer = begin(&bench, &client, &[change]).await;
        assert_eq!((answer.status, answer.header("content-type")), (400, "text/html; charset=utf-8"), "{change:?}");
        assert_eq!(answer.header("location"), "", "nothing is sent to an address that nobody registered");
    }
    let short = "x".repeat(42);
    for (change, expected) in [
        (("response_type", None), "invalid_request"),
        (("response_type", Some("token")), "unsupported_response_type"),
        (("code_challenge", None), "invalid_request"),
        (("code_challenge", Some(short.as_str())), "invalid_request"),
        (("code_challenge_method", None), "invalid_request"),
        (("code_challenge_method", Some("plain")), "invalid_request"),
        (("scope", Some("read admin")), "invalid_scope"),
        (("resource", Some("https://evil.test/api")), "invalid_target"),
    ] {
        let answer = begin(&bench, &client, &[change]).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{change:?}: nobody has decided yet");
        let link = format!("{CALLBACK}?error={expected}&amp;state=a%20b&amp;iss=https%3A%2F%2Fapi.test");
        assert!(answer.body.contains(&format!("<a href=\"{link}\"")), "{change:?}: {}", answer.body);
    }
    bench.advance(Duration::seconds(61));
    let other_port = begin(&bench, &client, &[("redirect_uri", Some("http://localhost:9/callback"))]).await;
    assert_eq!(other_port.status, 200, "a loopback address may have another port");
    let policy = other_port.header("content-security-policy");
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self' http://localhost:9; \
         frame-ancestors 'none'"
    );
    assert!(other_port.body.contains("A &lt;client&gt;") && !other_port.body.contains("A <client>"));
}

#[tokio::test]
async fn sign_in_and_consent() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    person(&bench, Role::Tester, "tess@example.com").await;
    let transaction = hidden(&begin(&bench, &client, &[]).await);
    let sign_in = async |email: &str, password: &str| {
        let fields = [("transaction", transaction.as_str()), ("email", email), ("password", password)];
        form(&bench, "/api/oauth/authorize", &fields).await
    };
    let wrong = sign_in("dana@example.com", "wrong").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("Invalid email or password"));
    assert_eq!(sign_in("tess@example.com", PASSWORD).await.status, 403, "testers have no workspace");
    for fields in [
        vec![("email", "dana@example.com")],
        vec![("transaction", "x")],
        vec![("transaction", "a"), ("transaction", "b")],
    ] {
        assert_eq!(form(&bench, "/api/oauth/authorize", &fields).await.status, 400, "{fields:?}");
    }
    let page = sign_in("dana@example.com", PASSWORD).await;
    assert!(page.body.contains(&user.organization.wire()) && page.body.contains("value=\"yes\"> make draft"));
    assert!(!page.body.contains(PASSWORD));
    let denied = form(&bench, "/api/oauth/authorize", &[("transaction", &hidden(&page)), ("action", "deny")]).await;
    assert_eq!(location(&denied).1.last("error"), Some("access_denied"));
    let approved = approve(&bench, &page, &user, false).await;
    let (target, query) = location(&approved);
    assert_eq!(
        (target.as_str(), query.last("state"), query.last("iss")),
        (CALLBACK, Some("a b"), Some("https://api.test"))
    );
    assert!(query.last("code").unwrap().starts_with("osac_"));
    assert_eq!(approve(&bench, &page, &user, false).await.status, 400, "a consent is given once");

    bench.advance(Duration::seconds(61));
    let otto = person(&bench, Role::Business, "otto@example.com").await;
    let page = consent(&bench, &client, "dana@example.com", &[("scope", Some("read"))]).await;
    assert!(!page.body.contains("draft studies"), "drafts are offered only if asked for");
    assert_eq!(approve(&bench, &page, &otto, false).await.status, 400, "not another's workspace");
    let code = location(&approve(&bench, &page, &user, true).await).1.last("code").unwrap().to_owned();
    assert_eq!(exchange(&bench, &client, &code).await.json()["scope"], "read", "and given only if offered");

    let late = hidden(&begin(&bench, &client, &[]).await);
    bench.advance(Duration::minutes(10));
    let fields = [("transaction", late.as_str()), ("email", "dana@example.com"), ("password", PASSWORD)];
    assert_eq!(form(&bench, "/api/oauth/authorize", &fields).await.status, 400, "ten minutes are over");
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let client = oauth::register(&bench).await;
    let answer = oauth::begin(&bench, &client, &[]).await;
    snapshot!("oauth-authorize", &answer);
}
