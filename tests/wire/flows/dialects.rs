//! One study in two dialects (openscouter 9, outset 6).

use harness::{
    Answer,
    openscouter::{
        data, read, refused,
        studies::{body, draft, id_of},
        team::Team,
        told,
    },
};
use serde_json::{Value, json};
use shared::{
    lambda::Function,
    model::{OrganizationId, Plan, Scope, Status, Study, StudyId, Task},
};

/// The same organization, through Outset.
struct Outset<'a> {
    team: &'a Team,
    key: String,
    organization: OrganizationId,
}

impl<'a> Outset<'a> {
    async fn of(team: &'a Team) -> Self {
        let me = data(&read(&team.bench, &team.owner, "/api/auth/me").await);
        let organization = OrganizationId::from_wire(me["organization"]["organizationId"].as_str().unwrap()).unwrap();
        let key = team.bench.new_key(organization, Plan::Free, &Scope::ALL).await.unwrap();
        Self { team, key: format!("Api-Key {key}"), organization }
    }

    async fn send(&self, function: &'static dyn Function, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("authorization", self.key.as_str()), ("content-type", "application/json")];
        self.team.bench.send(function, method, path, &headers, body.as_bytes()).await.unwrap()
    }

    async fn read(&self, id: StudyId) -> Value {
        let answer = self.send(&outset_studies_retrieve::FUNCTION, "GET", &format!("/v1/studies/{id}/"), "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn patch(&self, id: StudyId, body: &Value) -> Answer {
        let path = format!("/v1/studies/{id}/");
        self.send(&outset_studies_update::FUNCTION, "PATCH", &path, &body.to_string()).await
    }

    /// A study as an import brings it, which has no endpoint.
    async fn imported(&self, tasks: &[&str]) -> (StudyId, String) {
        let now = self.team.bench.context.clock().now();
        let study = Study {
            id: StudyId::at(now),
            organization: self.organization,
            name: "From elsewhere".to_owned(),
            status: Status::Draft,
            paused_from: None,
            completion_url: None,
            target_url: None,
            tasks: tasks.iter().map(|title| Task::titled(*title)).collect(),
            details: shared::model::Details::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let taken = self.team.bench.context.store().create_studies(std::slice::from_ref(&study)).await.unwrap();
        assert!(taken.is_empty());
        (study.id, format!("/api/jobs/{}", study.id.wire()))
    }
}

#[tokio::test]
async fn what_one_dialect_makes_the_other_can_use() {
    let team = Team::start().await;
    let outset = Outset::of(&team).await;
    let (made, path) = draft(&team, &body()).await;
    let id = id_of(&path);
    let seen = outset.read(id).await;
    assert_eq!(
        (&seen["name"], &seen["status"], &seen["active"]),
        (&json!("Checkout Redesign"), &json!("draft"), &json!(false))
    );
    let list = outset.send(&outset_studies_list::FUNCTION, "GET", "/v1/studies/", "").await.json();
    assert_eq!((&list["count"], &list["results"][0]), (&json!(1), &seen));
    // a change by Outset leaves what it does not know
    team.bench.advance(time::Duration::seconds(2));
    let patched = outset.patch(id, &json!({"completion_url": "https://a.test/done"})).await;
    assert_eq!((patched.status, &patched.json()["completion_url"]), (200, &json!("https://a.test/done")));
    let mut after = data(&team.owner("GET", &path, &Value::Null).await);
    assert_ne!(after["updatedAt"], made["updatedAt"]);
    after["updatedAt"] = made["updatedAt"].clone();
    assert_eq!(after, made);
    // and the other way round
    assert_eq!(team.owner("PATCH", &path, &json!({"title": "Renamed here"})).await.status, 200);
    let seen = outset.read(id).await;
    assert_eq!((&seen["name"], &seen["completion_url"]), (&json!("Renamed here"), &json!("https://a.test/done")));
    // states
    assert_eq!(team.owner("POST", &format!("{path}/launch"), &Value::Null).await.status, 200);
    assert_eq!(outset.read(id).await["active"], true);
    assert_eq!(outset.patch(id, &json!({"active": false})).await.json()["status"], "paused");
    assert_eq!(data(&team.owner("GET", &path, &Value::Null).await)["status"], "paused");
    assert_eq!(data(&team.owner("PATCH", &path, &json!({"status": "open"})).await)["status"], "open");
    assert_eq!(team.owner("POST", &format!("{path}/close"), &Value::Null).await.status, 200);
    let refusal = outset.patch(id, &json!({"active": true})).await;
    assert_eq!(refusal.json()["errors"][0]["detail"], "A completed or closed study cannot be activated.");
}

#[tokio::test]
async fn a_study_from_elsewhere_is_completed_here() {
    let team = Team::start().await;
    let outset = Outset::of(&team).await;
    let (_, path) = outset.imported(&["Find a book", "Buy it"]).await;
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["description"], &seen["prototypeType"]), (&json!(""), &Value::Null));
    assert_eq!((&seen["targeting"]["testerCount"], &seen["tasks"][1]["order"]), (&json!(10), &json!(2)));
    assert!(seen["tasks"][0]["taskId"].as_str().unwrap().starts_with("task_"));
    let launch = format!("{path}/launch");
    assert_eq!(told(&team.owner("POST", &launch, &Value::Null).await), refused("description: is required to launch"));
    // a change asks for nothing that was not there, and takes back what was told
    let counted = data(&team.owner("PATCH", &path, &json!({"targeting": {"testerCount": 20}})).await);
    assert_eq!((&counted["targeting"]["testerCount"], &counted["targeting"]["countries"]), (&json!(20), &json!([])));
    let mut whole = counted.clone();
    whole.as_object_mut().unwrap().remove("status");
    assert_eq!(data(&team.owner("PATCH", &path, &whole).await), counted);
    let targeting = json!({"targeting": {"countries": [], "testerCount": 21}});
    assert_eq!(data(&team.owner("PATCH", &path, &targeting).await)["targeting"]["testerCount"], 21);
    // what is sent anew must be whole
    let bare = json!({"tasks": [{"title": "Find a book", "description": ""}]});
    assert_eq!(told(&team.owner("PATCH", &path, &bare).await), refused("tasks[0].description: must not be empty"));
    let tasks = json!([{"title": "Find a book", "description": "Any."}, {"title": "Buy it", "description": "Once."}]);
    let described = data(&team.owner("PATCH", &path, &json!({ "tasks": tasks })).await);
    for place in [0, 1] {
        assert_eq!(described["tasks"][place]["taskId"], seen["tasks"][place]["taskId"], "the ids stay");
    }
    let rest = json!({"description": "d", "targeting": {"countries": ["DE"]}, "compensation": {"amount": 1}});
    assert_eq!(team.owner("PATCH", &path, &rest).await.status, 200);
    assert_eq!(data(&team.owner("POST", &launch, &Value::Null).await)["status"], "open");
}

