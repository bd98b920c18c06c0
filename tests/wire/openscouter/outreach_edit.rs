//! `POST /api/outreach/:id/edit`: other words for a draft (openscouter 14.2).

use harness::{
    openscouter::{
        ask, bearer, data, missing,
        outreach::{Post, queue},
        person, refused, role, told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

fn path(message: &str) -> String {
    format!("/api/outreach/{message}/edit")
}

#[tokio::test]
async fn succeeds() {
    let post = Post::start().await;
    let (_, _, _, message) = post.draft(&json!({}), "fay@example.com").await;
    let body = json!({"subject": "A checkout to try", "body": "Hello,\n\nwould you like to try a checkout?"});
    let answer = post.team.owner("POST", &path(&message), &body).await;
    snapshot!("outreach-edit", &answer);
}

#[tokio::test]
async fn fields_callers_and_states_are_checked() {
    let post = Post::start().await;
    let (_, _, fay, message) = post.draft(&json!({}), "fay@example.com").await;
    person(&post.team.bench, Role::Business, "eve@example.com").await;
    let eve = bearer(&post.team.bench, "eve@example.com").await;
    let right = json!({"subject": "S"});
    for (credential, id, body, wanted) in [
        (&post.team.owner, &*message, json!({}), refused("subject: is required")),
        (&post.team.owner, &*message, json!({"subject": ""}), refused("subject: must not be empty")),
        (
            &post.team.owner,
            &*message,
            json!({"subject": "x".repeat(201)}),
            refused("subject: must be at most 200 characters"),
        ),
        (&post.team.owner, &*message, json!({"subject": 1}), refused("subject: must be a string")),
        (&post.team.owner, &*message, json!({"body": ""}), refused("body: must not be empty")),
        (
            &post.team.owner,
            &*message,
            json!({"body": "x".repeat(10_001)}),
            refused("body: must be at most 10000 characters"),
        ),
        (&eve, &*message, right.clone(), missing("Outreach message")),
        (&post.team.owner, "out_x", right.clone(), missing("Outreach message")),
        (&fay, &*message, right.clone(), role()),
    ] {
        let answer = ask(&post.team.bench, credential, "POST", &path(id), &body).await;
        assert_eq!(told(&answer), wanted, "{id}");
    }
    // one member leaves the other as it is, and the draft stays one
    let before = data(&queue(&post.team.bench, &post.team.admin, "").await)[0].clone();
    let longest = json!({"body": "x".repeat(10_000)});
    let edited = data(&post.team.admin("POST", &path(&message), &longest).await);
    assert_eq!((&edited["subject"], &edited["status"]), (&before["subject"], &json!("pending")));
    assert_eq!((&edited["body"], &edited["testerEmail"]), (&longest["body"], &json!("fay@example.com")));
    assert_eq!(data(&queue(&post.team.bench, &post.team.owner, "").await)[0]["body"], longest["body"]);
    let approve = format!("/api/outreach/{message}/approve");
    assert_eq!(post.team.owner("POST", &approve, &Value::Null).await.status, 200);
    let late = post.team.owner("POST", &path(&message), &right).await;
    assert_eq!(told(&late), refused("Outreach message is approved, expected pending"));
}
