//! `POST /api/oauth/revoke`: ends a connection (openscouter 8.1).

use harness::{
    Bench,
    openscouter::{oauth, person},
    snapshot,
};
use shared::model::Role;

#[tokio::test]
async fn succeeds() {
    let bench = Bench::start().await.unwrap();
    let client = oauth::register(&bench).await;
    let user = person(&bench, Role::Business, "dana@example.com").await;
    let code = oauth::code(&bench, &client, &user, oauth::API).await;
    let tokens = oauth::exchange(&bench, &client, &code).await.json();
    let fields = [("token", tokens["refresh_token"].as_str().unwrap()), ("client_id", client.as_str())];
    let answer = oauth::form(&bench, "/api/oauth/revoke", &fields).await;
    snapshot!("oauth-revoke", &answer);
    assert_eq!(oauth::me(&bench, &tokens).await.status, 401, "both of its tokens are dead");
}
