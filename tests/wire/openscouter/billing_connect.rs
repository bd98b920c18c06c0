//! `POST /api/billing/connect`: a tester sets up the account that payouts go to (openscouter 16.1).

use futures_util::future::join_all;
use harness::{
    openscouter::{api_token, ask, billing::Billing, data, missing, read, refused, role, says, told},
    snapshot,
};
use serde_json::{Value, json};

const PATH: &str = "/api/billing/connect";

#[tokio::test]
async fn an_account_is_made_once_and_a_link_each_time() {
    let billing = Billing::start().await;
    let team = &billing.team;
    assert_eq!(team.tester("PATCH", "/api/me/profile", &json!({"country": "GB"})).await.status, 200);
    let body = json!({"returnUrl": "https://openscouter.com/back"});
    let made = join_all((0..8).map(|_| team.tester("POST", PATH, &body))).await;
    let made: Vec<_> = made.iter().map(data).collect();
    assert!(made.iter().all(|made| made["accountId"] == made[0]["accountId"] || made["accountId"].is_string()));
    let again = data(&team.tester("POST", PATH, &json!({})).await);
    assert!(made.iter().all(|made| made["accountId"] == again["accountId"]));
    assert!(made.iter().all(|made| made["onboardingUrl"] != again["onboardingUrl"]));
    assert_eq!(billing.stripe.made("accounts").len(), 1);
    let said = &billing.stripe.calls("accounts")[0].said;
    let id = team.user.id.wire();
    let expected = json!({"type": "express", "country": "GB", "business_type": "individual", "metadata": {"testerId": id},
        "capabilities": {"card_payments": {"requested": true}, "transfers": {"requested": true}},
        "settings": {"payouts": {"schedule": {"interval": "manual"}}}});
    assert_eq!(*said, expected, "neither name nor address");
    let links = billing.stripe.calls("account_links");
    assert_eq!(links[0].said["return_url"], "https://openscouter.com/back");
    assert_eq!(links.last().unwrap().said["refresh_url"], "https://api.test/home");

    let enabled = async || data(&read(&team.bench, &team.tester, "/api/me/profile").await)["payoutsEnabled"].clone();
    assert_eq!(enabled().await, false);
    let account = again["accountId"].as_str().unwrap();
    billing.enable(account, true, 100).await;
    assert_eq!(enabled().await, true);
    billing.enable(account, false, 99).await;
    assert_eq!(enabled().await, true, "an older event undoes nothing");
    billing.enable(account, false, 101).await;
    assert_eq!(enabled().await, false);
}

#[tokio::test]
async fn what_is_refused() {
    let billing = Billing::start().await;
    let team = &billing.team;
    assert_eq!(told(&team.admin("POST", PATH, &json!({})).await), refused("testerId: is required"));
    let owner = harness::openscouter::user(&team.bench, "dana@example.com").await.id.wire();
    for id in [json!("user_1"), json!("user_01k8ybdf00e8nrtzq2qw3d80n2"), json!(owner)] {
        assert_eq!(told(&team.admin("POST", PATH, &json!({"testerId": id})).await), missing("Tester"), "{id}");
    }
    let evil = json!({"refreshUrl": "https://evil.example/"});
    assert_eq!(
        told(&team.tester("POST", PATH, &evil).await),
        refused("refreshUrl: must be an address of an allowed origin")
    );
    assert_eq!(told(&team.owner("POST", PATH, &json!({})).await), role());
    let token = api_token(&team.bench, &team.owner, &["write"]).await;
    assert_eq!(told(&ask(&team.bench, &token, "POST", PATH, &json!({})).await), says(403, "Missing scope: admin"));
    assert!(billing.stripe.calls("accounts").is_empty());
    let admin = team.admin("POST", PATH, &json!({"testerId": team.user.id.wire()})).await;
    assert_eq!(admin.status, 201);
    let own = team.tester("POST", PATH, &json!({"testerId": "user_1"})).await;
    assert_eq!(data(&own)["accountId"], data(&admin)["accountId"], "a tester names nobody");
}

#[tokio::test]
async fn succeeds() {
    let billing = Billing::start().await;
    let answer = billing.team.tester("POST", PATH, &Value::Null).await;
    snapshot!("billing-connect", &answer);
}
