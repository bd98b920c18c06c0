//! Studies (openscouter 5.1, 9): the same objects that Outset shows.

use serde_json::{Value, json};
use shared::model::{Role, Status, StudyId};
use time::Duration;

use super::{
    bearer, data, person,
    research::{STUDY, Team, ask, get},
    told,
};

fn body() -> Value {
    serde_json::from_str(STUDY).unwrap()
}

fn refused(text: &str) -> (u64, String) {
    (422, text.to_owned())
}

#[tokio::test]
async fn a_new_study_is_what_the_example_says() {
    let team = Team::start().await;
    let made = team.owner("POST", "/api/jobs", &body()).await;
    assert_eq!(made.status, 201);
    let mut study = data(&made);
    let id = study["jobId"].as_str().unwrap().to_owned();
    assert!(study["tasks"][0]["taskId"].as_str().unwrap().starts_with("task_"));
    assert_eq!(data(&team.owner("GET", &format!("/api/jobs/{id}"), &Value::Null).await), study);
    assert_eq!(study["dashboardUrl"], format!("https://api.test/studies/{id}"));
    for (name, of) in
        [("jobId", "id"), ("organizationId", "org"), ("dashboardUrl", "url"), ("createdAt", "t"), ("updatedAt", "t")]
    {
        assert!(study[name].is_string());
        study[name] = json!(of);
    }
    study["tasks"][0]["taskId"] = json!("task");
    assert_eq!(
        study,
        json!({"jobId": "id", "organizationId": "org", "title": "Checkout Redesign", "description": "Find barriers in checkout.",
            "prototypeUrl": "https://www.figma.com/proto/abc123/checkout-v2", "prototypeType": "figma",
            "tasks": [{"taskId": "task", "title": "Pay", "description": "Buy any item.", "successCriteria": "", "order": 1}],
            "targeting": {"countries": ["US", "GB"], "ageRange": null, "devices": [], "languages": [], "testerCount": 2, "ndCategories": []},
            "abTest": {"enabled": true, "variants": [{"label": "A", "description": "old"}, {"label": "B", "description": "new"}],
                "splitRatio": {"A": 0.5, "B": 0.5}},
            "compensation": {"currency": "USD", "amount": 15.0, "type": "flat"},
            "settings": {"requireThinkAloud": false, "recordScreen": true, "recordFacial": true, "recordVoice": true,
                "maxDurationMinutes": 60, "reminderAfterHours": 24},
            "status": "draft", "paymentStatus": "unpaid", "progress": {"sessions": 0, "completed": 0, "confirmed": 0},
            "accessibilityScore": null, "dashboardUrl": "url", "createdAt": "t", "updatedAt": "t", "launchedAt": null, "closedAt": null})
    );
}

