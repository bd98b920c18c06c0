//! Studies of the largest size that the rules allow (openscouter 9.1).

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::model::{Role, Status, Task};

use super::{
    super::{
        bearer, data, person, post,
        research::{Team, ask, get},
        told, work,
    },
    alter, draft, id_of, moved, refused, with,
};

/// A text that no compression makes much smaller.
fn noise(seed: u32, length: usize) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from_u32(0x4e00 + state % 20_000).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

/// Fifty tasks of one text each, as long as a body may be.
pub(super) fn largest() -> Value {
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            json!({"title": noise(3 * number + 1, 80), "description": noise(3 * number + 2, 4_750),
                "successCriteria": noise(3 * number + 3, 1_980)})
        })
        .collect();
    let body = with("/tasks", json!(tasks));
    assert!((1_020_000..=1_048_576).contains(&body.to_string().len()), "{}", body.to_string().len());
    body
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

/// The sort keys of the parts that tasks are kept in.
async fn parts(team: &Team) -> HashSet<String> {
    let context = &team.bench.context;
    let items = harness::stored(context.settings(), &team.bench.faults.endpoint, "main").await.unwrap();
    let key = |item: &String| Some(item.split_once("TASKS#")?.1.split('"').next()?.to_owned());
    items.iter().filter_map(key).collect()
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
        let same = |answer: &harness::Answer| data(answer)["tasks"] == made["tasks"];
        assert!(same(&team.owner("GET", &path, &Value::Null).await));
        let list = data(&team.owner("GET", "/api/jobs?limit=1", &Value::Null).await);
        assert!(list[0] == made, "in the list");
        assert!(same(&team.owner("PATCH", &path, &json!({"title": "Another title"})).await));
        assert!(same(&team.owner("PATCH", &path, &json!({"tasks": made["tasks"]})).await));
        assert!(same(&team.owner("POST", &format!("{path}/launch"), &Value::Null).await));
        team.session(made["jobId"].as_str().unwrap()).await;
        let view = data(&team.tester("GET", &path, &Value::Null).await);
        assert!((&view["tasks"], &view["status"]) == (&made["tasks"], &json!("in_progress")), "seen by the tester");
        let listed = data(&team.tester("GET", "/api/jobs?limit=1", &Value::Null).await);
        assert!(listed[0]["tasks"] == made["tasks"]);
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
            let listed = data(&get(&team.bench, &team.owner, "/api/jobs").await);
            assert!(listed[0]["tasks"].as_array().unwrap().len() >= 40);
        }
    };
    futures_util::future::join(writer, reader).await;
}

#[tokio::test]
async fn a_page_that_no_answer_holds_is_refused_with_a_limit_that_works() {
    let team = Team::start().await;
    person(&team.bench, Role::Business, "olga@example.com").await;
    let owner = bearer(&team.bench, "olga@example.com").await;
    for _ in 0..3 {
        assert_eq!(ask(&team.bench, &owner, "POST", "/api/jobs", &largest()).await.status, 201);
    }
    let wide = get(&team.bench, &owner, "/api/jobs").await;
    assert_eq!(told(&wide), refused("limit: must be at most 2"));
    for (page, rows) in [(1, 2), (2, 1)] {
        let list = get(&team.bench, &owner, &format!("/api/jobs?limit=2&page={page}")).await.json();
        assert_eq!((list["data"].as_array().unwrap().len(), &list["metadata"]["total"]), (rows, &json!(3)));
    }
    // those of ordinary size are not in the way
    draft(&team, &with("/title", json!("An ordinary one"))).await;
    assert_eq!(get(&team.bench, &team.owner, "/api/jobs?limit=100").await.status, 200);
}
