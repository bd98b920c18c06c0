//! `PATCH /api/jobs/:id`: a study changes, pauses or goes on (openscouter 9).

use std::collections::HashSet;

use harness::{
    openscouter::{
        ask, bearer, data,
        oauth::connected,
        person, post, read, refused,
        studies::{alter, body, draft, id_of, largest, noise, paid, with},
        team::Team,
        told, work,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::{Payment, Role, Status, Task};

#[tokio::test]
async fn a_patch_is_laid_over_what_is_there() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &with("/targeting/ageRange", json!({"min": 20, "max": 40}))).await;
    let patch = async |body: Value| data(&team.owner("PATCH", &path, &body).await);
    for unchanged in
        [json!({}), json!({"foo": null}), json!({"targeting": {"foo": null}}), json!({"organizationId": null})]
    {
        assert_eq!(patch(unchanged.clone()).await, made, "{unchanged}");
    }
    for (body, pointer, told) in [
        (json!({"targeting": {"testerCount": 3}}), "/targeting/countries", json!(["US", "GB"])),
        (json!({"targeting": {"countries": ["DE"]}}), "/targeting/countries", json!(["DE"])),
        (json!({"targeting": {"ageRange": {"max": 50}}}), "/targeting/ageRange", json!({"min": 20, "max": 50})),
        (json!({"targeting": {"ageRange": null}}), "/targeting/ageRange", Value::Null),
        (json!({"abTest": {"splitRatio": {"A": 0.3, "B": 0.7}}}), "/abTest/variants/1/description", json!("new")),
        (json!({"abTest": {"enabled": false}}), "/abTest/splitRatio/B", json!(0.7)),
        (json!({"abTest": null}), "/abTest", Value::Null),
        (json!({"abTest": {"enabled": false}}), "/abTest/variants", json!([])),
        (json!({"settings": {"recordVoice": false}}), "/settings/recordScreen", json!(true)),
        (json!({"compensation": {"currency": "EUR"}}), "/compensation/amount", json!(15.0)),
        (json!({"compensation": null}), "/compensation", Value::Null),
        (json!({"description": "Another aim."}), "/description", json!("Another aim.")),
        (json!({"prototypeUrl": "http://a.test/"}), "/prototypeUrl", json!("http://a.test/")),
        (json!({"prototypeType": "url"}), "/prototypeType", json!("url")),
    ] {
        let answer = patch(body.clone()).await;
        assert_eq!(answer.pointer(pointer).unwrap(), &told, "{body}");
        assert_eq!(data(&team.owner("GET", &path, &Value::Null).await), answer);
    }
    // what is told is taken back, whole and in part
    let told = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!(patch(json!({"abTest": told["abTest"]})).await, told);
    assert_eq!(patch(told.clone()).await, told);
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_in_every_state() {
    let team = Team::start().await;
    let now = team.bench.context.clock().now();
    let (_, path) = draft(&team, &body()).await;
    for status in [Status::Draft, Status::Open, Status::InProgress, Status::Paused, Status::Completed, Status::Closed] {
        alter(&team, &path, |study| study.changed_at(now).moved_to(status, now)).await;
        let shown = data(&team.owner("GET", &path, &Value::Null).await);
        assert_eq!(shown["status"], status.as_str());
        let answer = team.owner("PATCH", &path, &shown).await;
        assert_eq!((answer.status, data(&answer)), (200, shown), "{status:?}");
    }
    let late = team.owner("PATCH", &path, &json!({"title": "Another"})).await;
    assert_eq!(told(&late), refused("Study is closed, expected draft, open, in_progress or paused"));
}

#[tokio::test]
async fn the_first_violation_of_a_patch_is_told() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &with("/compensation/amount", json!(15.5))).await;
    for (body, text) in [
        (json!({"title": null}), "title: must not be null"),
        (json!({"description": null}), "description: must not be null"),
        (json!({"prototypeUrl": null}), "prototypeUrl: must not be null"),
        (json!({"prototypeType": null}), "prototypeType: must not be null"),
        (json!({"tasks": null}), "tasks: must not be null"),
        (json!({"tasks": [{"title": "t", "description": null}]}), "tasks[0].description: must not be null"),
        (json!({"tasks": []}), "tasks: must contain at least 1 items"),
        (json!({"targeting": null}), "targeting: must not be null"),
        (json!({"targeting": {"countries": null}}), "targeting.countries: must not be null"),
        (json!({"targeting": {"countries": []}}), "targeting.countries: must contain at least 1 items"),
        (json!({"targeting": {"devices": null}}), "targeting.devices: must not be null"),
        (json!({"targeting": {"testerCount": null}}), "targeting.testerCount: must not be null"),
        (json!({"targeting": {"ageRange": {"min": 20}}}), "targeting.ageRange.max: is required"),
        (json!({"targeting": {"ageRange": {"min": null, "max": 20}}}), "targeting.ageRange.min: must not be null"),
        (json!({"abTest": {"enabled": null}}), "abTest.enabled: must not be null"),
        (json!({"abTest": {"variants": []}}), "abTest.variants: must contain at least 2 items"),
        (json!({"abTest": {"splitRatio": {"A": 0.6}}}), "abTest.splitRatio: must sum to 1"),
        (json!({"abTest": {"splitRatio": null}}), "abTest.splitRatio: must not be null"),
        (json!({"compensation": {"amount": null}}), "compensation.amount: must not be null"),
        (json!({"compensation": {"currency": "JPY"}}), "compensation.amount: must have at most 0 decimals"),
        (json!({"settings": null}), "settings: must not be null"),
        (json!({"settings": {"recordVoice": null}}), "settings.recordVoice: must not be null"),
        (json!({"status": null}), "status: must not be null"),
        (json!({"status": "closed"}), "status: must be one of: open, paused"),
        // in the order of the table, whatever was sent first
        (json!({"status": null, "settings": null, "title": "Hi"}), "title: must be at least 3 characters"),
        (
            json!({"compensation": {"amount": -1}, "targeting": {"devices": ["tv"]}, "tasks": null}),
            "tasks: must not be null",
        ),
        (
            json!({"targeting": {"languages": null, "countries": ["us"]}}),
            "targeting.countries[0]: must be an ISO 3166-1 alpha-2 code",
        ),
        (json!({"status": "paused", "settings": 1}), "settings: must be an object"),
    ] {
        assert_eq!(told(&team.owner("PATCH", &path, &body).await), refused(text), "{body}");
    }
    assert_eq!(data(&team.owner("GET", &path, &Value::Null).await), made, "nothing was written");
}