#[tokio::test]
async fn the_first_violation_is_told() {
    let team = Team::start().await;
    let with = |path: &str, value: Value| {
        let mut body = body();
        let (parent, name) = path.rsplit_once('/').unwrap();
        let target = if parent.is_empty() { &mut body } else { body.pointer_mut(parent).unwrap() };
        if value == json!("gone") {
            target.as_object_mut().unwrap().remove(name);
        } else {
            target[name] = value;
        }
        body
    };
    let task = |extra: Value| {
        let mut task = json!({"title": "t", "description": "d"});
        task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        task
    };
    for (path, value, text) in [
        ("/title", json!("gone"), "title: is required"),
        ("/title", json!("Hi"), "title: must be at least 3 characters"),
        ("/title", json!("x".repeat(101)), "title: must be at most 100 characters"),
        ("/title", json!("a\u{1}bc"), "title: must not contain control characters"),
        ("/description", json!(""), "description: must not be empty"),
        ("/prototypeUrl", json!("ftp://x.y"), "prototypeUrl: must be an http or https URL"),
        ("/prototypeUrl", json!("https://u:p@x.y"), "prototypeUrl: must not contain credentials"),
        ("/prototypeType", json!("paper"), "prototypeType: must be one of: figma, invision, marvel, url"),
        ("/tasks", json!([]), "tasks: must contain at least 1 items"),
        ("/tasks", json!([1]), "tasks[0]: must be an object"),
        ("/tasks", json!([{"title": "x"}]), "tasks[0].description: is required"),
        ("/tasks", json!([task(json!({"order": 0}))]), "tasks[0].order: must be at least 1"),
        ("/tasks", json!([task(json!({"order": 2})), task(json!({}))]), "tasks: must not contain duplicates"),
        ("/targeting", json!(null), "targeting: is required"),
        ("/targeting/countries", json!([]), "targeting.countries: must contain at least 1 items"),
        ("/targeting/countries", json!(["us"]), "targeting.countries[0]: must be an ISO 3166-1 alpha-2 code"),
        ("/targeting/countries", json!(["US", "US"]), "targeting.countries: must not contain duplicates"),
        ("/targeting/ageRange", json!({"min": 30}), "targeting.ageRange.max: is required"),
        ("/targeting/ageRange", json!({"min": 30, "max": 20}), "targeting.ageRange.max: must be at least 30"),
        ("/targeting/devices", json!(["tv"]), "targeting.devices[0]: must be one of: desktop, mobile, tablet"),
        ("/targeting/languages", json!(["xx"]), "targeting.languages[0]: must be an ISO 639-1 code"),
        ("/targeting/testerCount", json!(1001), "targeting.testerCount: must be at most 1000"),
        ("/targeting/testerCount", json!(10.0), "targeting.testerCount: must be an integer"),
        ("/abTest", json!({}), "abTest.variants: is required"),
        ("/abTest/variants", json!([{"label": "B"}, {"label": "A"}]), "abTest.variants[0].label: must be one of: A"),
        ("/abTest/splitRatio", json!({"A": 0.5, "B": 0.6}), "abTest.splitRatio: must sum to 1"),
        ("/compensation", json!({}), "compensation.amount: is required"),
        ("/compensation/amount", json!(10000.5), "compensation.amount: must be at most 10000"),
        ("/compensation/amount", json!(1.005), "compensation.amount: must have at most 2 decimals"),
        (
            "/compensation",
            json!({"amount": 1.5, "currency": "JPY"}),
            "compensation.amount: must have at most 0 decimals",
        ),
        ("/compensation/currency", json!("usd"), "compensation.currency: must be an ISO 4217 code"),
        ("/compensation/type", json!("hourly"), "compensation.type: must be one of: flat"),
        ("/settings", json!({"recordFacial": 1}), "settings.recordFacial: must be a boolean"),
        ("/settings", json!({"maxDurationMinutes": 4}), "settings.maxDurationMinutes: must be at least 5"),
    ] {
        let answer = team.owner("POST", "/api/jobs", &with(path, value)).await;
        assert_eq!(told(&answer), refused(text));
    }
    let list = data(&team.owner("GET", "/api/jobs", &Value::Null).await);
    assert_eq!(list, json!([]), "nothing was written");
    let organization = team.admin("POST", "/api/jobs", &body()).await;
    assert_eq!(told(&organization), refused("organizationId: is required"));
    let unknown = with("/organizationId", json!("org_01kjm6jm00f648tq7t49wz4ex4"));
    assert_eq!(told(&team.admin("POST", "/api/jobs", &unknown).await), (404, "Organization not found".to_owned()));
}

