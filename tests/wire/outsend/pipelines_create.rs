//! `POST /api/pipelines`: a pipeline with its first run (outsend 14.5).

use harness::{
    outsend::{
        detail,
        jobs::World,
        pipelines::{chain, definition, pasted},
    },
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test]
async fn what_cannot_be_created_is_told_and_stored_nowhere() {
    let world = World::start().await;
    let create = |body: Value| {
        let world = &world;
        async move {
            world.bench.advance(Duration::minutes(1));
            let answer = world.post("/api/pipelines", &body).await;
            (answer.status, detail(&answer), answer.json()["errors"].clone())
        }
    };
    let invalid = |faults: &[(&str, &str)]| {
        let errors: Vec<_> =
            faults.iter().map(|(field, message)| json!({"field": field, "message": message})).collect();
        (422, "Validation failed.".to_owned(), Value::Array(errors))
    };
    assert_eq!(create(json!({})).await, invalid(&[("definition", "Field is required.")]));
    assert_eq!(create(json!({"definition": []})).await, invalid(&[("definition", "Must be an object.")]));
    let both = [("definition.nodes", "Field is required."), ("definition.edges", "Must be a list.")];
    assert_eq!(create(json!({"definition": {"edges": 1}})).await, invalid(&both));
    let empty = json!({"schema_version": 2, "definition": {"nodes": [], "edges": []}, "name": ""});
    let faults = [
        ("schema_version", "Must be one of: 1."),
        ("definition.nodes", "Must have 1 to 20 entries."),
        ("name", "Must have 1 to 120 characters."),
    ];
    assert_eq!(create(empty).await, invalid(&faults));
    let many: Vec<_> =
        (0..21).map(|number| json!({"id": format!("n{number}"), "type": "import", "config": {"text": "a"}})).collect();
    let many = json!({"definition": {"nodes": many, "edges": []}});
    assert_eq!(create(many).await, invalid(&[("definition.nodes", "Must have 1 to 20 entries.")]));
    // everything that is wrong with a graph at once
    let wrong = json!({"definition": {
        "nodes": [
            {"id": "a", "type": "import", "config": {"source": "paste"}},
            {"id": "a", "type": "sort", "params": {"sort_by": "size", "top_n": 0}},
            {"id": "b", "type": "delivery-check"},
            {"id": "c", "type": "socials"},
            {"id": "d", "type": "verify-emails", "config": 1},
            {"id": "e", "type": "filter", "config": {"rating_min": "x", "category": {"values": [1]}}},
            {"id": "f", "type": "filter"},
            {"id": "g", "type": "emails", "config": {"mode": "deep"}},
        ],
        "edges": [
            {"from": "a", "to": "c"},
            {"from": "c", "to": "d"},
            {"from": "e", "to": "f"},
            {"from": "f", "to": "e"},
            {"from": "a", "to": "e"},
            {"from": "c", "to": "a"},
            {"from": "z", "to": "g"},
        ],
    }});
    let faults = [
        ("definition.nodes.0.config.text", "Field is required."),
        ("definition.nodes.1.id", "Duplicate node id."),
        ("definition.nodes.1.config.sort_by", "Must be one of: completeness, note, nb_avis, email_quality."),
        ("definition.nodes.1.config.top_n", "Must be between 1 and 2000000."),
        ("definition.nodes.2.type", "Unknown block type."),
        ("definition.nodes.4.config", "Must be an object."),
        ("definition.nodes.5.config.rating_min", "Must be a number."),
        ("definition.nodes.5.config.category.values.0", "Must be a string."),
        ("definition.nodes.7.config.mode", "Must be one of: normal."),
        ("definition.edges.1", "Block verify cannot follow socials."),
        ("definition.edges.3", "Edges must not form a cycle."),
        ("definition.edges.4", "A node accepts one input."),
        ("definition.edges.5.to", "This block takes no input."),
        ("definition.edges.5", "Edges must not form a cycle."),
        ("definition.edges.6.from", "Unknown node."),
    ];
    let (status, text, errors) = create(wrong).await;
    assert_eq!((status, text), (422, "Validation failed.".to_owned()));
    let told: Vec<_> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["field"].as_str().unwrap(), e["message"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [&faults[..1], &[("definition.nodes.1", "This block needs an input.")], &faults[1..]].concat());
    let off = definition(&[("a", "import", pasted(1)), ("b", "reviews", json!({}))], &[("a", "b")]);
    assert_eq!(
        create(json!({"definition": off})).await,
        (503, "Module reviews is temporarily unavailable.".to_owned(), Value::Null)
    );
    let from = |id: &str| {
        let config = json!({"source": "from_job", "from_job_id": id});
        json!({"definition": definition(&[("a", "import", config)], &[])})
    };
    let missing = (404, "Job not found.".to_owned(), Value::Null);
    assert_eq!(create(from("j_01KSMB92NRM7N8P9Q0R1S2T3V4")).await, missing);
    assert!(
        world.bench.items("main").await.unwrap().iter().all(|item| !item.contains("PIPE#") && !item.contains("JOB#"))
    );
    let job = world.verification(&["a@one.test"]).await;
    let wrong = (400, "Source job must be a completed scrap job.".to_owned(), Value::Null);
    assert_eq!(create(from(&job)).await, wrong);
    assert_eq!(world.get("/api/pipelines").await.body, "[]");
    assert!(world.bench.items("main").await.unwrap().iter().all(|item| !item.contains("PIPE#")));
}

