//! `POST /api/billing/checkout`: a study is to be paid for (openscouter 16.1).

use harness::{
    Answer, Bench,
    functions::named,
    openscouter::{
        PASSWORD, api_token, ask,
        billing::{Billing, event},
        data, missing, refused, role, says,
        studies::{body, draft, id_of, moved, paid, with},
        told, work,
    },
    outsend, snapshot,
};
use serde_json::{Value, json};
use shared::model::{Checkout, Payment, Status, WorkItem};
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

/// A draft with an open checkout: its path, and Stripe's id of the checkout.
async fn pending(billing: &Billing) -> (String, String) {
    let (study, path) = draft(&billing.team, &body()).await;
    let made = data(&checkout(billing, &json!({"jobId": study["jobId"]})).await);
    (path, made["checkoutSessionId"].as_str().unwrap().to_owned())
}

fn ended(billing: &Billing, session: &str) -> usize {
    billing.stripe.calls(&format!("checkout/sessions/{session}/expire")).len()
}

#[tokio::test]
async fn a_draft_that_is_deleted_ends_its_checkout() {
    let billing = Billing::start().await.paying().await;
    let bench = &billing.team.bench;
    let (path, session) = pending(&billing).await;
    // Stripe is out of order at first
    billing.stripe.refuse(&format!("checkout/sessions/{session}/expire"), 500, "api_error", "");
    assert_eq!(billing.team.owner("DELETE", &path, &Value::Null).await.status, 200);
    work(bench).await;
    assert_eq!(ended(&billing, &session), 1);
    bench.advance(Duration::minutes(2));
    work(bench).await;
    assert_eq!(
        (ended(&billing, &session), &billing.stripe.made("checkout/sessions")[0]["status"]),
        (2, &json!("expired"))
    );
    // delivered again, it does no harm
    let open = Checkout { session: Some((session.clone(), String::new())), ..of_a_test(bench, &path) };
    let again = WorkItem::expire_checkout(&open).unwrap();
    assert!(bench.context.store().queue_alone(&again, bench.context.clock().now()).await.unwrap());
    work(bench).await;
    assert_eq!(ended(&billing, &session), 3);
    // what Stripe tells of it changes nothing, paid or not
    let study = path.rsplit('/').next().unwrap();
    for (id, kind) in [("evt_1", "checkout.session.expired"), ("evt_2", "checkout.session.completed")] {
        let object = json!({"id": session, "client_reference_id": study, "payment_status": "paid", "amount_total": 3_000,
            "currency": "usd", "metadata": {"checkout": "1"}});
        assert_eq!(billing.tell(&event(id, kind, 100, &object)).await.status, 200);
    }
    assert_eq!(told(&billing.team.owner("GET", &path, &Value::Null).await), missing("Study"));
    let left: Vec<_> = bench.items("main").await.unwrap();
    assert!(!left.iter().any(|item| item.contains(&session) || item.contains(&id_of(&path).to_string())));
}

/// A checkout as a test makes it.
fn of_a_test(bench: &Bench, path: &str) -> Checkout {
    let now = bench.context.clock().now();
    Checkout {
        study: id_of(path),
        number: 1,
        unit_minor: 1_500,
        quantity: 2,
        currency: "USD".to_owned(),
        title: "x".to_owned(),
        success_url: "https://a.example".to_owned(),
        cancel_url: "https://a.example".to_owned(),
        asked_at: now,
        expires_at: now + Duration::hours(24),
        session: None,
        told_at: None,
        version: 1,
    }
}

#[tokio::test]
async fn a_deletion_while_stripe_is_asked_ends_what_comes_of_it() {
    let billing = Billing::start().await.paying().await;
    let bench = &billing.team.bench;
    let (study, path) = draft(&billing.team, &body()).await;
    // the answer is on its way: pending, without a page
    billing.stripe.refuse("checkout/sessions", 401, "invalid_request_error", "");
    let asked = json!({"jobId": study["jobId"]}).to_string();
    let headers = [("authorization", billing.team.owner.as_str()), ("content-type", "application/json")];
    let function = named("openscouter-billing-checkout");
    let failed = bench.send(function, "POST", "/api/billing/checkout", &headers, asked.as_bytes()).await.unwrap();
    assert_eq!((failed.status, of_study(&billing, &path).await.1), (500, json!("pending")));
    let (store, now) = (bench.context.store(), bench.context.clock().now());
    let begun = store.checkout(id_of(&path)).await.unwrap().unwrap();
    assert_eq!(billing.team.owner("DELETE", &path, &Value::Null).await.status, 200);
    let page = ("cs_test_late".to_owned(), "https://checkout.stripe.test/late".to_owned());
    let made = Checkout { session: Some(page), version: begun.version + 1, ..begun };
    assert!(!store.keep_checkout(&made, now).await.unwrap(), "nobody is given the page");
    work(bench).await;
    assert_eq!(ended(&billing, "cs_test_late"), 1);
    // once it has ended by itself, Stripe is not asked
    let late = WorkItem::expire_checkout(&Checkout { expires_at: now, ..made }).unwrap();
    assert!(store.queue_alone(&late, now).await.unwrap());
    work(bench).await;
    assert_eq!(ended(&billing, "cs_test_late"), 1);
}

#[tokio::test]
async fn an_account_that_is_deleted_ends_its_checkouts() {
    let billing = Billing::start().await.paying().await;
    let bench = &billing.team.bench;
    let (_, session) = pending(&billing).await;
    let cookie = outsend::log_in(bench, "dana@example.com", PASSWORD).await;
    let deletion = json!({"password": PASSWORD});
    let gone = outsend::ask(bench, "DELETE", "/api/auth/account", &[("cookie", &cookie)], &deletion).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    for _ in 0..10 {
        work(bench).await;
    }
    assert_eq!(ended(&billing, &session), 1);
}

#[tokio::test]
async fn succeeds() {
    let billing = Billing::start().await.paying().await;
    let (study, _) = draft(&billing.team, &body()).await;
    let answer = checkout(&billing, &json!({"jobId": study["jobId"]})).await;
    snapshot!("billing-checkout", &answer);
}
