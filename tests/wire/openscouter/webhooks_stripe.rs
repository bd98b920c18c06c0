//! `POST /api/webhooks/stripe`: what Stripe tells (openscouter 16.2).

use futures_util::future::join_all;
use harness::{
    Answer, Bench,
    faults::Fault,
    functions::named,
    openscouter::{
        billing::{Billing, event, signed, tell},
        data, says, send,
        stripe::{SECRET, Stripe},
        studies::{body, draft},
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

const PATH: &str = "/api/webhooks/stripe";

async fn sent(bench: &Bench, signature: Option<&str>, body: &str) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(signature.map(|signature| ("stripe-signature", signature)));
    send(bench, "POST", PATH, &headers, body).await
}

#[tokio::test]
async fn only_what_stripe_signed_is_heard() {
    let (_, variables) = Stripe::start().await;
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let bench = Bench::with(&variables).await.unwrap();
    let now = bench.context.clock().now().unix_timestamp();
    let body = event("evt_1", "ping", now, &json!({})).to_string();
    let good = signed(&body, SECRET, now);
    let invalid = says(401, "Invalid signature");
    for wrong in [
        None,
        Some(String::new()),
        Some(signed(&body, "whsec_wrong", now)),
        Some(signed(&body, SECRET, now - 310)),
        Some(signed(&body, SECRET, now + 310)),
        Some(good.replace("v1=", "v0=")),
        Some(good.replace(&format!("t={now}"), &format!("t={}", now + 1))),
    ] {
        bench.advance(Duration::milliseconds(10));
        assert_eq!(told(&sent(&bench, wrong.as_deref(), &body).await), invalid, "{wrong:?}");
    }
    let answer = sent(&bench, Some(&good), &body.replace("ping", "pong")).await;
    assert_eq!((told(&answer), answer.header("www-authenticate")), (invalid.clone(), "Bearer"));
    let heard = sent(&bench, Some(&format!("{good},v1=00")), &body).await;
    assert_eq!((heard.status, heard.json()), (200, json!({"received": true})));
    assert_eq!(heard.header("ratelimit-policy"), "\"webhook\";q=1000;w=60");
    let other = signed(&body, "whsec_of_another_endpoint", now);
    assert_eq!(sent(&bench, Some(&other), &body).await.status, 200, "each endpoint at Stripe has a secret of its own");
    let unsigned = "{\"id\":";
    assert_eq!(
        told(&sent(&bench, Some(&signed(unsigned, SECRET, now)), unsigned).await),
        says(400, "Malformed JSON body")
    );
    for (body, text) in [
        (json!({}), "id: is required"),
        (json!({"id": "e", "type": "x"}), "created: is required"),
        (json!({"id": "e", "type": "x", "created": "1"}), "created: must be an integer"),
        (json!({"id": "e", "type": "x", "created": 1, "data": {}}), "data.object: is required"),
        (json!([]), "body: must be an object"),
    ] {
        let body = body.to_string();
        assert_eq!(told(&sent(&bench, Some(&signed(&body, SECRET, now)), &body).await), says(422, text));
    }
    let closed = Bench::start().await.unwrap();
    assert_eq!(told(&sent(&closed, Some(&good), &body).await), invalid, "no secret, no events");
}

fn payout_event(id: &str, kind: &str, created: i64, payout: &Value, more: &Value) -> Value {
    let mut object = json!({"id": "po_of_a_test", "object": "payout", "amount": 1_275, "currency": "usd",
        "arrival_date": 1_710_676_800, "metadata": {"payoutId": payout["payoutId"], "attempt": "1"}});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event(id, kind, created, &object)
}

/// A payout under way, and Stripe's id of it.
async fn under_way(billing: &Billing) -> (Value, String) {
    let account = billing.connect(&billing.team.tester).await;
    billing.enable(&account, true, 1).await;
    let (_, _, payout) = billing.paid_out().await;
    work(&billing.team.bench).await;
    let made = billing.stripe.made("payouts");
    (payout, made[0]["id"].as_str().unwrap().to_owned())
}

async fn row(billing: &Billing) -> Value {
    billing.listed(&billing.team.owner, "").await.0[0].clone()
}

#[tokio::test]
async fn a_payout_arrives_or_fails() {
    let billing = Billing::start().await;
    let (payout, stripe) = under_way(&billing).await;
    let id = json!({"id": stripe});
    let failed = json!({"id": stripe, "failure_code": "account_closed", "failure_message": "of Tess's bank"});
    let one = payout_event("evt_1", "payout.failed", 200, &payout, &failed);
    assert_eq!(billing.tell(&one).await.status, 200);
    let seen = row(&billing).await;
    assert_eq!(
        (&seen["status"], &seen["failureCode"], &seen["paidAt"]),
        (&json!("failed"), &json!("account_closed"), &Value::Null)
    );
    assert!(!seen.to_string().contains("bank"));
    // older than what was heard
    billing.tell(&payout_event("evt_2", "payout.paid", 199, &payout, &id)).await;
    assert_eq!(row(&billing).await["status"], "failed");
    // of another payout of Stripe's, as of an earlier try
    billing.tell(&payout_event("evt_3", "payout.paid", 300, &payout, &json!({"id": "po_other"}))).await;
    assert_eq!(row(&billing).await["status"], "failed");
    billing.tell(&payout_event("evt_4", "payout.paid", 201, &payout, &id)).await;
    let seen = row(&billing).await;
    assert_eq!(
        (&seen["status"], &seen["paidAt"], &seen["failureCode"]),
        (&json!("paid"), &json!("2024-03-17T12:00:00Z"), &Value::Null)
    );
    billing.team.bench.advance(Duration::hours(2));
    let admin = harness::openscouter::bearer(&billing.team.bench, "ann@example.com").await;
    assert_eq!(billing.retry(&json!({})).await["processed"], 0, "what has arrived is not tried again");
    let trail = harness::openscouter::read(&billing.team.bench, &admin, "/api/admin/audit?action=payout.failed").await;
    let trail = data(&trail);
    assert_eq!((trail.as_array().unwrap().len(), &trail[0]["objectId"]), (1, &payout["payoutId"]));
    assert_eq!(billing.tell(&event("evt_5", "payout.paid", 1, &json!({"id": "po_nobodys"}))).await.status, 200);
    assert_eq!(billing.tell(&event("evt_6", "charge.refunded", 1, &json!({"id": "ch_1"}))).await.status, 200);
}

#[tokio::test]
async fn an_event_that_comes_before_our_own_record() {
    let billing = Billing::start().await;
    let account = billing.connect(&billing.team.tester).await;
    billing.enable(&account, true, 1).await;
    let (_, _, payout) = billing.paid_out().await;
    billing.tell(&payout_event("evt_1", "payout.paid", 5, &payout, &json!({}))).await;
    assert_eq!(row(&billing).await["status"], "paid");
    work(&billing.team.bench).await;
    assert!(billing.stripe.made("payouts").is_empty(), "what has arrived is not sent");
}

#[tokio::test]
async fn each_event_has_one_effect_however_often_and_in_whatever_order_it_comes() {
    let billing = Billing::start().await;
    let (payout, stripe) = under_way(&billing).await;
    let news = |n: i64| {
        let kind = if n % 2 == 0 { "payout.failed" } else { "payout.paid" };
        payout_event(
            &format!("evt_{n}"),
            kind,
            1_000 + n,
            &payout,
            &json!({"id": stripe, "failure_code": format!("f{n}")}),
        )
    };
    let events: Vec<_> = (0..10).map(news).collect();
    // fifty deliveries at once, of ten events, each five times
    let told = join_all((0..50).map(|n| billing.tell(&events[(n * 7) % 10]))).await;
    assert!(told.iter().all(|answer| answer.status == 200 && answer.json() == json!({"received": true})));
    assert_eq!(row(&billing).await["status"], "paid", "the newest says so");
    let marks = billing.team.bench.items("hot").await.unwrap();
    assert_eq!(marks.iter().filter(|item| item.contains("SEEN#stripe#")).count(), 11, "ten, and that of the account");
    let trail = billing.team.admin("GET", "/api/admin/audit?action=payout.failed", &Value::Null).await;
    let failures = data(&trail).as_array().unwrap().clone();
    let mut codes: Vec<_> = failures.iter().map(|entry| entry["detail"]["failureCode"].to_string()).collect();
    let all = codes.len();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), all, "no failure twice");
    // an event is known for thirty days
    let one = payout_event("evt_late", "payout.failed", 2_000, &payout, &json!({"id": stripe, "failure_code": "late"}));
    let many = join_all((0..50).map(|_| billing.tell(&one))).await;
    assert!(many.iter().all(|answer| answer.status == 200));
    work(&billing.team.bench).await;
    let trail = billing.team.admin("GET", "/api/admin/audit?action=payout.failed", &Value::Null).await;
    assert_eq!(data(&trail).as_array().unwrap().len(), all + 1);
}

