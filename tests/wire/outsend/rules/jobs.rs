//! Whose a job is (outsend 8.1).

use harness::outsend::{detail, jobs::World};
use serde_json::json;

#[tokio::test]
async fn another_one_s_job_is_not_there() {
    let world = World::start().await;
    let id = world.verification(&["a@one.test"]).await;
    world.settle().await;
    let other = world.other("bob@example.com").await;
    for id in [id.as_str(), "j_01KSMB92NRM7N8P9Q0R1S2T3V4", "nonsense"] {
        let paths = [
            ("GET", format!("/api/jobs/{id}")),
            ("GET", format!("/api/jobs/{id}/items")),
            ("GET", format!("/api/jobs/{id}/download")),
            ("GET", format!("/api/jobs/{id}/stream")),
            ("GET", format!("/api/jobs/{id}/report")),
            ("POST", format!("/api/jobs/{id}/cancel")),
            ("DELETE", format!("/api/jobs/{id}")),
        ];
        for (method, path) in paths {
            let answer = other.call(method, &path, &[("cookie", &other.session)], "").await;
            assert_eq!((answer.status, detail(&answer).as_str()), (404, "Job not found."), "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
    let resumed = other.post("/api/jobs/resume", &json!({"job_id": id})).await;
    assert_eq!((resumed.status, detail(&resumed).as_str()), (404, "Job not found."));
    assert_eq!(detail(&world.get(&format!("/api/jobs/{id}/report")).await), "File not found.");
    assert_eq!(other.get("/api/jobs").await.body, "[]");
}
