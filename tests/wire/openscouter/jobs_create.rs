//! `POST /api/jobs`: a new study, as a draft (openscouter 9).

use harness::{
    Answer,
    openscouter::{
        bearer, data,
        oauth::connected,
        person, post, read, refused,
        studies::{body, draft, largest, moved, with},
        team::Team,
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Role, Status};

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
    let task = |extra: Value| {
        let mut task = json!({"title": "t", "description": "d"});
        task.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        task
    };
    let four_devices = json!(["desktop", "mobile", "tablet", "desktop"]);
    let categories = "targeting.ndCategories[0]: must be one of: adhd, autism, dyslexia, dyscalculia, dyspraxia, anxiety, \
        tourette, ocd, dysgraphia, sensory_processing, bipolar, acquired_brain_injury, intellectual_disability";
    for (path, value, text) in [
        ("/title", json!("gone"), "title: is required"),
        ("/title", json!("Hi"), "title: must be at least 3 characters"),
        ("/title", json!("x".repeat(101)), "title: must be at most 100 characters"),
        ("/title", json!("a\u{1}bc"), "title: must not contain control characters"),
        ("/description", json!(""), "description: must not be empty"),
        ("/description", json!("x".repeat(5_001)), "description: must be at most 5000 characters"),
        (
            "/prototypeUrl",
            json!(format!("https://x.y/{}", "x".repeat(2_037))),
            "prototypeUrl: must be at most 2048 characters",
        ),
        ("/prototypeUrl", json!("ftp://x.y"), "prototypeUrl: must be an http or https URL"),
        ("/prototypeUrl", json!("https://u:p@x.y"), "prototypeUrl: must not contain credentials"),
        ("/prototypeType", json!("paper"), "prototypeType: must be one of: figma, invision, marvel, url"),
        ("/tasks", json!([]), "tasks: must contain at least 1 items"),
        ("/tasks", json!([1]), "tasks[0]: must be an object"),
        ("/tasks", json!(vec![task(json!({})); 51]), "tasks: must contain at most 50 items"),
        ("/tasks", json!([task(json!({"title": "x".repeat(201)}))]), "tasks[0].title: must be at most 200 characters"),
        (
            "/tasks",
            json!([task(json!({"description": "x".repeat(5_001)}))]),
            "tasks[0].description: must be at most 5000 characters",
        ),
        (
            "/tasks",
            json!([task(json!({"successCriteria": "x".repeat(2_001)}))]),
            "tasks[0].successCriteria: must be at most 2000 characters",
        ),
        ("/tasks", json!([task(json!({"order": 1.5}))]), "tasks[0].order: must be an integer"),
        ("/tasks", json!([task(json!({"order": -1}))]), "tasks[0].order: must be at least 1"),
        ("/tasks", json!([task(json!({"order": 1_u64 << 53}))]), "tasks[0].order: must be at most 9007199254740991"),
        (
            "/tasks",
            json!([task(json!({"order": 2})), task(json!({})), task(json!({"title": ""}))]),
            "tasks[2].title: must not be empty",
        ),
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
        ("/targeting/devices", four_devices, "targeting.devices: must not contain duplicates"),
        ("/targeting/languages", json!(["en", "en"]), "targeting.languages: must not contain duplicates"),
        ("/targeting/testerCount", json!(0), "targeting.testerCount: must be at least 1"),
        ("/targeting/ageRange", json!({"min": 17, "max": 20}), "targeting.ageRange.min: must be at least 18"),
        ("/targeting/ageRange", json!({"min": 18, "max": 121}), "targeting.ageRange.max: must be at most 120"),
        ("/targeting/ageRange", json!({"max": 30}), "targeting.ageRange.min: is required"),
        ("/targeting/ndCategories", json!(["x"]), categories),
        ("/abTest", json!({}), "abTest.variants: is required"),
        ("/abTest", json!({"enabled": "yes"}), "abTest.enabled: must be a boolean"),
        ("/abTest/variants", json!([{"label": "A"}]), "abTest.variants: must contain at least 2 items"),
        (
            "/abTest/variants",
            json!([{"label": "A"}, {"label": "B"}, {}]),
            "abTest.variants: must contain at most 2 items",
        ),
        ("/abTest/variants", json!([{}, {"label": "B"}]), "abTest.variants[0].label: is required"),
        (
            "/abTest/variants",
            json!([{"label": "A"}, {"label": "B", "description": "x".repeat(1_001)}]),
            "abTest.variants[1].description: must be at most 1000 characters",
        ),
        ("/abTest/splitRatio", json!({"A": 1.0}), "abTest.splitRatio.B: is required"),
        ("/abTest/splitRatio", json!({"A": -0.1, "B": 1.1}), "abTest.splitRatio.A: must be at least 0"),
        ("/abTest/splitRatio", json!({"A": 0.0, "B": 1.1}), "abTest.splitRatio.B: must be at most 1"),
        ("/abTest/splitRatio", json!({"A": "1", "B": 0}), "abTest.splitRatio.A: must be a number"),
        ("/abTest/variants", json!([{"label": "B"}, {"label": "A"}]), "abTest.variants[0].label: must be one of: A"),
        ("/abTest/splitRatio", json!({"A": 0.5, "B": 0.6}), "abTest.splitRatio: must sum to 1"),
        ("/compensation", json!({}), "compensation.amount: is required"),
        ("/compensation/amount", json!(-1), "compensation.amount: must be at least 0"),
        ("/compensation/amount", json!("15"), "compensation.amount: must be a number"),
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
        ("/settings", json!({"maxDurationMinutes": 241}), "settings.maxDurationMinutes: must be at most 240"),
        ("/settings", json!({"reminderAfterHours": 0}), "settings.reminderAfterHours: must be at least 1"),
        ("/settings", json!({"reminderAfterHours": 169}), "settings.reminderAfterHours: must be at most 168"),
        ("/settings", json!([]), "settings: must be an object"),
    ] {
        let answer = team.owner("POST", "/api/jobs", &with(path, value)).await;
        assert_eq!(told(&answer), refused(text), "{path}");
    }
    let list = data(&team.owner("GET", "/api/jobs", &Value::Null).await);
    assert_eq!(list, json!([]), "nothing was written");
    let organization = team.admin("POST", "/api/jobs", &body()).await;
    assert_eq!(told(&organization), refused("organizationId: is required"));
    let unknown = with("/organizationId", json!("org_01kjm6jm00f648tq7t49wz4ex4"));
    assert_eq!(told(&team.admin("POST", "/api/jobs", &unknown).await), (404, "Organization not found".to_owned()));
}