#[tokio::test]
async fn the_states_of_a_study() {
    let team = Team::start().await;
    let made = data(&team.owner("POST", "/api/jobs", &body()).await);
    let path = format!("/api/jobs/{}", made["jobId"].as_str().unwrap());
    let act = async |name: &str| team.owner("POST", &format!("{path}/{name}"), &Value::Null).await;
    let patch = async |body: Value| team.owner("PATCH", &path, &body).await;
    assert_eq!(
        told(&patch(json!({"status": "paused"})).await),
        refused("Study is draft, expected open, in_progress or paused")
    );
    patch(json!({"compensation": null})).await;
    assert_eq!(told(&act("launch").await), refused("compensation: is required to launch"));
    patch(json!({"compensation": {"amount": 12.5}})).await;
    let launched = data(&act("launch").await);
    assert_eq!((&launched["status"], &launched["paymentStatus"]), (&json!("open"), &json!("exempt")));
    assert!(launched["launchedAt"].is_string());
    assert_eq!(told(&act("launch").await), refused("Study is open, expected draft"));
    assert_eq!(told(&team.owner("DELETE", &path, &Value::Null).await), refused("Study is open, expected draft"));
    for (body, text) in [
        (json!({"prototypeType": "url"}), "prototypeType: cannot be changed after launch"),
        (json!({"targeting": {"testerCount": 1}}), "targeting.testerCount: cannot be changed after launch"),
        (json!({"targeting": {"countries": ["DE"]}}), "targeting.countries: cannot be changed after launch"),
        (json!({"settings": {"recordVoice": false}}), "settings.recordVoice: cannot be changed after launch"),
        (json!({"compensation": null}), "compensation: cannot be changed after launch"),
        (json!({"title": null}), "title: must not be null"),
        (json!({"status": "closed"}), "status: must be one of: open, paused"),
    ] {
        assert_eq!(told(&patch(body).await), refused(text));
    }
    let changed = data(
        &patch(json!({"title": "Checkout, again", "targeting": {"testerCount": 3}, "settings": {"reminderAfterHours": 48}})).await,
    );
    assert_eq!((&changed["title"], &changed["targeting"]["testerCount"]), (&json!("Checkout, again"), &json!(3)));
    assert_eq!(changed["targeting"]["countries"], json!(["US", "GB"]), "objects merge by member");
    for _ in 0..2 {
        assert_eq!(data(&patch(json!({"status": "paused"})).await)["status"], "paused");
    }
    assert_eq!(data(&patch(json!({"status": "open"})).await)["status"], "open");
    team.session(made["jobId"].as_str().unwrap()).await;
    assert_eq!(data(&patch(json!({"status": "paused"})).await)["status"], "paused");
    let resumed = data(&patch(json!({"status": "open"})).await);
    assert_eq!((&resumed["status"], &resumed["progress"]["sessions"]), (&json!("in_progress"), &json!(1)));
    let closed = data(&act("close").await);
    assert!(closed["closedAt"].is_string());
    assert_eq!(
        told(&act("close").await),
        refused("Study is closed, expected draft, open, in_progress, paused or completed")
    );
    assert_eq!(
        told(&patch(json!({"title": "Too late"})).await),
        refused("Study is closed, expected draft, open, in_progress or paused")
    );
}

#[tokio::test]
async fn a_draft_goes_for_good_and_payment_is_needed() {
    let team = Team::start().await;
    let made = data(&team.owner("POST", "/api/jobs", &body()).await);
    let path = format!("/api/jobs/{}", made["jobId"].as_str().unwrap());
    super::work(&team.bench).await;
    let deleted = team.owner("DELETE", &path, &Value::Null).await;
    assert_eq!(data(&deleted), json!({"jobId": made["jobId"], "deleted": true}));
    assert_eq!(told(&team.owner("GET", &path, &Value::Null).await), (404, "Study not found".to_owned()));
    for admin in [false, true] {
        let caller = if admin { &team.admin } else { &team.owner };
        assert_eq!(get(&team.bench, caller, "/api/jobs").await.json()["metadata"]["total"], 0);
    }
    let id = made["organizationId"].as_str().unwrap();
    let answer = team.admin("PATCH", &format!("/api/admin/organizations/{id}"), &json!({"billingExempt": false})).await;
    assert_eq!(answer.status, 200);
    let made = data(&team.owner("POST", "/api/jobs", &body()).await);
    let launch = format!("/api/jobs/{}/launch", made["jobId"].as_str().unwrap());
    assert_eq!(told(&team.owner("POST", &launch, &Value::Null).await), refused("Study payment is not confirmed"));
}