#[tokio::test]
async fn a_table_is_fetched_with_tls_but_from_this_machine() {
    let world = World::start().await;
    let import = |url: &str| definition(&[("a", "import", json!({"source": "url", "url": url}))], &[]);
    for url in ["http://tables.test/a.csv", "http://10.0.0.1/a.csv", "ftp://127.0.0.1/a.csv", "tables.test", "https://"]
    {
        let answer = world.post("/api/pipelines", &json!({"definition": import(url)})).await;
        let errors = json!([{"field": "definition.nodes.0.config.url", "message": "Invalid format."}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{url}");
    }
    // which is not reached unless it is allowed
    let receiver = harness::receiver::Receiver::start().await.unwrap();
    receiver.serves("nom\nA\n");
    let made = world.pipeline(import(&receiver.url())).await;
    world.settle().await;
    let ended = world.pipeline_now(&made["id"]).await;
    assert_eq!(ended["nodes"][0]["error_message"], "Import source could not be read.");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_french_client_reads_french() {
    let world = World::start().await;
    let body = json!({"definition": {"nodes": [{"id": "a", "type": "sort"}], "edges": []}}).to_string();
    let headers = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let answer = world.call("POST", "/api/pipelines", &headers, &body).await;
    assert_eq!(answer.json()["errors"][0]["message"], "Ce bloc a besoin d'une entrée.");
}

#[tokio::test]
async fn the_log_says_what_was_mended_in_a_table() {
    let world = World::start().await;
    let text =
        "Customers of 2026\n\nnom,email\n\"North,a@one.test\nSouth,b@one.test,more\n\"The \\\"West\\\"\",c@one.test\n";
    let made = world.pipeline(definition(&[("a", "import", json!({"source": "paste", "text": text}))], &[])).await;
    world.settle().await;
    let id = world.pipeline_now(&made["id"]).await["nodes"][0]["job_id"].as_str().unwrap().to_owned();
    let rows = world.rows(&id).await;
    assert_eq!(rows[0], json!({"nom": "\"North", "email": "a@one.test"}));
    assert_eq!((rows.len(), &rows[2]["nom"]), (3, &json!("The \"West\"")));
    let job = world.job(&id).await;
    let numbers = json!({"blank_lines": 1, "notes": 1, "cut_rows": 1, "unclosed_quotes": 1, "mended_quotes": 1});
    assert_eq!(job.breakdown["import"]["left_out"], numbers);
    let log = world.bench.context.store().job_log(job.id, 0, job.log_last).await.unwrap();
    let told: Vec<_> = log.iter().map(|(_, line)| (line.level.as_str(), line.message.as_str())).collect();
    let ignored = "Import: ignored 1 blank line, 1 note above the header (in line 1), 1 row's cells beyond the columns (in line 5)";
    assert_eq!(
        told[1..4],
        [
            ("warn", ignored),
            ("warn", "Import: 1 quote is never closed, in line 4: it stays in its cell"),
            ("warn", "Import: 1 cell has quotes of another kind, in line 6: they were mended"),
        ]
    );
    let cause = json!({"source": "paste", "text": "PK\u{3}\u{4}"});
    let made = world.pipeline(definition(&[("a", "import", cause)], &[])).await;
    world.settle().await;
    let told = world.pipeline_now(&made["id"]).await["nodes"][0]["error_message"].clone();
    let expected = "Import source could not be read: it is a spreadsheet's own file and no text: save it as csv.";
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_was_sent_is_returned_and_twenty_tables_are_taken() {
    let world = World::start().await;
    let mut nodes: Vec<_> = (0..20).map(|number| json!({"id": format!("n{number}"), "type": "import", "params": pasted(40), "x": number, "y": 1.5, "more": {"k": [1]}})).collect();
    // more than one item of the store holds, and nothing that compresses well
    let mut random = harness::Random(7);
    let noise: String = (0..500_000).map(|_| char::from(b'!' + u8::try_from(random.below(90)).unwrap())).collect();
    nodes[3]["params"]["text"] = json!(format!(
        "a\n{}",
        noise.as_bytes().chunks(1_000).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\n")
    ));
    let sent = json!({"nodes": nodes, "edges": [], "comment": "kept"});
    let made = world.pipeline(sent.clone()).await;
    assert_eq!(made["definition"], sent);
    assert!(
        made["nodes"].as_array().unwrap().iter().all(|node| node["job_id"].is_string() && node["status"] == "pending")
    );
    assert_eq!(world.pipeline_now(&made["id"]).await["definition"], sent);
    let jobs = world.get("/api/jobs?limit=100").await.json();
    assert_eq!(jobs.as_array().unwrap().len(), 20);
    assert!(jobs.as_array().unwrap().iter().all(|job| job["pipeline_id"] == made["id"]));
    let upper = made["id"].as_str().unwrap().to_uppercase();
    assert_eq!(world.get(&format!("/api/pipelines/{upper}")).await.status, 200);
    let huge = format!("{{\"definition\":\"{}\"}}", "x".repeat(4 * 1024 * 1024));
    assert_eq!(world.call("POST", "/api/pipelines", &[("cookie", &world.session)], &huge).await.status, 413);
}

#[tokio::test]
async fn succeeds() {
    let world = World::start().await;
    let answer = world.post("/api/pipelines", &json!({"name": "Dentists", "definition": chain(9)})).await;
    snapshot!("pipelines-create", &answer);
}