#[tokio::test]
async fn what_is_at_the_edge_of_the_rules_is_taken() {
    let team = Team::start().await;
    let all: Vec<_> = (0..3).map(|number| json!({"title": "t", "description": "d", "order": 3 - number})).collect();
    for (path, value, told) in [
        (
            "/abTest",
            json!({"enabled": false}),
            json!({"enabled": false, "variants": [], "splitRatio": {"A": 0.5, "B": 0.5}}),
        ),
        (
            "/abTest",
            json!({"enabled": false, "variants": []}),
            json!({"enabled": false, "variants": [], "splitRatio": {"A": 0.5, "B": 0.5}}),
        ),
        ("/abTest", json!(null), json!(null)),
        ("/compensation", json!({"amount": 0}), json!({"currency": "USD", "amount": 0.0, "type": "flat"})),
        ("/compensation", json!({"amount": 9_999.99}), json!({"currency": "USD", "amount": 9_999.99, "type": "flat"})),
        (
            "/compensation",
            json!({"amount": 1_500, "currency": "JPY"}),
            json!({"currency": "JPY", "amount": 1_500.0, "type": "flat"}),
        ),
        ("/targeting/ageRange", json!({"min": 18, "max": 18}), json!({"min": 18, "max": 18})),
        ("/targeting/devices", json!(["tablet", "desktop", "mobile"]), json!(["tablet", "desktop", "mobile"])),
        ("/targeting/testerCount", json!(1_000), json!(1_000)),
        ("/title", json!("  abc  "), json!("abc")),
        ("/tasks/0/order", json!((1_u64 << 53) - 1), json!((1_u64 << 53) - 1)),
        (
            "/settings",
            json!(null),
            json!({"requireThinkAloud": false, "recordScreen": true, "recordFacial": true,
            "recordVoice": true, "maxDurationMinutes": 60, "reminderAfterHours": 24}),
        ),
    ] {
        let (made, _) = draft(&team, &with(path, value)).await;
        assert_eq!(made.pointer(path).unwrap(), &told, "{path}");
    }
    let (made, _) = draft(&team, &with("/tasks", json!(all))).await;
    let orders: Vec<_> = made["tasks"].as_array().unwrap().iter().map(|task| task["order"].clone()).collect();
    assert_eq!(orders, [1, 2, 3], "answered in their order");
    let (made, _) = draft(&team, &with("/whatever", json!({"is": ["not", "known"]}))).await;
    assert!(made.get("whatever").is_none());
}

