//! `POST /api/oauth/token`: codes and refresh tokens for tokens (openscouter 8.1).

use harness::{
    Bench,
    openscouter::{
        data, get,
        oauth::{self, API, CALLBACK, VERIFIER, code, exchange, form, me, refresh, register, rfc},
        person, post, told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;
use time::Duration;

#[tokio::test]
async fn codes_and_tokens() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let good = code(&bench, &client, &user, API).await;
    for change in [
        ("redirect_uri", "http://localhost:9/callback", "invalid_grant"),
        ("code_verifier", "eBjftJeZ4CVP-mBpzXOIwZ5-NOSCALB8Eqjgnzf6r4o0", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("code", "osac_x", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "", "invalid_request"),
        ("resource", "https://api.test/api/mcp", "invalid_target"),
    ] {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", good.as_str()),
            ("redirect_uri", CALLBACK),
            ("client_id", client.as_str()),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| *name != change.0);
        fields.push((change.0, change.1));
        let answer = form(&bench, "/api/oauth/token", &fields).await;
        assert_eq!(rfc(&answer), (400, change.2.to_owned()), "{change:?}");
    }
    let unknown = exchange(&bench, "cli_01k8ybdf00e8nrtzq2qw3d80n2", &good).await;
    assert_eq!(rfc(&unknown), (401, "invalid_client".to_owned()));
    let other = register(&bench).await;
    assert_eq!(rfc(&exchange(&bench, &other, &good).await), (400, "invalid_grant".to_owned()));
    let json = post(&bench, "/api/oauth/token", &[], &json!({"grant_type": "refresh_token"})).await;
    assert_eq!(rfc(&json), (400, "invalid_request".to_owned()), "forms only");

    bench.advance(Duration::seconds(50));
    let answer = exchange(&bench, &client, &good).await;
    let tokens = answer.json();
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    assert_eq!(
        (&tokens["token_type"], &tokens["expires_in"], &tokens["scope"]),
        (&json!("Bearer"), &json!(3600), &json!("read draft"))
    );
    let own = data(&me(&bench, &tokens).await);
    assert_eq!(own["credential"], json!({"kind": "oauth", "scopes": ["read", "draft"]}));
    let token = tokens["access_token"].as_str().unwrap();
    let elsewhere = get(&bench, "/api/tokens", &format!("Bearer {token}")).await;
    assert_eq!(told(&elsewhere), (403, "This credential cannot be used here".to_owned()));

    bench.advance(Duration::seconds(61));
    let narrowed = refresh(&bench, &client, &tokens["refresh_token"], Some("read")).await.json();
    assert_eq!(data(&me(&bench, &narrowed).await)["credential"]["scopes"], json!(["read"]));
    assert_eq!(me(&bench, &tokens).await.status, 200, "the older access token lives its hour");
    let widened = refresh(&bench, &client, &narrowed["refresh_token"], Some("read admin")).await;
    assert_eq!(rfc(&widened), (400, "invalid_scope".to_owned()));
    let whole = refresh(&bench, &client, &narrowed["refresh_token"], None).await.json();
    assert_eq!(whole["scope"], "read draft", "an access token was narrowed, not the connection");
    let reused = refresh(&bench, &client, &tokens["refresh_token"], None).await;
    assert_eq!(rfc(&reused), (400, "invalid_grant".to_owned()));
    for ended in [&tokens, &narrowed, &whole] {
        assert_eq!(me(&bench, ended).await.status, 401, "a used refresh token ends the connection");
    }
    assert_eq!(refresh(&bench, &client, &whole["refresh_token"], None).await.status, 400);
}

#[tokio::test]
async fn a_code_used_twice_ends_what_it_gave() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let twice = code(&bench, &client, &user, API).await;
    let answers = futures_util::future::join_all((0..5).map(|_| exchange(&bench, &client, &twice))).await;
    let fine: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(fine.len(), 1, "of many at once one succeeds");
    assert_eq!(me(&bench, &fine[0].json()).await.status, 401);
    let late = code(&bench, &client, &user, API).await;
    bench.advance(Duration::seconds(61));
    assert_eq!(rfc(&exchange(&bench, &client, &late).await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn of_two_refreshes_at_once_both_get_tokens_that_go_on() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let first = exchange(&bench, &client, &code(&bench, &client, &user, API).await).await.json();
    let again = async |token: &Value| refresh(&bench, &client, token, None).await;
    let (one, other) = tokio::join!(again(&first["refresh_token"]), again(&first["refresh_token"]));
    assert_eq!((one.status, other.status), (200, 200), "{} {}", one.body, other.body);
    let (one, other) = (one.json(), other.json());
    assert_ne!(one["refresh_token"], other["refresh_token"]);
    bench.advance(Duration::seconds(61));
    let (one, other) = (again(&one["refresh_token"]).await.json(), again(&other["refresh_token"]).await.json());
    for tokens in [&one, &other] {
        assert_eq!(me(&bench, tokens).await.status, 200);
    }
    // after the ten seconds it is reuse, which ends the connection
    assert_eq!(rfc(&again(&first["refresh_token"]).await), (400, "invalid_grant".to_owned()));
    for tokens in [&one, &other] {
        assert_eq!(again(&tokens["refresh_token"]).await.status, 400);
        assert_eq!(me(&bench, tokens).await.status, 401);
    }
}

#[tokio::test]
async fn a_replaced_token_is_good_for_ten_seconds_unless_it_is_turned_off() {
    for (seconds, grace, status) in [(9, "10", 200), (10, "10", 400), (0, "0", 400)] {
        let bench = Bench::with(&[("OUTSCOUT_REFRESH_GRACE_SECONDS", grace)]).await.unwrap();
        let client = register(&bench).await;
        let user = person(&bench, Role::Business, "dana@example.com").await;
        let first = exchange(&bench, &client, &code(&bench, &client, &user, API).await).await.json();
        let second = refresh(&bench, &client, &first["refresh_token"], None).await.json();
        bench.advance(Duration::seconds(seconds));
        let again = refresh(&bench, &client, &first["refresh_token"], None).await;
        assert_eq!(again.status, status, "{seconds} {grace}");
        // reuse ends the connection, a late request does not
        assert_eq!(refresh(&bench, &client, &second["refresh_token"], None).await.status, status);
    }
}

#[tokio::test]
async fn of_many_who_refresh_at_once_nine_succeed_and_the_connection_lives() {
    let bench = Bench::start().await.unwrap();
    let client = register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let first = exchange(&bench, &client, &code(&bench, &client, &user, API).await).await.json();
    let calls = (0..20).map(|_| refresh(&bench, &client, &first["refresh_token"], None));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 9, "the first, and eight beside it");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 400)));
    assert_eq!(me(&bench, &first).await.status, 200);
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let client = oauth::register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let code = oauth::code(&bench, &client, &user, oauth::API).await;
    let answer = oauth::exchange(&bench, &client, &code).await;
    snapshot!("oauth-token", &answer);
}