#[tokio::test]
async fn lists_by_caller_state_and_page() {
    let team = Team::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let id = team.study(&json!({"title": format!("Study {number}")})).await;
        ids.insert(0, id);
        team.bench.advance(Duration::seconds(1));
    }
    team.owner("PATCH", &format!("/api/jobs/{}", ids[0]), &json!({"status": "paused"})).await;
    team.session(&ids[2]).await;
    super::work(&team.bench).await;
    let list = async |caller: &str, query: &str| {
        let answer = get(&team.bench, caller, &format!("/api/jobs{query}")).await.json();
        let ids = answer["data"].as_array().unwrap().iter().map(|row| row["jobId"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), answer["metadata"]["total"].as_u64().unwrap())
    };
    for caller in [&team.owner, &team.admin] {
        assert_eq!(list(caller, "").await, (ids.clone(), 5));
        assert_eq!(list(caller, "?limit=2&page=2").await, (ids[2..4].to_vec(), 5));
        assert_eq!(list(caller, "?page=9").await, (Vec::new(), 5));
        assert_eq!(list(caller, "?status=paused").await, (ids[..1].to_vec(), 1));
        assert_eq!(list(caller, "?status=in_progress").await, (ids[2..3].to_vec(), 1));
    }
    assert_eq!(list(&team.admin, "?organizationId=org_1").await, (Vec::new(), 0));
    assert_eq!(list(&team.tester, "").await, (ids[2..3].to_vec(), 1));
    assert_eq!(list(&team.tester, "?status=open").await, (Vec::new(), 0));
    person(&team.bench, Role::Business, "other@example.com").await;
    let other = bearer(&team.bench, "other@example.com").await;
    assert_eq!(list(&other, "").await, (Vec::new(), 0));
    let foreign = get(&team.bench, &other, &format!("/api/jobs/{}", ids[0])).await;
    assert_eq!(told(&foreign), (404, "Study not found".to_owned()));
    let wrong = get(&team.bench, &team.owner, "/api/jobs?status=lost").await;
    assert_eq!(told(&wrong), refused("status: must be one of: draft, open, in_progress, paused, completed, closed"));
    let view = data(&get(&team.bench, &team.tester, &format!("/api/jobs/{}", ids[2])).await);
    let names: Vec<_> = view.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["jobId", "title", "prototypeUrl", "prototypeType", "tasks", "compensation", "settings", "status", "createdAt"];
    assert_eq!(names, expected);
    let hidden = get(&team.bench, &team.tester, &format!("/api/jobs/{}", ids[0])).await;
    assert_eq!(told(&hidden), (404, "Study not found".to_owned()));
    assert_eq!(ask(&team.bench, &team.tester, "POST", "/api/jobs", &body()).await.status, 403);
}

#[tokio::test]
async fn what_one_dialect_makes_the_other_can_use() {
    let team = Team::start().await;
    let made = data(&team.owner("POST", "/api/jobs", &body()).await);
    let id = StudyId::from_wire(made["jobId"].as_str().unwrap()).unwrap();
    let store = team.bench.context.store();
    let study = store.linked_study(id).await.unwrap().unwrap();
    let now = team.bench.context.clock().now();
    // a change by Outset leaves what it does not know
    let renamed = store
        .update_study(study.organization, id, None, &|study: &shared::model::Study| {
            let mut next = study.changed_at(now);
            next.name = "Renamed elsewhere".to_owned();
            Ok::<_, std::convert::Infallible>(Some(next))
        })
        .await;
    assert!(renamed.is_ok());
    let path = format!("/api/jobs/{}", id.wire());
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["title"], &seen["compensation"]), (&json!("Renamed elsewhere"), &made["compensation"]));
    // one that Outset made has the defaults, and can be completed here
    let bare = shared::model::Study {
        id: StudyId::generate(),
        name: "From elsewhere".to_owned(),
        status: Status::Draft,
        details: shared::model::Details::default(),
        created_at: now,
        ..study.clone()
    };
    store.create_studies(std::slice::from_ref(&bare)).await.unwrap();
    let path = format!("/api/jobs/{}", bare.id.wire());
    let seen = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&seen["description"], &seen["targeting"]["testerCount"]), (&json!(""), &json!(10)));
    let launch = format!("{path}/launch");
    assert_eq!(told(&team.owner("POST", &launch, &Value::Null).await), refused("description: is required to launch"));
    let rest = json!({"description": "d", "targeting": {"countries": ["DE"]}, "compensation": {"amount": 1}});
    assert_eq!(team.owner("PATCH", &path, &rest).await.status, 200);
    assert_eq!(data(&team.owner("POST", &launch, &Value::Null).await)["status"], "open");
}
