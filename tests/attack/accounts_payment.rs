//! A study of an organization that must pay is opened when it is paid for, by whichever door.

use harness::{
    Answer,
    openscouter::{data, read, refused, team::Team, told},
    outset::UPDATE,
};
use serde_json::{Value, json};
use shared::model::{Details, OrganizationId, Payment, Plan, Scope, Status, Study, StudyId, Task};

struct Owing {
    team: Team,
    organization: OrganizationId,
    key: String,
}

impl Owing {
    /// A team whose organization must pay.
    async fn start() -> Self {
        let team = Team::start().await;
        let me = data(&read(&team.bench, &team.owner, "/api/auth/me").await);
        let organization = OrganizationId::from_wire(me["organization"]["organizationId"].as_str().unwrap()).unwrap();
        let key = team.bench.new_key(organization, Plan::Free, &Scope::ALL).await.unwrap();
        let owing = Self { team, organization, key: format!("Api-Key {key}") };
        owing.exempt(false).await;
        owing
    }

    async fn exempt(&self, exempt: bool) {
        let path = format!("/api/admin/organizations/{}", self.organization.wire());
        assert_eq!(self.team.admin("PATCH", &path, &json!({"billingExempt": exempt})).await.status, 200);
    }

    async fn study(&self, status: Status, payment: Payment) -> StudyId {
        let now = self.team.bench.context.clock().now();
        let study = Study {
            id: StudyId::at(now),
            organization: self.organization,
            name: "Unpaid".to_owned(),
            status,
            paused_from: (status == Status::Paused).then_some(Status::Open),
            completion_url: None,
            target_url: None,
            tasks: vec![Task::titled("Pay")],
            details: Details { payment, ..Details::default() },
            created_at: now,
            updated_at: now,
            version: 1,
        };
        assert!(self.team.bench.context.store().create_studies(std::slice::from_ref(&study)).await.unwrap().is_empty());
        study.id
    }

    async fn outset(&self, method: &str, study: StudyId, more: &[(&str, &str)], body: &Value) -> Answer {
        let mut headers = vec![("authorization", self.key.as_str()), ("content-type", "application/json")];
        headers.extend_from_slice(more);
        let path = format!("/v1/studies/{study}/");
        self.team.bench.send(UPDATE, method, &path, &headers, body.to_string().as_bytes()).await.unwrap()
    }

    async fn stored(&self, study: StudyId) -> Study {
        self.team.bench.context.store().linked_study(study).await.unwrap().unwrap()
    }
}

fn unpaid(answer: &Answer) {
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["errors"][0]["field"], &body["errors"][0]["code"]),
        (400, &json!("active"), &json!("payment_required")),
        "{}",
        answer.body
    );
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn outset_opens_nothing_that_is_not_paid() {
    let owing = Owing::start().await;
    for status in [Status::Draft, Status::Paused] {
        for payment in [Payment::Unpaid, Payment::Pending] {
            let id = owing.study(status, payment).await;
            let before = owing.stored(id).await;
            let body = json!({"active": true, "completion_url": "https://a.test/done"});
            unpaid(&owing.outset("PATCH", id, &[], &body).await);
            unpaid(&owing.outset("PATCH", id, &[("idempotency-key", "k-1")], &body).await);
            unpaid(&owing.outset("PATCH", id, &[], &json!({"active": "yes"})).await);
            assert!(owing.outset("PUT", id, &[], &body).await.status >= 400);
            assert_eq!(owing.stored(id).await, before, "{status:?} {payment:?}: nothing of it is written");
            // the rest is no matter of money
            let other = owing
                .outset("PATCH", id, &[], &json!({"active": false, "completion_url": "https://a.test/done"}))
                .await;
            assert_eq!((other.status, &other.json()["completion_url"]), (200, &json!("https://a.test/done")));
        }
    }
}

#[tokio::test]
async fn what_is_paid_or_exempt_or_open_already_is_as_before() {
    let owing = Owing::start().await;
    for (status, payment) in
        [(Status::Draft, Payment::Paid), (Status::Paused, Payment::Paid), (Status::Paused, Payment::Exempt)]
    {
        let id = owing.study(status, payment).await;
        assert_eq!(
            owing.outset("PATCH", id, &[], &json!({"active": true})).await.json()["status"],
            "open",
            "{status:?} {payment:?}"
        );
    }
    // one that is open is not shut
    let open = owing.study(Status::Open, Payment::Unpaid).await;
    let same =
        owing.outset("PATCH", open, &[], &json!({"active": true, "completion_url": "https://a.test/done"})).await;
    assert_eq!((same.status, &same.json()["active"]), (200, &json!(true)));
    owing.exempt(true).await;
    for status in [Status::Draft, Status::Paused] {
        let id = owing.study(status, Payment::Unpaid).await;
        assert_eq!(
            owing.outset("PATCH", id, &[], &json!({"active": true})).await.json()["status"],
            "open",
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn openscouter_opens_nothing_again_that_is_not_paid() {
    let owing = Owing::start().await;
    let id = owing.study(Status::Paused, Payment::Unpaid).await;
    let path = format!("/api/jobs/{}", id.wire());
    let before = owing.stored(id).await;
    for caller in [&owing.team.owner, &owing.team.admin] {
        let answer = harness::openscouter::patch(
            &owing.team.bench,
            caller,
            &path,
            &json!({"status": "open", "title": "Renamed"}),
        )
        .await;
        assert_eq!(told(&answer), refused("Study payment is not confirmed"));
    }
    assert_eq!(owing.stored(id).await, before);
    assert_eq!(owing.team.owner("PATCH", &path, &json!({"title": "Renamed"})).await.status, 200);
    let paid = owing.study(Status::Paused, Payment::Paid).await;
    assert_eq!(
        data(&owing.team.owner("PATCH", &format!("/api/jobs/{}", paid.wire()), &json!({"status": "open"})).await)["status"],
        "open"
    );
    owing.exempt(true).await;
    assert_eq!(data(&owing.team.owner("PATCH", &path, &json!({"status": "open"})).await)["status"], "open");
}
