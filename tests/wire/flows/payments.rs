//! Money that moves once: failures that are tried again, workers that die between a call of Stripe and its record, and
//! what stays of it (openscouter 5.3, 16, 18, 20, 21).

use harness::{
    Random,
    faults::Fault,
    openscouter::{
        ask, bearer,
        billing::{Billing, event},
        data, erase_due, says, told, work,
    },
};
use serde_json::{Value, json};
use shared::model::{
    Action, AuditEntry, Compensation, FeeRate, Payout, Records, StudyId, TestSession, TestSessionId, TestStatus,
};
use time::Duration;

/// A payout to the team's tester, as for a session that nobody had.
async fn payout(billing: &Billing) -> Payout {
    let (bench, user) = (&billing.team.bench, &billing.team.user);
    let now = bench.context.clock().now();
    let session = TestSession {
        id: TestSessionId::at(now),
        study: StudyId::at(now),
        organization: user.organization,
        tester: user.id,
        number: 1,
        variant: None,
        status: TestStatus::Confirmed,
        records: Records { events: true, facial: true, voice: true },
        most_minutes: 60,
        pauses: Vec::new(),
        abandoned: false,
        created_at: now,
        completed_at: None,
        confirmed_at: None,
        snapshot: None,
        analyst: None,
        reporter: None,
        report: None,
        version: 1,
    };
    let pays = Compensation { currency: "EUR".to_owned(), amount: 15.0, kind: "flat".to_owned() };
    let payout = Payout::new(&session, &pays, FeeRate::parse("0.15").unwrap(), now).unwrap();
    let audit = AuditEntry::of_operator(Action::PayoutCreated, Some(payout.id.wire()), json!({}), now);
    bench.context.store().create_payout(&payout, &audit, now).await.unwrap().0
}

