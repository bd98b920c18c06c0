//! `POST /api/veille`: makes a veille of a job or of a pipeline (outsend 15.2).

use futures_util::future::join_all;
use harness::{
    outsend::{
        detail,
        jobs::World,
        pipelines::{chain, definition},
        veille::{at, faults, one_run, table, world},
    },
    receiver::Receiver,
    snapshot,
};
use serde_json::{Value, json};
use time::Duration;

/// A source that serves a table of one place.
async fn source() -> Receiver {
    let source = Receiver::start().await.unwrap();
    source.serves(&table(&[(1, "", "", "4", "1")]));
    source
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let world = World::start().await;
    let only = "Give exactly one of source_job_id and source_pipeline_id.";
    let (required, days, id) = ("Field is required.", "Must be between 1 and 365.", "Must have 8 to 64 characters.");
    let (name, job, pipeline, frequency) = ("name", "source_job_id", "source_pipeline_id", "frequency_days");
    let (text, number) = ("Must be a string.", "Must be an integer.");
    let characters = "Must have 2 to 200 characters.";
    for (body, expected) in [
        (json!({}), &[(name, required), (job, only), (pipeline, only), (frequency, required)][..]),
        (
            json!({"name": null, "source_job_id": null, "source_pipeline_id": null, "frequency_days": null, "x": 1}),
            &[(name, required), (job, only), (pipeline, only), (frequency, required)],
        ),
        (
            json!({"name": "a", "source_job_id": "a".repeat(8), "source_pipeline_id": "b".repeat(64), "frequency_days": 0}),
            &[(name, characters), (job, only), (pipeline, only), (frequency, days)],
        ),
        (
            json!({"name": "é".repeat(201), "source_job_id": "j_short", "frequency_days": 366}),
            &[(name, characters), (job, id), (frequency, days)],
        ),
        (
            json!({"name": 1, "source_pipeline_id": "p".repeat(65), "frequency_days": "7"}),
            &[(name, text), (pipeline, id), (frequency, number)],
        ),
        (
            json!({"name": "ab", "source_pipeline_id": 7, "frequency_days": 1.5}),
            &[(pipeline, text), (frequency, number)],
        ),
        (json!({"name": "é".repeat(200), "source_job_id": [], "frequency_days": 365}), &[(job, text)]),
    ] {
        let told = faults(&world.post("/api/veille", &body).await);
        let told: Vec<_> = told.iter().map(|(field, message)| (field.as_str(), message.as_str())).collect();
        assert_eq!(told, expected, "{body}");
    }
    let headers = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let french = world.call("POST", "/api/veille", &headers, r#"{"name":"ab","frequency_days":1}"#).await;
    let message = "Indiquez exactement un champ parmi source_job_id et source_pipeline_id.";
    assert_eq!(faults(&french)[0], (job.to_owned(), message.to_owned()));
    for (body, place) in [("", ""), ("[]", ""), ("{", " (line 1, column 1)")] {
        let answer = world.call("POST", "/api/veille", &[("x-api-key", world.key.as_str())], body).await;
        assert_eq!(
            (answer.status, detail(&answer)),
            (400, format!("Request body is not valid JSON{place}.")),
            "{body}"
        );
    }
    assert_eq!(world.get("/api/veille").await.body, r#"{"items":[]}"#);
}

/// What a creation from a source is answered.
async fn refused(world: &World, field: &str, id: &str) -> (u64, String) {
    let answer = world.post("/api/veille", &json!({"name": "Dentists", field: id, "frequency_days": 7})).await;
    (answer.status, detail(&answer))
}

#[tokio::test]
async fn a_job_must_be_a_scrap_that_is_done_and_has_its_rows() {
    let world = World::start().await;
    let absent = (404, "Job not found.".to_owned());
    for id in ["j_01KSMB92NRM7N8P9Q0R1S2T3V4", "nonsense", "5b1d1f0e-3c55-4e0a-9d7b-2f6a0c9e4b11"] {
        assert_eq!(refused(&world, "source_job_id", id).await, absent, "{id}");
    }
    let waiting = world.scrap(4).await.id.to_string();
    let unfinished = (400, "Source is not completed.".to_owned());
    assert_eq!(refused(&world, "source_job_id", &waiting).await, unfinished, "pending");
    assert_eq!(world.post(&format!("/api/jobs/{waiting}/cancel"), &json!({})).await.status, 200);
    assert_eq!(refused(&world, "source_job_id", &waiting).await, unfinished, "cancelled");
    let done = world.scraped(&[["A", "https://maps.test/1"], ["B", "https://maps.test/2"]]).await.id.to_string();
    let other = world.other("bob@example.com").await;
    assert_eq!(refused(&other, "source_job_id", &done).await, absent, "somebody else's");
    let source = done.to_lowercase();
    let body = json!({"name": "é ü", "source_job_id": source, "source_pipeline_id": null, "frequency_days": 365});
    let made = world.post("/api/veille", &body).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let made = made.json();
    assert_eq!((&made["source_job_id"], &made["source_pipeline_id"]), (&json!(done), &Value::Null));
    let checked = world.verification(&["a@one.test"]).await;
    world.settle().await;
    let wrong = (400, "Source job must be a completed scrap job.".to_owned());
    assert_eq!(refused(&world, "source_job_id", &checked).await, wrong);
    world.bench.advance(Duration::days(8));
    let gone = (400, "Source results are no longer available.".to_owned());
    assert_eq!(refused(&world, "source_job_id", &done).await, gone);
    world.settle().await;
    assert_eq!(refused(&world, "source_job_id", &done).await, gone, "swept");
}

#[tokio::test]
async fn a_pipeline_must_have_a_latest_run_that_is_done() {
    let world = world().await;
    let absent = (404, "Pipeline not found.".to_owned());
    for id in ["5b1d1f0e-3c55-4e0a-9d7b-2f6a0c9e4b11", "nonsense", "j_01KSMB92NRM7N8P9Q0R1S2T3V4"] {
        assert_eq!(refused(&world, "source_pipeline_id", id).await, absent, "{id}");
    }
    let unfinished = (400, "Source is not completed.".to_owned());
    let made = world.pipeline(chain(9)).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(refused(&world, "source_pipeline_id", id).await, unfinished, "running");
    world.settle().await;
    let other = world.other("bob@example.com").await;
    assert_eq!(refused(&other, "source_pipeline_id", id).await, absent, "somebody else's");
    assert_eq!(refused(&world, "source_pipeline_id", &id.to_uppercase()).await.0, 200);
    assert_eq!(world.veilles().await[0]["source_pipeline_id"], id);
    // a second run: now that one counts
    assert_eq!(world.post(&format!("/api/pipelines/{id}/run"), &json!({})).await.status, 200);
    assert_eq!(refused(&world, "source_pipeline_id", id).await, unfinished, "running again");
    assert_eq!(world.post(&format!("/api/pipelines/{id}/cancel"), &json!({})).await.status, 200);
    world.settle().await;
    assert_eq!(refused(&world, "source_pipeline_id", id).await, unfinished, "cancelled");
    let failing = Receiver::start().await.unwrap();
    failing.answers(500, "");
    let config = json!({"source": "url", "url": failing.url()});
    let made = world.pipeline(definition(&[("in", "import", config)], &[])).await;
    world.settle().await;
    assert_eq!(refused(&world, "source_pipeline_id", made["id"].as_str().unwrap()).await, unfinished, "failed");
    let pipeline = world.importing(&source().await).await;
    world.bench.advance(Duration::days(8));
    let gone = (400, "Source results are no longer available.".to_owned());
    assert_eq!(refused(&world, "source_pipeline_id", &pipeline).await, gone);
}

#[tokio::test]
async fn nothing_runs_before_the_first_slot() {
    let world = world().await;
    let pipeline = world.importing(&source().await).await;
    let (one, two) = (world.veille(&pipeline, 1).await, world.veille(&pipeline, 365).await);
    assert_eq!((&one["id"], &two["id"]), (&json!(1), &json!(2)));
    let other = self::world().await;
    assert_eq!(other.veille(&other.importing(&source().await).await, 1).await["id"], 1);
    for (veille, days) in [(&one, 1), (&two, 365)] {
        assert_eq!(at(&veille["next_run_at"]) - at(&veille["created_at"]), Duration::days(days));
        let parts = ["status", "run_count", "last_run_at", "last_run_job_id"].map(|name| veille[name].clone());
        assert_eq!(parts, [json!("active"), json!(0), Value::Null, Value::Null]);
    }
    world.until(at(&one["next_run_at"]) - Duration::minutes(1));
    world.tick().await;
    world.settle().await;
    assert_eq!((world.runs(&one).await, world.runs(&two).await), (Vec::new(), Vec::new()));
    assert_eq!(world.pipeline_now(&json!(pipeline)).await["run_count"], 1);
}

#[tokio::test]
async fn ids_are_of_all_users_and_only_grow() {
    let world = world().await;
    let pipeline = world.importing(&source().await).await;
    let other = world.other("bob@example.com").await;
    let others = other.importing(&source().await).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(world.veille(&pipeline, 1).await["id"].as_i64().unwrap());
        ids.push(other.veille(&others, 1).await["id"].as_i64().unwrap());
        if number == 1 {
            assert_eq!(world.delete(&format!("/api/veille/{}", ids[2])).await.status, 200);
        }
    }
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn fifty_and_no_more_however_many_ask() {
    let world = world().await;
    let pipeline = world.importing(&source().await).await;
    for number in 0..48 {
        world.veille(&pipeline, 1 + number).await;
        world.bench.advance(Duration::seconds(2));
    }
    let body = json!({"name": "Dentists", "source_pipeline_id": pipeline, "frequency_days": 7});
    let answers = join_all((0..4).map(|_| world.post("/api/veille", &body))).await;
    let full = (400, "Limit reached: 50 monitors.".to_owned());
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| (answer.status, detail(answer)) == full).count();
    assert_eq!((made, refused), (2, 2));
    let headers = [("x-api-key", world.key.as_str()), ("accept-language", "fr")];
    let french = world.call("POST", "/api/veille", &headers, &body.to_string()).await;
    assert_eq!(detail(&french), "Limite atteinte : 50 veilles.");
    // a paused one counts, a deleted one does not
    let ids: Vec<_> = world.veilles().await.iter().map(|veille| veille["id"].clone()).collect();
    assert_eq!(ids.len(), 50);
    assert_eq!(world.patch(&format!("/api/veille/{}", ids[7]), &json!({"status": "paused"})).await.status, 200);
    let answer = world.post("/api/veille", &body).await;
    assert_eq!((answer.status, detail(&answer)), full);
    assert_eq!(world.delete(&format!("/api/veille/{}", ids[7])).await.status, 200);
    assert_eq!(world.post("/api/veille", &body).await.status, 200);
    // another user's are no matter
    let other = world.other("bob@example.com").await;
    other.veille(&other.importing(&source().await).await, 1).await;
}

#[tokio::test]
async fn the_template_stays_when_the_pipeline_is_run_by_hand() {
    let world = world().await;
    let (source, veille) = one_run(&world).await;
    let id = veille["source_pipeline_id"].clone();
    // a manual run of another table is no run of the veille, and no baseline
    source.serves(&table(&[(9, "", "", "", "")]));
    let path = format!("/api/pipelines/{}/run", id.as_str().unwrap());
    assert_eq!(world.post(&path, &json!({})).await.status, 200);
    world.settle().await;
    assert_eq!(world.runs(&veille).await.len(), 1);
    source.serves(&harness::outsend::veille::before_and_after()[1]);
    let run = world.next_run(&veille).await;
    assert_eq!(run["counts"], json!({"new": 0, "closed": 0, "modified": 0, "unchanged": 5}));
}

#[tokio::test]
async fn succeeds() {
    let world = world().await;
    let pipeline = world.importing(&source().await).await;
    let body = json!({"name": "Dentists weekly", "source_pipeline_id": pipeline, "frequency_days": 7});
    let answer = world.post("/api/veille", &body).await;
    snapshot!("veille-create", &answer);
}
