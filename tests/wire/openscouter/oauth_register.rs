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
        (
            json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic"}),
            "invalid_client_metadata",
        ),
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
        json!({"client_id": null, "client_id_issued_at": null, "redirect_uris": [CALLBACK], "client_name": null,
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"]})
    );
}

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let body = json!({"redirect_uris": [oauth::CALLBACK], "client_name": "A <client>"});
    let answer = post(&bench, "/api/oauth/register", &[], &body).await;
    snapshot!("oauth-register", &answer);
}