#[tokio::test]
async fn tasks_keep_their_ids() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &body()).await;
    let patch = async |tasks: Value| data(&team.owner("PATCH", &path, &json!({"tasks": tasks})).await)["tasks"].clone();
    let same = json!([{"title": "Pay", "description": "Buy any item."}]);
    assert_eq!(patch(same.clone()).await, made["tasks"]);
    let two = patch(json!([
        {"title": "Return", "description": "Send it back.", "order": 7},
        {"title": "Pay", "description": "Buy two items.", "order": 1},
    ]))
    .await;
    assert_eq!((&two[0]["taskId"], &two[0]["description"]), (&made["tasks"][0]["taskId"], &json!("Buy two items.")));
    assert_eq!((&two[1]["title"], &two[1]["order"]), (&json!("Return"), &json!(7)));
    assert_ne!(two[1]["taskId"], two[0]["taskId"]);
    assert_eq!(patch(same).await[0]["taskId"], made["tasks"][0]["taskId"]);
}

#[tokio::test]
async fn what_a_launch_fixes() {
    let team = Team::start().await;
    let id = team.study(&json!({"targeting": {"countries": ["US", "GB"], "testerCount": 2}})).await;
    let path = format!("/api/jobs/{id}");
    let before = data(&team.owner("GET", &path, &Value::Null).await);
    for (body, field) in [
        (json!({"prototypeUrl": "https://a.test/"}), "prototypeUrl"),
        (json!({"prototypeType": "url"}), "prototypeType"),
        (json!({"tasks": [{"title": "Pay", "description": "Buy two items."}]}), "tasks"),
        (json!({"targeting": {"countries": ["DE"]}}), "targeting.countries"),
        (json!({"targeting": {"ageRange": {"min": 20, "max": 30}}}), "targeting.ageRange"),
        (json!({"targeting": {"devices": ["mobile"]}}), "targeting.devices"),
        (json!({"targeting": {"languages": ["en"]}}), "targeting.languages"),
        (json!({"targeting": {"testerCount": 1}}), "targeting.testerCount"),
        (json!({"targeting": {"ndCategories": ["adhd"]}}), "targeting.ndCategories"),
        (json!({"abTest": {"enabled": false}}), "abTest"),
        (json!({"compensation": null}), "compensation"),
        (json!({"compensation": {"amount": 16}}), "compensation"),
        (json!({"settings": {"requireThinkAloud": true}}), "settings.requireThinkAloud"),
        (json!({"settings": {"recordScreen": false}}), "settings.recordScreen"),
        (json!({"settings": {"recordFacial": false}}), "settings.recordFacial"),
        (json!({"settings": {"recordVoice": false}}), "settings.recordVoice"),
        (json!({"settings": {"maxDurationMinutes": 90}}), "settings.maxDurationMinutes"),
        (json!({"compensation": {"amount": 16}, "targeting": {"devices": ["mobile"]}}), "targeting.devices"),
    ] {
        let text = format!("{field}: cannot be changed after launch");
        assert_eq!(told(&team.owner("PATCH", &path, &body).await), refused(&text), "{body}");
    }
    // the same again is no change
    for same in [
        json!({"tasks": [{"title": "Pay", "description": "Buy any item."}]}),
        json!({"tasks": before["tasks"]}),
        json!({"targeting": {"countries": ["US", "GB"], "testerCount": 2}, "compensation": {"amount": 15}}),
        json!({"abTest": before["abTest"], "settings": before["settings"]}),
    ] {
        assert_eq!(data(&team.owner("PATCH", &path, &same).await), before, "{same}");
    }
    let open = json!({"title": "Checkout, again", "description": "Why?", "targeting": {"testerCount": 3},
        "settings": {"reminderAfterHours": 48}});
    let changed = data(&team.owner("PATCH", &path, &open).await);
    assert_eq!((&changed["title"], &changed["description"]), (&json!("Checkout, again"), &json!("Why?")));
    assert_eq!(
        (&changed["targeting"]["testerCount"], &changed["settings"]["reminderAfterHours"]),
        (&json!(3), &json!(48))
    );
}

