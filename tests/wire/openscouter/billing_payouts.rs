//! `GET /api/billing/payouts`: payouts, newest first (openscouter 2.7, 16.1).

use harness::{
    openscouter::{api_token, ask, bearer, billing::Billing, cost, data, person, read, says, told, work},
    snapshot,
};
use serde_json::{Value, json};
use shared::{
    model::{
        Action, AuditEntry, Compensation, FeeRate, OrganizationId, Payout, Records, Role, StudyId, TestSession,
        TestSessionId, TestStatus, UserId,
    },
    store::SharedList,
};
use time::Duration;

#[tokio::test]
async fn everybody_sees_their_own() {
    let billing = Billing::start().await;
    let team = &billing.team;
    let (rich, credential, _) = billing.payee("theo").await;
    let (study, sessions) = billing.over(&[(&team.user, &team.tester), (&rich, &credential)], &json!({})).await;
    billing.pay(&study).await;
    person(&team.bench, Role::Business, "otto@example.com").await;
    let otto = bearer(&team.bench, "otto@example.com").await;
    let token = api_token(&team.bench, &team.owner, &["read"]).await;
    let pay = |session: &str| json!(session.replace("sess_", "pay_"));
    let both = [pay(&sessions[1]), pay(&sessions[0])];
    let of_study = format!("?jobId={study}");
    let foreign = "?jobId=job_01kkrbjhm0f7bbz7tpxh6gkmw7";
    for (who, query, expected) in [
        (&team.owner, "", &both[..]),
        (&team.admin, "", &both[..]),
        (&token, "", &both[..]),
        (&otto, "", &[]),
        (&otto, &of_study, &[]),
        (&team.owner, &of_study, &both[..]),
        (&team.admin, &of_study, &both[..]),
        (&team.owner, foreign, &[]),
        (&team.admin, "?jobId=x", &[]),
        (&team.tester, "", &both[1..]),
        (&team.tester, &of_study, &both[1..]),
        (&credential, &of_study, &both[..1]),
        (&credential, "?status=pending", &[]),
        (&team.tester, "?status=pending", &both[1..]),
        (&team.owner, "?status=processing", &both[..1]),
        (&team.owner, "?limit=1&page=2", &both[1..]),
        (&team.owner, "?page=9", &[]),
    ] {
        let (rows, metadata) = billing.listed(who, query).await;
        let ids: Vec<_> = rows.iter().map(|row| row["payoutId"].clone()).collect();
        assert_eq!(ids, expected, "{query}");
        if !query.contains("page") {
            assert_eq!(metadata["total"], expected.len(), "{query}");
        }
    }
    for (query, refusal) in [
        ("?status=x", says(422, "status: must be one of: pending, processing, paid, failed")),
        ("?page=0", says(400, "page: must be an integer of at least 1")),
    ] {
        assert_eq!(told(&read(&team.bench, &team.owner, &format!("/api/billing/payouts{query}")).await), refusal);
    }
}

/// A payout as it is made for a session that nobody had.
fn synthetic(number: u32, tester: UserId, organization: OrganizationId, now: time::OffsetDateTime) -> Payout {
    let at = now + Duration::milliseconds(i64::from(number));
    let session = TestSession {
        id: TestSessionId::at(at),
        study: StudyId::at(at),
        organization,
        tester,
        number: 1,
        variant: None,
        status: TestStatus::Confirmed,
        records: Records { events: true, facial: true, voice: true },
        most_minutes: 60,
        pauses: Vec::new(),
        abandoned: false,
        created_at: at,
        completed_at: None,
        confirmed_at: None,
        snapshot: None,
        analyst: None,
        reporter: None,
        report: None,
        version: 1,
    };
    let pays = Compensation { currency: "EUR".to_owned(), amount: 15.0, kind: "flat".to_owned() };
    Payout::new(&session, &pays, FeeRate::parse("0.15").unwrap(), at).unwrap()
}

#[tokio::test]
async fn deep_pages_cost_what_the_first_one_costs() {
    let billing = Billing::start().await;
    let (bench, store) = (&billing.team.bench, billing.team.bench.context.store());
    let owner = harness::openscouter::user(bench, "dana@example.com").await;
    let clock = bench.context.clock();
    for number in 0..600 {
        let now = clock.now();
        let payout = synthetic(number, billing.team.user.id, owner.organization, now);
        let audit = AuditEntry::of_operator(Action::PayoutCreated, Some(payout.id.wire()), json!({}), now);
        store.create_payout(&payout, &audit, now).await.unwrap();
    }
    while store.drain_left(SharedList::Payouts, clock, clock.now() + Duration::seconds(30)).await.unwrap()
        != shared::store::Drained::All
    {}
    let page = async |page: u32| {
        bench.advance(Duration::seconds(1));
        cost(bench, &billing.team.owner, &format!("/api/billing/payouts?limit=10&page={page}")).await
    };
    let first = page(1).await;
    for number in [2, 30, 60] {
        let deep = page(number).await;
        assert!(deep.items_read <= 2 * first.items_read && deep.calls <= first.calls + 1, "{first:?} {deep:?}");
    }
    let (_, metadata) = billing.listed(&billing.team.tester, "?page=60&limit=10").await;
    assert_eq!(metadata["total"], 600);
}

#[tokio::test]
async fn a_page_past_the_end() {
    let billing = Billing::start().await;
    let answer = read(&billing.team.bench, &billing.team.tester, "/api/billing/payouts?page=3").await;
    assert_eq!((data(&answer), &answer.json()["metadata"]["page"]), (json!([]), &json!(3)));
}

#[tokio::test]
async fn succeeds() {
    let billing = Billing::start().await;
    billing.paid_out().await;
    work(&billing.team.bench).await;
    let answer = ask(&billing.team.bench, &billing.team.owner, "GET", "/api/billing/payouts", &Value::Null).await;
    snapshot!("billing-payouts", &answer);
}
