//! `POST /api/oauth/register`: a new OAuth client (openscouter 8.1).

use harness::{
    Bench,
    openscouter::{
        oauth::{self, CALLBACK, rfc},
        post,
    },
    snapshot,
};
use serde_json::json;

#[tokio::test]
async fn registration() {
    let bench = Bench::start().await.unwrap();
    let rows = [
        (json!({}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://a.test/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.test/#x"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": vec![CALLBACK; 11]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": [1]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": [CALLBACK], "client_name": "x".repeat(121)}), "invalid_client_metadata"),
        (json!({"redirect_uris": ["http://localhost:65536/"]}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt"}),
            "invalid_client_metadata",
        ),
        (json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": 1}), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
    ];
    for (body, expected) in rows {
        let answer = post(&bench, "/api/oauth/register", &[], &body).await;
        assert_eq!(rfc(&answer), (400, expected.to_owned()), "{body}");
    }
    let body = json!({"redirect_uris": [CALLBACK]});
    let mut made = post(&bench, "/api/oauth/register", &[], &body).await.json();
    assert!(made["client_id"].take().as_str().unwrap().starts_with("cli_"));
    assert!(made["client_id_issued_at"].take().is_i64());
    assert_eq!(
        made,
        json!({"client_id": null, "client_id_issued_at": null, "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"]}),
        "what is absent is left out"
    );
    for method in ["client_secret_post", "client_secret_basic"] {
        let body = json!({"redirect_uris": ["http://[::1]:4000/cb", "HTTP://LOCALHOST/cb"], "token_endpoint_auth_method": method});
        let answer = post(&bench, "/api/oauth/register", &[], &body).await;
        assert_eq!((answer.status, answer.json()["token_endpoint_auth_method"].as_str()), (201, Some("none")));
        assert!(answer.json().get("client_secret").is_none());
    }
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let body = json!({"redirect_uris": [oauth::CALLBACK], "client_name": "A <client>"});
    let answer = post(&bench, "/api/oauth/register", &[], &body).await;
    snapshot!("oauth-register", &answer);
}
