//! How fast the lists that all tenants share follow: many changes that wait, and one drainer.

use aws_sdk_dynamodb::types::AttributeValue;
use harness::meter::Tally;
use serde_json::json;
use shared::{
    clock::epoch_millis,
    model::{Action, AuditEntry, AuditId, Organization, OrganizationId, Plan, Role, StudyId, UserId},
    store::{Drained, NewTest, SharedList, TestCreation},
};
use time::Duration;

use super::{day::Day, others};

/// Studies that wait.
const STUDIES: u32 = 400;
/// Members of the other lists that wait.
const OTHERS: u32 = 100;
const SESSIONS: u32 = 48;

/// A drain as it was counted.
pub(super) struct Drain {
    pub(super) name: &'static str,
    pub(super) members: u32,
    /// How many of its calls go out together.
    pub(super) beside: f64,
    pub(super) tally: Tally,
}

/// Lets changes wait in each list, and drains them.
pub(super) async fn all(day: &mut Day, study: &str) -> Vec<Drain> {
    let id = StudyId::from_wire(study).unwrap();
    let mut drained = Vec::new();
    let studies: Vec<_> = (0..i64::from(STUDIES)).map(|number| others::imported(day, 1_000 + number)).collect();
    day.outset.bench.context.store().create_studies(&studies).await.unwrap();
    drained.push(drain(day, "studies of all (new drafts)", SharedList::Studies, STUDIES, 1.0).await);
    organizations(day).await;
    drained.push(drain(day, "organizations", SharedList::Organizations, OTHERS, 1.0).await);
    records(day).await;
    drained.push(drain(day, "audit trail (of as many actors)", SharedList::Audit, OTHERS, 8.0).await);
    sessions(day, id).await;
    drained
        .push(drain(day, "test sessions (begun, of as many testers)", SharedList::TestSessions, SESSIONS, 1.0).await);
    drained
}

async fn drain(day: &mut Day, name: &'static str, list: SharedList, members: u32, beside: f64) -> Drain {
    // nobody else comes for what waits
    drop(day.meter.take_stream());
    day.begin(name).await;
    let context = &day.team.bench.context;
    let until = context.clock().now() + Duration::minutes(5);
    assert_eq!(context.store().drain(list, context.clock(), until).await.unwrap(), Drained::All);
    day.end();
    Drain { name, members, beside, tally: day.meter.tally(name) }
}

async fn organizations(day: &Day) {
    let context = &day.team.bench.context;
    for _ in 0..OTHERS {
        let now = context.clock().now();
        let (id, name) = (OrganizationId::at(now), "Roe Ltd".to_owned());
        let organization = Organization { id, name, plan: Plan::Free, billing_exempt: true, created_at: now };
        context.store().create_organization(&organization).await.unwrap();
    }
}

async fn records(day: &Day) {
    let context = &day.team.bench.context;
    for number in 0..OTHERS {
        let entry = AuditEntry {
            id: AuditId::at(context.clock().now()),
            action: Action::ALL[number as usize % 5],
            actor: Some(UserId::generate()),
            role: Some(Role::Business),
            object: Some(format!("rep_{number:026}")),
            detail: json!({}),
            request_id: format!("request {number}"),
            at: context.clock().now(),
        };
        context.store().record(&entry).await.unwrap();
    }
}

async fn sessions(day: &Day, id: StudyId) {
    let context = &day.team.bench.context;
    let study = context.store().linked_study(id).await.unwrap().unwrap();
    let now = context.clock().now();
    // while somebody drains, nobody puts a session into its lists at once
    let settings = context.settings();
    let endpoint = settings.store.endpoint.as_deref().unwrap();
    let client = local::embedded_store::client(endpoint, &settings.store.credentials);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let end = AttributeValue::N(epoch_millis(now + Duration::hours(1)).to_string());
    let held = client.put_item().table_name("main").item("pk", text("WORK#tests#0")).item("sk", text("DRAIN"));
    held.item("end", end).send().await.unwrap();
    for _ in 0..SESSIONS {
        let new = NewTest { study: &study, tester: UserId::generate(), variant: None, assigns: true };
        let made = context.store().create_test_session(&new, now).await.unwrap();
        assert!(matches!(made, TestCreation::Created(_)), "{made:?}");
    }
    let given = client.delete_item().table_name("main").key("pk", text("WORK#tests#0")).key("sk", text("DRAIN"));
    given.send().await.unwrap();
}
