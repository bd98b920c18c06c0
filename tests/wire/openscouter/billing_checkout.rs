//! `POST /api/billing/checkout`: a study is to be paid for (openscouter 16.1).

use harness::{
    Answer,
    functions::named,
    openscouter::{
        api_token, ask,
        billing::{Billing, event},
        data, missing, refused, role, says,
        studies::{body, draft, moved, paid, with},
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Payment, Status};
use time::Duration;

async fn checkout(billing: &Billing, body: &Value) -> Answer {
    billing.team.owner("POST", "/api/billing/checkout", body).await
}

async fn of_study(billing: &Billing, path: &str) -> (Value, Value) {
    let study = data(&billing.team.owner("GET", path, &Value::Null).await);
    (study["status"].clone(), study["paymentStatus"].clone())
}

#[tokio::test]
async fn a_checkout_is_made_and_answered_again() {
    let billing = Billing::start().await.paying().await;
    let (study, path) = draft(&billing.team, &body()).await;
    let asked = json!({"jobId": study["jobId"], "successUrl": "https://app.openscouter.com/done"});
    let made = checkout(&billing, &asked).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let first = data(&made);
    assert_eq!(
        (&first["jobId"], &first["amountMinor"], &first["currency"]),
        (&study["jobId"], &json!(3_000), &json!("USD"))
    );
    let again = checkout(&billing, &json!({"jobId": study["jobId"]})).await;
    assert_eq!((again.status, data(&again)), (200, first.clone()));
    let calls = billing.stripe.calls("checkout/sessions");
    let call = &calls[0];
    assert_eq!((calls.len(), &*call.key), (1, &*format!("outscout-checkout-{}-1", study["jobId"].as_str().unwrap())));
    let (said, item) = (&call.said, &call.said["line_items"][0]);
    assert_eq!((&said["client_reference_id"], &said["mode"]), (&study["jobId"], &json!("payment")));
    assert_eq!((&item["quantity"], &item["price_data"]["unit_amount"]), (&json!(2), &json!(1_500)));
    assert_eq!(
        (&item["price_data"]["currency"], &item["price_data"]["product_data"]["name"]),
        (&json!("usd"), &study["title"])
    );
    assert_eq!(said["success_url"], "https://app.openscouter.com/done");
    assert_eq!(said["cancel_url"], json!(format!("https://api.test/studies/{}", study["jobId"].as_str().unwrap())));

    assert_eq!(of_study(&billing, &path).await, (json!("draft"), json!("pending")));
    let late = billing.team.owner("PATCH", &path, &json!({"compensation": {"amount": 1}})).await;
    assert_eq!(told(&late), refused("compensation: cannot be changed after payment"));

    let object = json!({"id": first["checkoutSessionId"], "object": "checkout.session", "client_reference_id": study["jobId"],
        "payment_status": "paid", "amount_total": 3_000, "currency": "usd", "metadata": {"checkout": "1"}});
    assert_eq!(billing.tell(&event("evt_1", "checkout.session.completed", 100, &object)).await.status, 200);
    assert_eq!(of_study(&billing, &path).await, (json!("open"), json!("paid")));
    assert_eq!(told(&checkout(&billing, &asked).await), refused("Study is open, expected draft"));
}

#[tokio::test]
async fn one_that_ends_makes_way_for_another() {
    let billing = Billing::start().await.paying().await;
    let (study, path) = draft(&billing.team, &body()).await;
    let asked = json!({"jobId": study["jobId"]});
    let first = data(&checkout(&billing, &asked).await);
    let ended = json!({"id": first["checkoutSessionId"], "client_reference_id": study["jobId"]});
    assert_eq!(billing.tell(&event("evt_1", "checkout.session.expired", 100, &ended)).await.status, 200);
    assert_eq!(of_study(&billing, &path).await.1, "unpaid");
    let second = checkout(&billing, &asked).await;
    assert_eq!(second.status, 201);
    assert_ne!(data(&second)["checkoutSessionId"], first["checkoutSessionId"]);
    // the first one has ended: nothing that is told of it ends the second one
    assert_eq!(billing.tell(&event("evt_2", "checkout.session.expired", 101, &ended)).await.status, 200);
    assert_eq!(of_study(&billing, &path).await.1, "pending");
    // by our own clock, too, nobody pays after a day
    billing.team.bench.advance(Duration::hours(25));
    let third = ask(
        &billing.team.bench,
        &harness::openscouter::bearer(&billing.team.bench, "dana@example.com").await,
        "POST",
        "/api/billing/checkout",
        &asked,
    )
    .await;
    assert_eq!(third.status, 201, "{}", third.body);
    assert_eq!(billing.stripe.made("checkout/sessions").len(), 3);
}

#[tokio::test]
async fn what_is_refused() {
    let billing = Billing::start().await;
    let team = &billing.team;
    let (study, path) = draft(team, &body()).await;
    let id = &study["jobId"];
    assert_eq!(told(&checkout(&billing, &json!({"jobId": id})).await), refused("Organization is billing exempt"));
    let billing = billing.paying().await;
    let team = &billing.team;
    for (body, text) in [
        (json!({}), "jobId: is required"),
        (json!({"jobId": 1}), "jobId: must be a string"),
        (json!({"jobId": id, "successUrl": "x"}), "successUrl: must be an http or https URL"),
        (
            json!({"jobId": id, "successUrl": "https://evil.example/"}),
            "successUrl: must be an address of an allowed origin",
        ),
        (
            json!({"jobId": id, "cancelUrl": "https://openscouter.com.evil.example/"}),
            "cancelUrl: must be an address of an allowed origin",
        ),
        (json!({"jobId": id, "cancelUrl": "https://a:b@openscouter.com/"}), "cancelUrl: must not contain credentials"),
    ] {
        assert_eq!(told(&checkout(&billing, &body).await), refused(text), "{body}");
    }
    let (foreign, _) = {
        harness::openscouter::person(&team.bench, shared::model::Role::Business, "otto@example.com").await;
        let otto = harness::openscouter::bearer(&team.bench, "otto@example.com").await;
        (data(&ask(&team.bench, &otto, "POST", "/api/jobs", &body()).await), otto)
    };
    for id in [json!("job_1"), json!("job_01kkrbjhm0f7bbz7tpxh6gkmw7"), foreign["jobId"].clone()] {
        assert_eq!(told(&checkout(&billing, &json!({"jobId": id})).await), missing("Study"), "{id}");
    }
    let (bare, _) = draft(team, &with("/compensation", json!("gone"))).await;
    assert_eq!(told(&checkout(&billing, &json!({"jobId": bare["jobId"]})).await), refused("compensation: is required"));
    paid(team, &path, Payment::Paid).await;
    assert_eq!(told(&checkout(&billing, &json!({"jobId": id})).await), refused("Study is already paid"));
    moved(team, &path, Status::Paused).await;
    assert_eq!(told(&checkout(&billing, &json!({"jobId": id})).await), refused("Study is paused, expected draft"));
    assert_eq!(told(&team.tester("POST", "/api/billing/checkout", &json!({"jobId": id})).await), role());
    let reader = api_token(&team.bench, &team.owner, &["read"]).await;
    let read = ask(&team.bench, &reader, "POST", "/api/billing/checkout", &json!({"jobId": id})).await;
    assert_eq!(told(&read), says(403, "Missing scope: write"));
    assert!(billing.stripe.calls("checkout/sessions").is_empty(), "what is refused here is not asked there");
}

#[tokio::test]
async fn what_stripe_refuses_is_not_pending() {
    let billing = Billing::start().await.paying().await;
    let (study, path) = draft(&billing.team, &with("/compensation/amount", json!(0.01))).await;
    let asked = json!({"jobId": study["jobId"]});
    billing.stripe.refuse("checkout/sessions", 400, "invalid_request_error", "amount_too_small");
    assert_eq!(told(&checkout(&billing, &asked).await), refused("compensation.amount: cannot be charged"));
    assert_eq!(of_study(&billing, &path).await.1, "unpaid");
    for (status, kind, after) in [
        (500, "api_error", "unpaid"),
        (401, "invalid_request_error", "pending"),
        (400, "invalid_request_error", "unpaid"),
    ] {
        billing.stripe.refuse("checkout/sessions", status, kind, "");
        let headers = [("authorization", billing.team.owner.as_str()), ("content-type", "application/json")];
        let function = named("openscouter-billing-checkout");
        let body = asked.to_string();
        let failed =
            billing.team.bench.send(function, "POST", "/api/billing/checkout", &headers, body.as_bytes()).await;
        assert_eq!(told(&failed.unwrap()), says(500, "Internal server error"));
        assert_eq!(of_study(&billing, &path).await.1, after, "{status}");
        billing.stripe.forget_keys();
    }
    assert_eq!(checkout(&billing, &asked).await.status, 201);
}

#[tokio::test]
async fn succeeds() {
    let billing = Billing::start().await.paying().await;
    let (study, _) = draft(&billing.team, &body()).await;
    let answer = checkout(&billing, &json!({"jobId": study["jobId"]})).await;
    snapshot!("billing-checkout", &answer);
}