#[tokio::test]
async fn what_a_payment_fixes_in_a_draft() {
    let team = Team::start().await;
    for payment in [Payment::Pending, Payment::Paid] {
        let (_, path) = draft(&team, &body()).await;
        paid(&team, &path, payment).await;
        for (body, field) in [
            (json!({"compensation": {"amount": 16}}), "compensation"),
            (json!({"compensation": null}), "compensation"),
            (json!({"targeting": {"testerCount": 3}}), "targeting.testerCount"),
            (json!({"compensation": null, "targeting": {"testerCount": 1}}), "targeting.testerCount"),
        ] {
            let text = format!("{field}: cannot be changed after payment");
            assert_eq!(told(&team.owner("PATCH", &path, &body).await), refused(&text), "{payment:?} {body}");
        }
        let rest = json!({"compensation": {"amount": 15}, "targeting": {"testerCount": 2, "countries": ["DE"]}});
        let changed = data(&team.owner("PATCH", &path, &rest).await);
        assert_eq!(changed["targeting"]["countries"], json!(["DE"]));
        // a checkout that ended without payment
        paid(&team, &path, Payment::Unpaid).await;
        assert_eq!(team.owner("PATCH", &path, &json!({"targeting": {"testerCount": 3}})).await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_changes_drafts_alone() {
    let team = Team::start().await;
    let user = person(&team.bench, Role::Business, "olga@example.com").await;
    let (owner, connection) = (bearer(&team.bench, "olga@example.com").await, connected(&team.bench, &user).await);
    let made = data(&post(&team.bench, "/api/jobs", &[("authorization", &connection)], &body()).await);
    let path = format!("/api/jobs/{}", made["jobId"].as_str().unwrap());
    let patch = async |body: Value| ask(&team.bench, &connection, "PATCH", &path, &body).await;
    assert_eq!(data(&patch(json!({"title": "By the assistant"})).await)["title"], "By the assistant");
    for call in [("POST", "/launch"), ("POST", "/close"), ("DELETE", "")] {
        let answer = ask(&team.bench, &connection, call.0, &format!("{path}{}", call.1), &Value::Null).await;
        assert_eq!(answer.status, 403, "{call:?}");
    }
    assert_eq!(ask(&team.bench, &owner, "POST", &format!("{path}/launch"), &Value::Null).await.status, 200);
    for body in [json!({"title": "Too late"}), json!({"status": "paused"}), json!({})] {
        assert_eq!(told(&patch(body).await), refused("Study is open, expected draft"));
    }
    assert_eq!(told(&patch(json!({"title": "Hi"})).await), refused("title: must be at least 3 characters"));
}

/// The sort keys of the parts that tasks are kept in.
async fn parts(team: &Team) -> HashSet<String> {
    let items = team.bench.items("main").await.unwrap();
    let key = |item: &String| Some(item.split_once("TASKS#")?.1.split('"').next()?.to_owned());
    items.iter().filter_map(key).collect()
}

#[tokio::test]
async fn tasks_that_are_replaced_leave_nothing_behind() {
    let team = Team::start().await;
    let (made, path) = draft(&team, &largest()).await;
    let before = parts(&team).await;
    assert_eq!(before.len(), 3);
    // what leaves the tasks alone leaves their parts alone
    team.owner("PATCH", &path, &json!({"title": "Another title"})).await;
    assert_eq!(parts(&team).await, before);
    let mut tasks = made["tasks"].clone();
    tasks[49]["title"] = json!("The last one");
    let changed = data(&team.owner("PATCH", &path, &json!({"tasks": tasks})).await);
    assert_eq!(changed["tasks"][49]["title"], "The last one");
    assert!(changed["tasks"][48] == made["tasks"][48]);
    let after = parts(&team).await;
    assert_eq!((after.len(), after.intersection(&before).count()), (3, 0));
    let one = json!({"tasks": [{"title": "One", "description": "Only."}]});
    assert_eq!(data(&team.owner("PATCH", &path, &one).await)["tasks"][0]["title"], "One");
    assert_eq!(parts(&team).await.len(), 0);
    assert_eq!(team.owner("PATCH", &path, &json!({"tasks": made["tasks"]})).await.status, 200);
    assert_eq!(parts(&team).await.len(), 3);
    assert_eq!(team.owner("DELETE", &path, &Value::Null).await.status, 200);
    work(&team.bench).await;
    assert_eq!(parts(&team).await.len(), 0);
}

#[tokio::test]
async fn readers_meet_the_old_tasks_or_the_new_ones() {
    let team = Team::start().await;
    let _beside = team.bench.faults.beside_functions();
    let (_, path) = draft(&team, &largest()).await;
    let store = team.bench.context.store();
    let now = team.bench.context.clock().now();
    let writer = async {
        for round in 0..8_u32 {
            alter(&team, &path, |study| {
                let mut next = study.changed_at(now);
                let task = Task { description: noise(round, 4_000), ..Task::titled(round.to_string()) };
                next.tasks = vec![task; 40];
                next
            })
            .await;
        }
    };
    let reader = async {
        for _ in 0..20 {
            let study = store.linked_study(id_of(&path)).await.unwrap().unwrap();
            assert!(study.tasks.windows(2).all(|pair| pair[0].title == pair[1].title || study.tasks.len() == 50));
            let listed = data(&read(&team.bench, &team.owner, "/api/jobs").await);
            assert_eq!(listed[0]["tasksTruncated"], true);
        }
    };
    futures_util::future::join(writer, reader).await;
}

#[tokio::test]
async fn a_pause_leads_back_to_where_the_sessions_are() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let path = format!("/api/jobs/{study}");
    let patch = async |status: &str| data(&team.owner("PATCH", &path, &json!({"status": status})).await);
    let launched = data(&team.owner("GET", &path, &Value::Null).await);
    assert_eq!((&launched["status"], &launched["paymentStatus"]), (&json!("open"), &json!("exempt")));
    assert!(launched["launchedAt"].is_string());
    let paused = patch("paused").await;
    assert_eq!(patch("paused").await, paused, "a repeated call changes nothing");
    assert_eq!(patch("open").await["status"], "open");
    team.session(&study).await;
    assert_eq!(patch("paused").await["status"], "paused");
    let resumed = patch("open").await;
    assert_eq!((&resumed["status"], &resumed["progress"]["sessions"]), (&json!("in_progress"), &json!(1)));
    assert_eq!(patch("open").await, resumed);
    assert_eq!(resumed["launchedAt"], launched["launchedAt"]);
    let closed = data(&team.owner("POST", &format!("{path}/close"), &Value::Null).await);
    assert!(closed["closedAt"].is_string());
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let answer = team.owner("PATCH", &format!("/api/jobs/{study}"), &json!({"status": "paused"})).await;
    snapshot!("jobs-update", &answer);
}