#[tokio::test]
async fn a_study_that_outset_launched() {
    let team = Team::start().await;
    let outset = Outset::of(&team).await;
    let (empty, _) = outset.imported(&[]).await;
    let refusal = outset.patch(empty, &json!({"active": true})).await;
    assert_eq!(refusal.json()["errors"][0]["detail"], "This study is not ready to launch: it has no tasks.");
    let (id, path) = outset.imported(&["Find a book"]).await;
    assert_eq!(outset.patch(id, &json!({"active": true})).await.json()["status"], "open");
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["status"], &seen["paymentStatus"]), (&json!("open"), &json!("exempt")));
    assert!(seen["launchedAt"].is_string());
    // more places, though it never had what a launch here asks for
    let more = data(&team.owner("PATCH", &path, &json!({"targeting": {"testerCount": 20}})).await);
    assert_eq!(more["targeting"]["testerCount"], 20);
    let fewer = team.owner("PATCH", &path, &json!({"targeting": {"testerCount": 5}})).await;
    assert_eq!(told(&fewer), refused("targeting.testerCount: cannot be changed after launch"));
    let countries = team.owner("PATCH", &path, &json!({"targeting": {"countries": ["DE"]}})).await;
    assert_eq!(told(&countries), refused("targeting.countries: cannot be changed after launch"));
    assert_eq!(data(&team.owner("PATCH", &path, &json!({"tasks": more["tasks"]})).await), more, "the same tasks");
    let other = json!({"tasks": [{"title": "Find a book", "description": "Any."}]});
    assert_eq!(told(&team.owner("PATCH", &path, &other).await), refused("tasks: cannot be changed after launch"));
    // who must pay and did not opens nothing (outset 6.2)
    let organization = format!("/api/admin/organizations/{}", outset.organization.wire());
    assert_eq!(team.admin("PATCH", &organization, &json!({"billingExempt": false})).await.status, 200);
    let (id, path) = outset.imported(&["Find a book"]).await;
    let refusal = outset.patch(id, &json!({"active": true})).await;
    assert_eq!((refusal.status, &refusal.json()["errors"][0]["code"]), (400, &json!("payment_required")));
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["status"], &seen["paymentStatus"]), (&json!("draft"), &json!("unpaid")));
}