async fn with_account() -> Billing {
    let billing = Billing::start().await;
    let account = billing.connect(&billing.team.tester).await;
    billing.enable(&account, true, 1).await;
    work(&billing.team.bench).await;
    billing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_anywhere_pays_nobody_twice() {
    const DEATHS: usize = 200;
    let billing = with_account().await;
    let bench = &billing.team.bench;
    let mut random = Random(20_261_130);
    for death in 0..DEATHS {
        let payout = payout(&billing).await;
        let fault = if random.below(2) == 0 { Fault::LostAnswer } else { Fault::Broken };
        // in a place of the work, or of the time that it takes
        let most = std::time::Duration::from_millis(1 + random.below(60) as u64);
        if random.below(3) > 0 {
            bench.faults.every(1 + random.below(9), fault);
        }
        let run = bench.invoke(&background_work::FUNCTION, bytes::Bytes::from_static(b"{}"));
        let _ = tokio::time::timeout(if random.below(2) == 0 { most } else { most * 8 }, run).await;
        bench.faults.stop();
        if random.below(4) == 0 {
            billing.stripe.forget_keys();
        }
        for _ in 0..6 {
            bench.advance(Duration::seconds(61));
            work(bench).await;
            let known = bench.context.store().payout(payout.id).await.unwrap().unwrap();
            if known.stripe_payout.is_some() {
                break;
            }
        }
        let known = bench.context.store().payout(payout.id).await.unwrap().unwrap();
        assert!(known.transfer.is_some() && known.stripe_payout.is_some(), "{death}: {known:?}");
        assert_eq!(billing.stripe.made("transfers").len(), death + 1, "{death}: {fault:?}");
        assert_eq!(billing.stripe.made("payouts").len(), death + 1, "{death}: {fault:?}");
    }
}

#[tokio::test]
async fn what_failed_is_tried_again_three_times_later_each_time() {
    let billing = with_account().await;
    let (bench, store) = (&billing.team.bench, billing.team.bench.context.store());
    let id = payout(&billing).await.id;
    work(bench).await;
    let known = async || store.payout(id).await.unwrap().unwrap();
    for (attempt, hours) in [(1_i64, 1), (2, 6), (3, 24)] {
        let at = known().await;
        assert_eq!(i64::from(at.attempt), attempt);
        let object = json!({"id": at.stripe_payout, "failure_code": "account_closed"});
        billing.tell(&event(&format!("evt_{attempt}"), "payout.failed", attempt * 10, &object)).await;
        bench.advance(Duration::hours(hours) - Duration::seconds(10));
        assert_eq!(billing.retry(&json!({})).await["processed"], 0, "{hours} h");
        bench.advance(Duration::seconds(10));
        // the schedule and somebody outside at once
        let tick = bench.invoke(&background_payout_retry::FUNCTION, bytes::Bytes::from_static(b"{}"));
        let (first, second) = futures_util::future::join(billing.retry(&json!({})), tick).await;
        let ticked: Value = serde_json::from_slice(&second.unwrap().whole().unwrap()).unwrap();
        assert_eq!(first["processed"].as_u64().unwrap() + ticked["processed"].as_u64().unwrap(), 1);
        work(bench).await;
    }
    let object = json!({"id": known().await.stripe_payout, "failure_code": "account_closed"});
    billing.tell(&event("evt_4", "payout.failed", 40, &object)).await;
    bench.advance(Duration::days(30));
    assert_eq!(billing.retry(&json!({})).await["processed"], 0, "three times, and no more");
    assert_eq!(billing.stripe.made("transfers").len(), 1, "the money is on the account already");
    let attempts: Vec<_> =
        billing.stripe.made("payouts").iter().map(|made| made["metadata"]["attempt"].clone()).collect();
    assert_eq!(attempts, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn what_stripe_refuses_has_failed_and_what_is_in_doubt_has_not() {
    let billing = with_account().await;
    let (bench, store) = (&billing.team.bench, billing.team.bench.context.store());
    let id = payout(&billing).await.id;
    billing.stripe.refuse("transfers", 429, "rate_limit_error", "");
    work(bench).await;
    assert_eq!(store.payout(id).await.unwrap().unwrap().status.as_str(), "processing");
    billing.stripe.forget_keys();
    bench.advance(Duration::seconds(61));
    billing.stripe.refuse("transfers", 400, "invalid_request_error", "balance_insufficient");
    work(bench).await;
    let failed = store.payout(id).await.unwrap().unwrap();
    assert_eq!((failed.status.as_str(), failed.failure.unwrap().code), ("failed", "balance_insufficient".to_owned()));
    work(bench).await;
    let mails = harness::openscouter::read(
        bench,
        &bearer(bench, "ann@example.com").await,
        "/api/billing/payouts?status=failed",
    )
    .await;
    assert_eq!(data(&mails)[0]["failureCode"], "balance_insufficient");
    bench.advance(Duration::hours(1));
    assert_eq!(billing.retry(&json!({})).await, json!({"processed": 1, "failed": 0, "nextCursor": null}));
    work(bench).await;
    assert_eq!((billing.stripe.made("transfers").len(), billing.stripe.made("payouts").len()), (1, 1));
}

#[tokio::test]
async fn the_job_goes_on_where_it_stopped() {
    let billing = with_account().await;
    let bench = &billing.team.bench;
    for _ in 0..5 {
        payout(&billing).await;
        billing.stripe.refuse("transfers", 400, "invalid_request_error", "balance_insufficient");
        bench.advance(Duration::seconds(2));
    }
    work(bench).await;
    bench.advance(Duration::hours(2));
    let first = billing.retry(&json!({"limit": 2})).await;
    assert_eq!((&first["processed"], first["nextCursor"].is_string()), (&json!(2), true));
    let second = billing.retry(&json!({"limit": 2, "cursor": first["nextCursor"]})).await;
    let third = billing.retry(&json!({"limit": 2, "cursor": second["nextCursor"]})).await;
    assert_eq!((&second["processed"], third), (&json!(2), json!({"processed": 1, "failed": 0, "nextCursor": null})));
    for cursor in ["x", "1#payout#x", "000000000000000#session#x"] {
        let body = json!({"cursor": cursor});
        let wrong = ask(bench, "Bearer of-the-scheduler", "POST", "/api/cron/payout-retry", &body).await;
        assert_eq!(told(&wrong), says(422, "cursor: is invalid"), "{cursor}");
    }
}

#[tokio::test]
async fn the_job_begins_what_waited_for_an_account() {
    let billing = Billing::start().await;
    let (bench, store) = (&billing.team.bench, billing.team.bench.context.store());
    let id = payout(&billing).await.id;
    let account = billing.connect(&billing.team.tester).await;
    billing.enable(&account, true, 5).await;
    // the work that does so is not done
    assert_eq!(billing.retry(&json!({})).await["processed"], 1);
    assert_eq!(store.payout(id).await.unwrap().unwrap().status.as_str(), "processing");
    work(bench).await;
    billing.retry(&json!({})).await;
    assert_eq!(billing.retry(&json!({})).await["processed"], 0, "nothing is left");
    assert_eq!(billing.stripe.made("transfers").len(), 1);
}

#[tokio::test]
async fn a_payout_outlives_its_tester_for_seven_years() {
    let billing = Billing::start().await;
    let (team, bench) = (&billing.team, &billing.team.bench);
    let id = payout(&billing).await.id;
    let account = billing.connect(&team.tester).await;
    let asked = ask(bench, &team.tester, "POST", "/api/me/erasure", &json!({"confirm": "ERASE"})).await;
    assert_eq!(asked.status, 202);
    erase_due(bench).await;
    let lapsed = bench.context.store().payout(id).await.unwrap().unwrap();
    assert_eq!((lapsed.status.as_str(), lapsed.failure.unwrap().code), ("failed", "tester_erased".to_owned()));
    let left = bench.left(&[team.user.id.to_string(), account]).await.unwrap();
    assert!(left.iter().all(|item| item.contains(&format!("PAY#{id}"))), "{left:?}");
    bench.advance(Duration::days(7 * 365));
    work(bench).await;
    assert!(bench.context.store().payout(id).await.unwrap().is_none());
}