#[tokio::test]
async fn who_may_draft() {
    let team = Team::start().await;
    let me = data(&read(&team.bench, &team.owner, "/api/auth/me").await);
    let organization = me["organization"]["organizationId"].clone();
    // from others the organization is ignored
    let (made, _) = draft(&team, &with("/organizationId", json!("org_1"))).await;
    assert_eq!(made["organizationId"], organization);
    let made = data(&team.admin("POST", "/api/jobs", &with("/organizationId", organization.clone())).await);
    assert_eq!((&made["organizationId"], &made["status"]), (&organization, &json!("draft")));
    let path = format!("/api/jobs/{}", made["jobId"].as_str().unwrap());
    assert_eq!(team.owner("GET", &path, &Value::Null).await.status, 200);
    let malformed = team.admin("POST", "/api/jobs", &with("/organizationId", json!("org_1"))).await;
    assert_eq!(told(&malformed), (404, "Organization not found".to_owned()));
    let user = person(&team.bench, Role::Business, "olga@example.com").await;
    let connection = connected(&team.bench, &user).await;
    let answer = post(&team.bench, "/api/jobs", &[("authorization", &connection)], &body()).await;
    assert_eq!((answer.status, &data(&answer)["organizationId"]), (201, &json!(user.organization.wire())));
    let id = data(&answer)["jobId"].as_str().unwrap().to_owned();
    let owner = bearer(&team.bench, "olga@example.com").await;
    assert_eq!(read(&team.bench, &owner, &format!("/api/jobs/{id}")).await.status, 200);
}

#[tokio::test]
async fn a_key_makes_one_study() {
    let team = Team::start().await;
    let create = async |key: &str, body: &Value| {
        post(&team.bench, "/api/jobs", &[("authorization", &team.owner), ("idempotency-key", key)], body).await
    };
    let first = create("7f0c", &body()).await;
    let again = create("7f0c", &body()).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.body, again.body);
    let other = create("7f0c", &json!({"title": "Another study"})).await;
    assert_eq!(told(&other), refused("Idempotency-Key: was used with a different payload"));
    let wrong = create("free", &json!({"title": "Hi"})).await;
    assert_eq!(told(&wrong), refused("title: must be at least 3 characters"));
    assert_eq!(create("free", &body()).await.header("idempotency-replayed"), "", "a refusal frees the key");
    assert_eq!(read(&team.bench, &team.owner, "/api/jobs").await.json()["metadata"]["total"], 2);
}

/// Every text as long as the table allows.
fn longest() -> Value {
    let mut body = with("/title", json!("t".repeat(100)));
    body["description"] = json!("d".repeat(5_000));
    let task =
        json!({"title": "t".repeat(200), "description": "d".repeat(5_000), "successCriteria": "s".repeat(2_000)});
    body["tasks"] = json!(vec![task; 50]);
    body["abTest"]["variants"][0]["description"] = json!("v".repeat(1_000));
    body
}

#[tokio::test]
async fn a_study_of_the_largest_size_comes_back_whole() {
    let team = Team::start().await;
    for body in [longest(), largest()] {
        let (made, path) = draft(&team, &body).await;
        let told = |study: &Value| -> Vec<Value> {
            let tasks = study["tasks"].as_array().unwrap().iter();
            let names = ["title", "description", "successCriteria"];
            tasks.map(|task| names.iter().map(|name| ((*name).to_owned(), task[*name].clone())).collect()).collect()
        };
        let sent = told(&body);
        assert!(told(&made) == sent, "told by the creation");
        let same = |answer: &Answer| data(answer)["tasks"] == made["tasks"];
        assert!(same(&team.owner("GET", &path, &Value::Null).await));
        let list = data(&team.owner("GET", "/api/jobs?limit=1", &Value::Null).await);
        let mut cut = made.clone();
        (cut["tasks"], cut["tasksTruncated"]) = (json!([]), json!(true));
        assert!(list[0] == cut, "in the list");
        assert!(same(&team.owner("PATCH", &path, &json!({"title": "Another title"})).await));
        assert!(same(&team.owner("PATCH", &path, &json!({"tasks": made["tasks"]})).await));
        assert!(same(&team.owner("POST", &format!("{path}/launch"), &Value::Null).await));
        team.session(made["jobId"].as_str().unwrap()).await;
        let view = data(&team.tester("GET", &path, &Value::Null).await);
        assert!((&view["tasks"], &view["status"]) == (&made["tasks"], &json!("in_progress")), "seen by the tester");
        let listed = data(&team.tester("GET", "/api/jobs?limit=1", &Value::Null).await);
        assert!((&listed[0]["tasks"], &listed[0]["tasksTruncated"]) == (&json!([]), &json!(true)));
        moved(&team, &path, Status::Completed).await;
        assert!(same(&team.admin("GET", &path, &Value::Null).await));
    }
}

#[tokio::test]
async fn what_a_key_made_of_a_large_body_is_replayed() {
    let team = Team::start().await;
    let body = largest();
    let headers = [("authorization", team.owner.as_str()), ("idempotency-key", "large")];
    let first = post(&team.bench, "/api/jobs", &headers, &body).await;
    let again = post(&team.bench, "/api/jobs", &headers, &body).await;
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    assert!(first.body == again.body);
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.owner("POST", "/api/jobs", &body()).await;
    snapshot!("jobs-create", &answer);
}
