//! The tools, each as its row says (openscouter 19.2).

use harness::openscouter::{
    data,
    oauth::connected_for_mcp,
    person,
    team::{Team, tester},
    user, work,
};
use serde_json::{Value, json};
use shared::model::Role;

use super::{call, reader, rpc};

async fn team() -> (Team, String) {
    let team = Team::start().await;
    let owner = user(&team.bench, "dana@example.com").await;
    let credential = connected_for_mcp(&team.bench, &owner).await;
    (team, credential)
}

fn not_found() -> Result<Value, String> {
    Err("not found".to_owned())
}

#[tokio::test]
async fn seven_tools_are_listed_with_their_schemas() {
    let (team, credential) = team().await;
    let listed = rpc(&team.bench, &credential, "tools/list", &json!({})).await.json();
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let expected =
        ["list_studies", "get_study", "list_tests", "get_test", "get_analytics", "get_insights", "create_draft_study"];
    assert_eq!(names, expected);
    for tool in &tools {
        for schema in ["inputSchema", "outputSchema"] {
            assert_eq!(tool[schema]["type"], "object", "{}", tool["name"]);
        }
        let reads = tool["name"] != "create_draft_study";
        assert_eq!(tool["annotations"]["readOnlyHint"], reads);
    }
    assert!(listed["result"].get("ttlMs").is_none() && listed["result"].get("nextCursor").is_none());
    // the grants change nothing of it
    let owner = user(&team.bench, "dana@example.com").await;
    let reader = reader(&team.bench, &owner).await;
    assert_eq!(rpc(&team.bench, &reader, "tools/list", &json!({})).await.json(), listed);
    let refused = async |method: &str, params: Value| {
        let answer = rpc(&team.bench, &credential, method, &params).await;
        assert_eq!(answer.status, 200);
        (answer.json()["error"]["code"].as_i64(), answer.json()["error"]["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(refused("tools/list", json!({"cursor": "x"})).await.0, Some(-32_602));
    assert_eq!(
        refused("tools/call", json!({"name": "launch"})).await,
        (Some(-32_602), "Unknown tool: launch".to_owned())
    );
    for params in [json!({}), json!({"name": 1}), json!({"name": "list_studies", "arguments": []})] {
        assert_eq!(refused("tools/call", params).await.0, Some(-32_602));
    }
}

#[tokio::test]
async fn studies_are_listed_and_read() {
    let (team, credential) = team().await;
    let tool = async |name: &str, arguments: Value| call(&team.bench, &credential, name, &arguments).await;
    let study = team.study(&json!({})).await;
    let draft = tool("create_draft_study", json!({"title": "Second", "target_url": "http://a.test"})).await.unwrap();
    let listed = tool("list_studies", json!({"status": null, "limit": null})).await.unwrap();
    assert_eq!((&listed["total"], &listed["studies"][0]["study_id"]), (&json!(2), &draft["study_id"]));
    let row = listed["studies"][1].clone();
    assert_eq!(
        row,
        json!({"study_id": study, "title": "Checkout Redesign", "status": "open", "score": null, "tester_count": 2,
            "created_at": row["created_at"], "dashboard_url": format!("https://api.test/studies/{study}")})
    );
    let first = tool("list_studies", json!({"limit": 1})).await.unwrap();
    assert_eq!((first["studies"].as_array().unwrap().len(), &first["total"]), (1, &json!(2)));
    for (status, total) in
        [("draft", 1), ("open", 1), ("in_progress", 0), ("paused", 0), ("completed", 0), ("closed", 0)]
    {
        assert_eq!(tool("list_studies", json!({"status": status})).await.unwrap()["total"], total, "{status}");
    }
    for (arguments, text) in [
        (json!({"status": "x"}), "status: must be one of: draft, open, in_progress, paused, completed, closed"),
        (json!({"status": 1}), "status: must be a string"),
        (json!({"limit": 0}), "limit: must be at least 1"),
        (json!({"limit": 101}), "limit: must be at most 100"),
        (json!({"limit": 1.5}), "limit: must be an integer"),
        (json!({"limit": "1"}), "limit: must be an integer"),
    ] {
        assert_eq!(tool("list_studies", arguments).await, Err(text.to_owned()));
    }
    let whole = tool("get_study", json!({"study_id": study})).await.unwrap();
    for (name, value) in row.as_object().unwrap() {
        assert_eq!(&whole[name], value, "{name}");
    }
    let task = &whole["tasks"][0];
    assert_eq!(
        (&task["title"], &task["description"], &task["success_criteria"]),
        (&json!("Pay"), &json!("Buy any item."), &json!(""))
    );
    assert_eq!(whole["headline"], json!({"score": null, "tester_count": 2, "status": "open"}));
    assert_eq!((&whole["number_of_tests"], &whole["report"]), (&json!(0), &json!(null)));
    assert_eq!(whole["target_url"], "https://www.figma.com/proto/abc123/checkout-v2");
    assert_eq!(whole["description"], "Find barriers in checkout.");
}

#[tokio::test]
async fn a_test_is_read_from_its_beginning_to_its_report() {
    let (team, credential) = team().await;
    let tool = async |name: &str, arguments: Value| call(&team.bench, &credential, name, &arguments).await;
    let study = team.study(&json!({"abTest": null})).await;
    team.approve(&study).await;
    let (person, tester) = tester(&team.bench, "otto@example.com").await;
    let test = team.completed(&study, (&person, &tester), "#pay").await;
    let row = tool("list_tests", json!({})).await.unwrap()["tests"][0].clone();
    assert_eq!(
        row,
        json!({"test_id": test, "study_id": study, "tester_label": "Tester 1", "status": "completed",
            "pipeline_status": "completed", "variant": null, "created_at": row["created_at"]})
    );
    let none = json!({"test_id": test, "available": false, "overall": null, "emotion": null, "interaction": null, "voice": null});
    assert_eq!(tool("get_analytics", json!({"test_id": test})).await.unwrap(), none);
    assert_eq!(tool("get_insights", json!({"test_id": test})).await.unwrap(), json!({"insights": []}));
    let asked = team.owner("POST", &format!("/api/sessions/{test}/analyze"), &Value::Null).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    work(&team.bench).await;
    assert_eq!(tool("get_analytics", json!({"test_id": test})).await.unwrap(), none, "not before the tester says so");
    let path = format!("/api/sessions/{test}/confirm");
    assert_eq!(harness::openscouter::ask(&team.bench, &tester, "POST", &path, &Value::Null).await.status, 200);
    // four angry clicks: 0.8 x (0.5 + 0.5 x 4/6) x 1.0
    let scores = tool("get_analytics", json!({"test_id": test})).await.unwrap();
    assert_eq!(
        scores,
        json!({"test_id": test, "available": true, "overall": 83, "emotion": null, "interaction": 83, "voice": null})
    );
    assert_eq!(tool("get_test", json!({"test_id": test})).await.unwrap()["pipeline_status"], "confirmed");
    let report = team.reported(&test).await;
    let whole = tool("get_test", json!({"test_id": test})).await.unwrap();
    assert_eq!((&whole["status"], &whole["pipeline_status"]), (&json!("confirmed"), &json!("reported")));
    let session = data(&team.owner("GET", &format!("/api/sessions/{test}"), &Value::Null).await);
    for (name, own) in
        [("started_at", "startedAt"), ("completed_at", "completedAt"), ("duration_seconds", "durationSeconds")]
    {
        assert_eq!(whole[name], session[own], "{name}");
        assert!(!whole[name].is_null());
    }
    let insights = tool("get_insights", json!({"test_id": test})).await.unwrap();
    let (insight, finding) = (&insights["insights"][0], &report["findings"][0]);
    for name in ["severity", "recommendation", "type", "context", "wcag", "confidence"] {
        assert_eq!(insight[name], finding[name], "{name}");
    }
    assert_eq!(insight.as_object().unwrap().len(), 6);
    // and of the whole study
    assert_eq!(tool("get_insights", json!({"study_id": study})).await.unwrap(), json!({"insights": []}));
    let asked = team.owner("POST", &format!("/api/reports/job/{study}"), &Value::Null).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    work(&team.bench).await;
    let listed = tool("get_insights", json!({"study_id": study})).await.unwrap();
    assert_eq!(listed["insights"].as_array().unwrap().len(), 1);
    let whole = tool("get_study", json!({"study_id": study})).await.unwrap();
    let finding = &whole["report"]["findings"][0];
    assert_eq!(
        (&finding["affected_testers"], &finding["share"], &finding["type"]),
        (&json!(1), &json!(1.0), &json!("rage_click"))
    );
    assert_eq!((&whole["score"], &whole["headline"]["score"]), (&whole["report"]["score"], &whole["report"]["score"]));
    assert!(whole["score"].is_u64() && whole["report"]["summary"].is_string());
    assert_eq!(whole["number_of_tests"], 1);
    for secret in ["otto@example.com", "Dana", &person.id.wire()] {
        assert!(!whole.to_string().contains(secret) && !insights.to_string().contains(secret));
    }
    work(&team.bench).await;
    let trail = data(&team.admin("GET", "/api/admin/audit?action=report.read&limit=100", &Value::Null).await);
    assert!(trail.as_array().unwrap().len() >= 4, "each read of a report is in the trail: {trail}");
    let both = json!({"test_id": test, "study_id": study});
    for arguments in [json!({}), both] {
        let text = "test_id: exactly one of test_id and study_id is required";
        assert_eq!(tool("get_insights", arguments).await, Err(text.to_owned()));
    }
}

#[tokio::test]
async fn scores_have_the_streams_that_there_are_and_the_moments_that_the_tester_left_in() {
    let (team, credential) = team().await;
    let study = team.study(&json!({"abTest": null})).await;
    team.approve(&study).await;
    let session = team.session(&study).await;
    team.bench.advance(time::Duration::seconds(60));
    let face = json!({"snapshotId": "s", "timestamp": team.at(-30_000), "emotion": "neutral", "confidence": 0.9});
    let voice = json!({"timestamp": team.at(-20_000), "endedAt": team.at(-18_000),
        "transcript": "I am stuck here", "sentiment": -0.2});
    for (stream, item) in [("facial", face), ("voice", voice)] {
        let body = json!({"sessionId": session, "batch": [item]});
        let sent = team.tester("POST", &format!("/api/data/{stream}"), &body).await;
        assert_eq!(data(&sent)["accepted"], 1, "{}", sent.body);
    }
    assert_eq!(team.tester("POST", &format!("/api/sessions/{session}/complete"), &json!({})).await.status, 200);
    let asked = team.owner("POST", &format!("/api/sessions/{session}/analyze"), &Value::Null).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    work(&team.bench).await;
    let path = format!("/api/sessions/{session}/notes");
    let notes = data(&team.tester("GET", &path, &Value::Null).await)["notes"].clone();
    assert_eq!(notes.as_array().unwrap().len(), 1, "{notes}");
    assert_eq!(team.tester("POST", &format!("/api/sessions/{session}/confirm"), &Value::Null).await.status, 200);
    let scores = call(&team.bench, &credential, "get_analytics", &json!({"test_id": session})).await.unwrap();
    assert_eq!(scores["voice"], scores["overall"]);
    assert!(scores["voice"].as_u64().unwrap() < 100, "{scores}");
    assert_eq!((&scores["emotion"], &scores["interaction"]), (&json!(100), &json!(null)));
    // one whose only moment was left out
    let (person, tester) = tester(&team.bench, "otto@example.com").await;
    let test = team.completed(&study, (&person, &tester), "#pay").await;
    assert_eq!(team.owner("POST", &format!("/api/sessions/{test}/analyze"), &Value::Null).await.status, 202);
    work(&team.bench).await;
    let ask = async |method: &str, what: &str, body: Value| {
        harness::openscouter::ask(&team.bench, &tester, method, &format!("/api/sessions/{test}/{what}"), &body).await
    };
    assert_eq!(ask("PUT", "notes", json!({"notes": []})).await.status, 200);
    assert_eq!(ask("POST", "confirm", Value::Null).await.status, 200);
    let scores = call(&team.bench, &credential, "get_analytics", &json!({"test_id": test})).await.unwrap();
    assert_eq!(
        (&scores["overall"], &scores["interaction"], &scores["voice"]),
        (&json!(100), &json!(100), &json!(null))
    );
}

#[tokio::test]
async fn what_is_missing_malformed_or_of_others_reads_alike() {
    let (team, credential) = team().await;
    let study = team.study(&json!({"abTest": null})).await;
    let test = team.session(&study).await;
    let other = person(&team.bench, Role::Business, "other@example.com").await;
    let foreign = connected_for_mcp(&team.bench, &other).await;
    assert_eq!(
        call(&team.bench, &foreign, "list_studies", &json!({})).await.unwrap(),
        json!({"studies": [], "total": 0})
    );
    assert_eq!(call(&team.bench, &foreign, "list_tests", &json!({})).await.unwrap(), json!({"tests": [], "total": 0}));
    for (tool, argument, id) in [
        ("get_study", "study_id", &study),
        ("list_tests", "study_id", &study),
        ("get_insights", "study_id", &study),
        ("get_test", "test_id", &test),
        ("get_analytics", "test_id", &test),
        ("get_insights", "test_id", &test),
    ] {
        assert!(call(&team.bench, &credential, tool, &json!({argument: id})).await.is_ok(), "{tool}");
        assert_eq!(call(&team.bench, &foreign, tool, &json!({argument: id})).await, not_found(), "{tool}");
        let last = if id.ends_with('0') { '1' } else { '0' };
        let unknown = format!("{}{last}", &id[..id.len() - 1]);
        for bad in
            [json!("job_001"), json!(""), json!(1), json!([]), json!(unknown), json!(test.replace("sess", "job"))]
        {
            assert_eq!(
                call(&team.bench, &credential, tool, &json!({argument: bad})).await,
                not_found(),
                "{tool} {bad}"
            );
        }
    }
    for tool in ["get_study", "get_test", "get_analytics"] {
        assert_eq!(call(&team.bench, &credential, tool, &json!({})).await, not_found(), "{tool}");
    }
    // an operator's connection sees the one workspace that it was given
    let ann = user(&team.bench, "ann@example.com").await;
    let client = harness::openscouter::oauth::register(&team.bench).await;
    let page = harness::openscouter::oauth::consent(&team.bench, &client, "ann@example.com", &[]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let answer = harness::openscouter::oauth::approve(&team.bench, &page, &other, true).await;
    let code = harness::openscouter::oauth::location(&answer).1.last("code").unwrap().to_owned();
    let tokens = harness::openscouter::oauth::exchange(&team.bench, &client, &code).await.json();
    let operator = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    assert_eq!(call(&team.bench, &operator, "get_study", &json!({"study_id": study})).await, not_found());
    let made = json!({"title": "Of Ann", "target_url": "https://a.test"});
    assert!(call(&team.bench, &operator, "create_draft_study", &made).await.is_ok());
    assert_eq!(call(&team.bench, &foreign, "list_studies", &json!({})).await.unwrap()["total"], 1);
    assert_ne!(ann.organization, other.organization);
}

#[tokio::test]
async fn a_draft_needs_its_grant_and_follows_the_rules_of_studies() {
    let (team, credential) = team().await;
    let owner = user(&team.bench, "dana@example.com").await;
    let reader = reader(&team.bench, &owner).await;
    let good = json!({"title": "Checkout", "target_url": "https://shop.test/pay"});
    let refused = Err("Missing scope: draft".to_owned());
    assert_eq!(call(&team.bench, &reader, "create_draft_study", &good).await, refused);
    assert_eq!(call(&team.bench, &reader, "create_draft_study", &json!({})).await, refused);
    assert_eq!(call(&team.bench, &reader, "list_studies", &json!({})).await.unwrap()["total"], 0);
    let make = async |change: Value| {
        let mut arguments = good.clone();
        for (name, value) in change.as_object().unwrap() {
            arguments[name] = value.clone();
        }
        call(&team.bench, &credential, "create_draft_study", &arguments).await
    };
    for (change, text) in [
        (json!({"title": null}), "title: is required"),
        (json!({"title": "ab"}), "title: must be at least 3 characters"),
        (json!({"title": "a".repeat(101)}), "title: must be at most 100 characters"),
        (json!({"target_url": null}), "target_url: is required"),
        (json!({"target_url": "ftp://a.test"}), "target_url: must be an http or https URL"),
        (json!({"target_url": "https://a:b@c.test"}), "target_url: must not contain credentials"),
        (json!({"target_url": 1}), "target_url: must be a string"),
        (json!({"description": "a".repeat(5_001)}), "description: must be at most 5000 characters"),
        (json!({"max_testers": 0}), "max_testers: must be at least 1"),
        (json!({"max_testers": 1_001}), "max_testers: must be at most 1000"),
        (json!({"max_testers": "2"}), "max_testers: must be an integer"),
        (json!({"pay_per_session": -1}), "pay_per_session: must be at least 0"),
        (json!({"pay_per_session": 10_001}), "pay_per_session: must be at most 10000"),
        (json!({"pay_per_session": 1.005}), "pay_per_session: must have at most 2 decimals"),
        (json!({"pay_per_session": "5"}), "pay_per_session: must be a number"),
        (json!({"tasks": "x"}), "tasks: must be an array"),
        (json!({"tasks": [1]}), "tasks[0]: must be an object"),
        (json!({"tasks": ["a", {"title": "b"}]}), "tasks[1].description: is required"),
        (json!({"tasks": vec!["a"; 51]}), "tasks: must contain at most 50 items"),
        (json!({"required_nd_categories": ["x"]}), "required_nd_categories[0]: must be one of: adhd,"),
        (json!({"required_nd_categories": ["adhd", "adhd"]}), "required_nd_categories: must not contain duplicates"),
    ] {
        let told = make(change.clone()).await.unwrap_err();
        assert!(told.starts_with(text), "{change}: {told}");
    }
    assert_eq!(
        call(&team.bench, &credential, "list_studies", &json!({})).await.unwrap()["total"],
        0,
        "nothing was made"
    );

    let made = make(json!({})).await.unwrap();
    let id = made["study_id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({"study_id": id, "status": "draft", "dashboard_url": format!("https://api.test/studies/{id}")})
    );
    let study = data(&team.owner("GET", &format!("/api/jobs/{id}"), &Value::Null).await);
    assert_eq!(
        (&study["prototypeType"], &study["description"], &study["tasks"]),
        (&json!("url"), &json!(""), &json!([]))
    );
    assert_eq!((&study["targeting"]["testerCount"], &study["compensation"]), (&json!(10), &json!(null)));
    let launch = team.owner("POST", &format!("/api/jobs/{id}/launch"), &Value::Null).await;
    assert_eq!(launch.json()["error"], "description: is required to launch");

    let long = format!("{}\nmore", "ä".repeat(300));
    let made = make(json!({
        "target_url": "https://www.figma.com/proto/1", "description": "Why", "max_testers": 3, "pay_per_session": 12.5,
        "tasks": ["Buy", {"title": "Pay", "description": "By card.", "order": 9}, long],
        "required_nd_categories": ["adhd", "autism"], "unknown": true,
    }));
    let id = made.await.unwrap()["study_id"].as_str().unwrap().to_owned();
    let study = data(&team.owner("GET", &format!("/api/jobs/{id}"), &Value::Null).await);
    assert_eq!((&study["prototypeType"], &study["status"]), (&json!("figma"), &json!("draft")));
    assert_eq!(study["compensation"], json!({"currency": "USD", "amount": 12.5, "type": "flat"}));
    assert_eq!(
        (&study["targeting"]["testerCount"], &study["targeting"]["ndCategories"]),
        (&json!(3), &json!(["adhd", "autism"]))
    );
    let tasks: Vec<_> = study["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| (&task["title"], &task["description"], &task["order"]))
        .collect();
    let cut = json!("ä".repeat(200));
    assert_eq!(
        tasks,
        [
            (&json!("Buy"), &json!("Buy"), &json!(1)),
            (&json!("Pay"), &json!("By card."), &json!(2)),
            (&cut, &json!(long), &json!(3)),
        ]
    );
    for (host, kind) in [
        ("figma.com.evil.test", "url"),
        ("xfigma.com", "url"),
        ("a.invisionapp.com", "invision"),
        ("MARVELAPP.com", "marvel"),
    ] {
        let made = make(json!({"target_url": format!("https://{host}/"), "tasks": []})).await.unwrap();
        let path = format!("/api/jobs/{}", made["study_id"].as_str().unwrap());
        assert_eq!(data(&team.owner("GET", &path, &Value::Null).await)["prototypeType"], kind, "{host}");
    }
}
