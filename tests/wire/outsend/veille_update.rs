//! `PATCH /api/veille/{veille}`: changes a veille and its schedule (outsend 15.2, 15.3).

use harness::{
    outsend::{
        detail,
        jobs::World,
        veille::{at, faults, one_run, table, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

/// A veille each so many days, and its path.
async fn veille(world: &World, days: u16) -> (Value, String) {
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[(1, "", "", "", "")]));
    let veille = world.veille(&world.importing(&source).await, days).await;
    let path = format!("/api/veille/{}", veille["id"]);
    (veille, path)
}

/// A veille behind a change.
async fn changed(world: &World, path: &str, change: Value) -> Value {
    let answer = world.patch(path, &change).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// Whether a time of the wire is about now.
fn is_now(world: &World, time: &Value) -> bool {
    (world.bench.context.clock().now() - at(time)).abs() <= Duration::seconds(2)
}

#[tokio::test]
async fn what_is_wrong_is_told_and_changes_nothing() {
    let world = world().await;
    let (made, path) = veille(&world, 7).await;
    let states = "Must be one of: active, paused.";
    let (characters, days) = ("Must have 2 to 200 characters.", "Must be between 1 and 365.");
    for (body, expected) in [
        (json!({}), &[("name", "Field is required.")][..]),
        (json!({"x": 1, "name": null, "status": null}), &[("name", "Field is required.")]),
        (
            json!({"name": "a", "frequency_days": 366, "status": "deleted"}),
            &[("name", characters), ("frequency_days", days), ("status", states)],
        ),
        (
            json!({"name": "x".repeat(201), "frequency_days": 0, "status": "Active"}),
            &[("name", characters), ("frequency_days", days), ("status", states)],
        ),
        (
            json!({"name": 1, "frequency_days": "7", "status": 1}),
            &[
                ("name", "Must be a string."),
                ("frequency_days", "Must be an integer."),
                ("status", "Must be a string."),
            ],
        ),
        (json!({"name": "Other", "frequency_days": 1.5}), &[("frequency_days", "Must be an integer.")]),
    ] {
        let told = faults(&world.patch(&path, &body).await);
        let told: Vec<_> = told.iter().map(|(field, message)| (field.as_str(), message.as_str())).collect();
        assert_eq!(told, expected, "{body}");
    }
    let broken = world.call("PATCH", &path, &[("x-api-key", world.key.as_str())], "[]").await;
    assert_eq!((broken.status, detail(&broken).as_str()), (400, "Request body is not valid JSON."));
    assert_eq!(world.veille_now(&made).await, made);
}

#[tokio::test]
async fn nobody_else_s_and_none_that_is_not_there() {
    let world = world().await;
    let (made, path) = veille(&world, 7).await;
    let other = world.other("bob@example.com").await;
    let beyond = ["x", "0", "-1", "1.0", "2", "99999999999999999999"].map(|id| format!("/api/veille/{id}"));
    for (caller, path) in beyond.iter().map(|path| (&world, path)).chain([(&other, &path)]) {
        // the path is judged before the fields
        for body in [json!({"name": "Other"}), json!({})] {
            let answer = caller.patch(path, &body).await;
            assert_eq!((answer.status, detail(&answer).as_str()), (404, "Monitor not found."), "{path}");
        }
    }
    assert_eq!(world.veille_now(&made).await, made);
    assert_eq!(world.delete(&path).await.status, 200);
    assert_eq!(world.patch(&path, &json!({"status": "active"})).await.status, 404, "deleted for good");
}

#[tokio::test]
async fn another_name_and_nothing_else() {
    let world = world().await;
    let (made, path) = veille(&world, 7).await;
    let mut expected = made.clone();
    expected["name"] = json!("Dentistes à Paris");
    let change = json!({"name": "Dentistes à Paris", "frequency_days": null, "id": 9, "run_count": 4});
    assert_eq!(changed(&world, &path, change).await, expected);
    assert_eq!(changed(&world, &path, json!({"status": "active"})).await, expected, "it is");
    assert_eq!(world.veille_now(&made).await, expected);
}

#[tokio::test]
async fn another_frequency_counts_from_the_last_slot() {
    let world = world().await;
    let (made, path) = veille(&world, 10).await;
    let created = at(&made["created_at"]);
    let next = async |days: u16| {
        let veille = changed(&world, &path, json!({"frequency_days": days})).await;
        assert_eq!(veille["frequency_days"], days);
        veille["next_run_at"].clone()
    };
    assert_eq!(at(&next(3).await), created + Duration::days(3), "from the creation");
    assert_eq!(at(&next(20).await), created + Duration::days(20));
    world.until(created + Duration::days(5));
    assert!(is_now(&world, &next(4).await), "not before now");
    assert_eq!(at(&next(10).await), created + Duration::days(10));
    assert_eq!(world.next_run(&made).await["status"], "done");
    assert_eq!(at(&next(3).await), created + Duration::days(13), "from the slot that was claimed");
    let run = world.next_run(&made).await;
    assert_eq!((&run["id"], at(&run["scheduled_for"])), (&json!(2), created + Duration::days(13)));
    assert_eq!(at(&world.veille_now(&made).await["next_run_at"]), created + Duration::days(16));
}

#[tokio::test]
async fn a_pause_keeps_the_slot_and_its_end_makes_up_for_it() {
    let world = world().await;
    let (made, path) = veille(&world, 10).await;
    let slot = at(&made["next_run_at"]);
    let paused = changed(&world, &path, json!({"status": "paused"})).await;
    assert_eq!((&paused["status"], &paused["next_run_at"]), (&json!("paused"), &made["next_run_at"]));
    let early = changed(&world, &path, json!({"status": "active"})).await;
    assert_eq!(early, made, "before its slot nothing is lost");
    changed(&world, &path, json!({"status": "paused"})).await;
    world.until(slot + Duration::days(25));
    world.tick().await;
    world.settle().await;
    assert_eq!(world.runs(&made).await, Vec::<Value>::new());
    let still = world.veille_now(&made).await;
    assert_eq!((&still["status"], &still["next_run_at"]), (&json!("paused"), &made["next_run_at"]));
    let active = changed(&world, &path, json!({"status": "active"})).await;
    assert!(is_now(&world, &active["next_run_at"]), "{active}");
    world.bench.advance(Duration::seconds(1));
    world.tick().await;
    world.settle().await;
    let runs = world.runs(&made).await;
    assert_eq!((runs.len(), &runs[0]["scheduled_for"]), (1, &active["next_run_at"]), "one for all that passed");
    let next = world.veille_now(&made).await;
    assert_eq!(at(&next["next_run_at"]), at(&active["next_run_at"]) + Duration::days(10));
}

#[tokio::test]
async fn all_at_once_and_a_run_that_runs_is_left_alone() {
    let world = world().await;
    let (made, path) = veille(&world, 7).await;
    world.until(at(&made["next_run_at"]) + Duration::seconds(1));
    world.tick().await;
    let change = json!({"name": "Other", "frequency_days": 30, "status": "paused"});
    let veille = changed(&world, &path, change).await;
    let parts = ["name", "frequency_days", "status"].map(|name| veille[name].clone());
    assert_eq!(parts, [json!("Other"), json!(30), json!("paused")]);
    assert_eq!(at(&veille["next_run_at"]), at(&made["next_run_at"]) + Duration::days(30));
    world.settle().await;
    assert_eq!(world.runs(&made).await[0]["status"], "done");
    let now = world.veille_now(&made).await;
    assert_eq!((&now["run_count"], &now["status"], &now["name"]), (&json!(1), &json!("paused"), &json!("Other")));
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let (_, veille) = one_run(&world).await;
    let change = json!({"name": "Dentists monthly", "frequency_days": 30, "status": "paused"});
    let answer = world.patch(&format!("/api/veille/{}", veille["id"]), &change).await;
    snapshot!("veille-update", &answer);
}
