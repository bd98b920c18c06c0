//! `GET`, `POST /api/oauth/authorize`: sign-in, consent, and the code that comes of it (openscouter 8.1).

use harness::{
    Bench,
    openscouter::{
        PASSWORD,
        oauth::{self, CALLBACK, approve, begin, consent, exchange, form, hidden, location, register},
        person, post,
    },
    snapshot,
};
use serde_json::json;
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
        let link = format!("<a href=\"{CALLBACK}?error={expected}&amp;error_description=");
        let (_, rest) = answer.body.split_once(&link).unwrap();
        let (why, rest) = rest.split_once("&amp;").unwrap();
        assert!(rest.starts_with("state=a%20b&amp;iss=https%3A%2F%2Fapi.test\""), "{change:?}: {}", answer.body);
        assert!(answer.body.contains(&format!("</code>: {}).", why.replace("%20", " "))), "{change:?}: {why}");
    }
    let long = "é".repeat(4_096);
    assert_eq!(begin(&bench, &client, &[("state", Some(&long))]).await.status, 200);
    let longer = begin(&bench, &client, &[("state", Some(&format!("{long}x")))]).await;
    assert!(longer.status == 400 && longer.body.contains("state is longer than 4096 characters"));
    bench.advance(Duration::seconds(61));
    // as clients write them
    for change in [
        ("scope", Some("read draft offline_access")),
        ("scope", Some("offline_access")),
        ("resource", Some("https://api.test/api/mcp/")),
        ("resource", Some("HTTPS://API.test/api/mcp")),
        ("resource", Some("https://api.test/api")),
    ] {
        assert_eq!(begin(&bench, &client, &[change]).await.status, 200, "{change:?}");
    }
    for resource in
        ["https://api.test/API/mcp", "https://api.test/api/mcp//", "https://api.test:444/api/mcp", "api.test"]
    {
        assert_eq!(begin(&bench, &client, &[("resource", Some(resource))]).await.status, 400, "{resource}");
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
    let six = json!({"redirect_uris": ["http://[::1]:4000/cb"]});
    let six = post(&bench, "/api/oauth/register", &[], &six).await.json()["client_id"].as_str().unwrap().to_owned();
    let page = begin(&bench, &six, &[("redirect_uri", Some("http://[::1]:5123/cb"))]).await;
    assert_eq!(page.status, 200);
    // no policy can name such an address
    assert!(page.header("content-security-policy").contains("form-action 'self' http:; "));
    assert!(page.body.contains("<strong>[::1]:5123</strong>"));
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
    assert!(wrong.body.contains("Invalid email or password") && wrong.body.contains("value=\"dana@example.com\""));
    assert!(wrong.body.contains("Your decision is sent to <strong>localhost:33418</strong>."));
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
    let (_, refused) = location(&denied);
    assert_eq!((refused.last("error"), refused.last("state")), (Some("access_denied"), Some("a b")));
    assert_eq!(refused.last("error_description"), Some("the user refused"));
    let approved = approve(&bench, &page, &user, false).await;
    let (target, query) = location(&approved);
    assert_eq!(
        (target.as_str(), query.last("state"), query.last("iss")),
        (CALLBACK, Some("a b"), Some("https://api.test"))
    );
    let code = query.last("code").unwrap();
    assert!(code.starts_with("osac_"));
    // sent twice, it leads to one place
    let again = approve(&bench, &page, &user, false).await;
    assert_eq!((again.status, again.header("location")), (302, approved.header("location")));
    assert_eq!(approve(&bench, &page, &user, true).await.status, 400, "another consent is none");
    assert_eq!(exchange(&bench, &client, code).await.status, 200);
    assert_eq!(approve(&bench, &page, &user, false).await.status, 400, "and is not given anew when its code was used");

    let page = consent(&bench, &client, "dana@example.com", &[]).await;
    assert_eq!(approve(&bench, &page, &user, false).await.status, 302);
    // a long state goes all the way
    bench.advance(Duration::seconds(61));
    let long = "\u{6f22}".repeat(4_096);
    let page = consent(&bench, &client, "dana@example.com", &[("state", Some(&long))]).await;
    let approved = approve(&bench, &page, &user, false).await;
    assert_eq!(location(&approved).1.last("state"), Some(long.as_str()));
    let page = consent(&bench, &client, "dana@example.com", &[]).await;
    assert_eq!(approve(&bench, &page, &user, false).await.status, 302);

    bench.advance(Duration::seconds(61));
    assert_eq!(approve(&bench, &page, &user, false).await.status, 400, "nor when it has expired");
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