#[tokio::test]
async fn a_checkout_pays_for_a_study() {
    let billing = Billing::start().await.paying().await;
    let team = &billing.team;
    let seen = async |path: &str| {
        let study = data(&team.owner("GET", path, &Value::Null).await);
        json!([study["status"], study["paymentStatus"]])
    };
    let (study, path) = draft(team, &body()).await;
    let asked = json!({"jobId": study["jobId"]});
    let made = data(&team.owner("POST", "/api/billing/checkout", &asked).await);
    let object = |status: &str, sum: i64| {
        json!({"id": made["checkoutSessionId"], "client_reference_id": study["jobId"], "payment_status": status,
            "amount_total": sum, "currency": "usd"})
    };
    let completed = "checkout.session.completed";
    billing.tell(&event("evt_1", completed, 10, &object("unpaid", 3_000))).await;
    billing.tell(&event("evt_2", completed, 11, &object("paid", 1))).await;
    assert_eq!(seen(&path).await, json!(["draft", "pending"]), "not paid, or not enough");
    let paid = event("evt_3", completed, 12, &object("paid", 3_000));
    join_all((0..20).map(|_| billing.tell(&paid))).await;
    assert_eq!(seen(&path).await, json!(["open", "paid"]));
    billing.tell(&event("evt_4", "checkout.session.expired", 13, &object("unpaid", 3_000))).await;
    assert_eq!(seen(&path).await, json!(["open", "paid"]));
    assert!(data(&team.owner("GET", &path, &Value::Null).await)["launchedAt"].is_string());

    // one that is not complete stays a draft
    let (bare, path) = draft(team, &body()).await;
    harness::openscouter::studies::alter(team, &path, |study| {
        let mut next = study.changed_at(study.updated_at);
        next.details.description = String::new();
        next
    })
    .await;
    let object =
        json!({"id": "cs_unknown", "client_reference_id": bare["jobId"], "payment_status": "no_payment_required"});
    billing.tell(&event("evt_5", completed, 1, &object)).await;
    assert_eq!(seen(&path).await, json!(["draft", "paid"]));
    let late = team.owner("PATCH", &path, &json!({"targeting": {"testerCount": 9}})).await;
    assert_eq!(told(&late), says(422, "targeting.testerCount: cannot be changed after payment"));
    let gone = json!({"id": "cs_x", "client_reference_id": "job_01kkrbjhm0f7bbz7tpxh6gkmw7", "payment_status": "paid"});
    assert_eq!(billing.tell(&event("evt_6", completed, 1, &gone)).await.status, 200);
}

#[tokio::test]
async fn a_failure_is_told_so_that_stripe_sends_again() {
    let billing = Billing::start().await;
    let (payout, stripe) = under_way(&billing).await;
    let bench = &billing.team.bench;
    let paid = payout_event("evt_1", "payout.paid", 5, &payout, &json!({"id": stripe}));
    let text = paid.to_string();
    let signature = signed(&text, SECRET, bench.context.clock().now().unix_timestamp());
    let headers = [("stripe-signature", signature.as_str()), ("content-type", "application/json")];
    bench.faults.every(1, Fault::Broken);
    let failed =
        bench.send(named("openscouter-webhooks-stripe"), "POST", PATH, &headers, text.as_bytes()).await.unwrap();
    bench.faults.stop();
    assert_eq!(told(&failed), says(500, "Internal server error"));
    assert_eq!(row(&billing).await["status"], "processing", "nothing of it was done");
    assert_eq!(tell(bench, &paid).await.status, 200);
    assert_eq!(row(&billing).await["status"], "paid");
}

#[tokio::test]
async fn succeeds() {
    let billing = Billing::start().await;
    let answer = billing.tell(&event("evt_1", "ping", 1, &json!({"id": "x"}))).await;
    snapshot!("webhooks-stripe", &answer);
}
