//! `POST /api/billing/payout`: the testers of a study are paid (openscouter 16.1).

use futures_util::future::join_all;
use harness::{
    openscouter::{api_token, ask, billing::Billing, data, missing, refused, role, says, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Payment, Status};

#[tokio::test]
async fn each_confirmed_session_is_paid_once() {
    let billing = Billing::start().await;
    let team = &billing.team;
    let account = billing.connect(&team.tester).await;
    billing.enable(&account, true, 1).await;
    let (rich, credential, other) = billing.payee("theo").await;
    let testers = [(&team.user, &*team.tester), (&rich, &*credential)];
    let (study, sessions) = billing.over(&testers, &json!({"compensation": {"amount": 19.93}})).await;
    let many = join_all((0..12).map(|_| billing.pay(&study))).await;
    assert!(many.iter().any(|answer| answer.status == 201) && many.iter().all(|answer| answer.status < 300));
    let again = billing.pay(&study).await;
    assert_eq!(again.status, 200);
    let payouts = data(&again)["payouts"].clone();
    for (payout, (session, tester)) in payouts.as_array().unwrap().iter().zip(sessions.iter().zip(testers)) {
        // round(1993 x 0.15) = 298.95
        let expected = json!({"payoutId": session.replace("sess_", "pay_"), "sessionId": session, "testerId": tester.0.id.wire(),
            "amountMinor": 1_993, "feeMinor": 299, "currency": "USD", "status": "processing"});
        assert_eq!(*payout, expected);
    }
    work(&team.bench).await;
    work(&team.bench).await;
    let transfers = billing.stripe.calls("transfers").into_iter().filter(|call| !call.key.is_empty());
    let mut sent: Vec<_> =
        transfers.map(|call| (call.said["destination"].clone(), call.said["amount"].clone())).collect();
    sent.sort_by_key(|(to, _)| to.to_string());
    let mut expected = vec![(json!(account), json!(1_694)), (json!(other), json!(1_694))];
    expected.sort_by_key(|(to, _)| to.to_string());
    assert_eq!(sent, expected);
    let paid: Vec<_> = billing.stripe.calls("payouts").into_iter().filter(|call| !call.key.is_empty()).collect();
    assert_eq!(paid.len(), 2);
    assert!(paid.iter().all(|call| [&account, &other].contains(&&call.account) && call.said["amount"] == 1_694));
    let trail = team.admin("GET", "/api/admin/audit?action=payout.created", &Value::Null).await;
    let trail = data(&trail);
    assert_eq!(trail.as_array().unwrap().len(), 2, "{trail}");
    assert_eq!(trail[0]["detail"]["amountMinor"], 1_993);
}

#[tokio::test]
async fn what_has_no_account_yet_waits_for_it() {
    let billing = Billing::start().await;
    let team = &billing.team;
    let (study, _, payout) = billing.paid_out().await;
    assert_eq!(payout["status"], "pending");
    work(&team.bench).await;
    assert!(billing.stripe.calls("transfers").is_empty());
    let account = billing.connect(&team.tester).await;
    let now = data(&billing.pay(&study).await)["payouts"][0]["status"].clone();
    assert_eq!(now, "pending", "an account is not enough");
    billing.enable(&account, true, 5).await;
    let (rows, _) = billing.listed(&team.owner, "").await;
    assert_eq!(rows[0]["status"], "processing");
    work(&team.bench).await;
    assert_eq!((billing.stripe.made("transfers").len(), billing.stripe.made("payouts").len()), (1, 1));
    billing.enable(&account, false, 6).await;
    billing.enable(&account, true, 7).await;
    work(&team.bench).await;
    assert_eq!(billing.stripe.made("transfers").len(), 1);
}

#[tokio::test]
async fn what_is_refused() {
    let billing = Billing::start().await;
    let team = &billing.team;
    let study = team.study(&json!({})).await;
    let pay = async |body: Value| team.owner("POST", "/api/billing/payout", &body).await;
    assert_eq!(told(&pay(json!({})).await), refused("jobId: is required"));
    for id in ["job_1", "job_01kkrbjhm0f7bbz7tpxh6gkmw7"] {
        assert_eq!(told(&pay(json!({"jobId": id})).await), missing("Study"));
    }
    assert_eq!(told(&billing.pay(&study).await), refused("Study is open, expected completed or closed"));
    assert_eq!(told(&team.tester("POST", "/api/billing/payout", &json!({"jobId": study})).await), role());
    let reader = api_token(&team.bench, &team.owner, &["read"]).await;
    let read = ask(&team.bench, &reader, "POST", "/api/billing/payout", &json!({"jobId": study})).await;
    assert_eq!(told(&read), says(403, "Missing scope: write"));
    harness::openscouter::studies::moved(team, &format!("/api/jobs/{study}"), Status::Closed).await;
    let none = billing.pay(&study).await;
    assert_eq!((none.status, data(&none)), (200, json!({"jobId": study, "payouts": []})), "nobody confirmed");
    let billing = billing.paying().await;
    billing.payment(&study, Payment::Unpaid).await;
    assert_eq!(told(&billing.pay(&study).await), refused("Study payment is not confirmed"));
}

#[tokio::test]
async fn where_nothing_is_paid_it_is_paid() {
    let billing = Billing::start().await;
    let team = &billing.team;
    let free = json!({"compensation": {"amount": 0}});
    let (study, _) = billing.over(&[(&team.user, &team.tester)], &free).await;
    let made = data(&billing.pay(&study).await)["payouts"][0].clone();
    assert_eq!((&made["status"], &made["amountMinor"], &made["feeMinor"]), (&json!("paid"), &json!(0), &json!(0)));
}

#[tokio::test]
async fn succeeds() {
    let billing = Billing::start().await;
    let account = billing.connect(&billing.team.tester).await;
    billing.enable(&account, true, 1).await;
    let (study, _) = billing.over(&[(&billing.team.user, &billing.team.tester)], &json!({})).await;
    let answer = billing.pay(&study).await;
    snapshot!("billing-payout", &answer);
}
