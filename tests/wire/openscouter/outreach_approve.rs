//! `POST /api/outreach/:id/approve`: a draft is to be sent (openscouter 14.2).

use harness::{
    openscouter::{
        ask, bearer, data, missing,
        outreach::{Post, time_of, to_second_of_hour},
        person, refused, role, told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

fn path(message: &str) -> String {
    format!("/api/outreach/{message}/approve")
}

#[tokio::test]
async fn succeeds() {
    let post = Post::start().await;
    let (_, _, _, message) = post.draft(&json!({}), "fay@example.com").await;
    let answer = post.team.owner("POST", &path(&message), &Value::Null).await;
    snapshot!("outreach-approve", &answer);
}

#[tokio::test]
async fn callers_and_states_are_checked() {
    let post = Post::start().await;
    let (_, _, fay, message) = post.draft(&json!({}), "fay@example.com").await;
    person(&post.team.bench, Role::Business, "eve@example.com").await;
    let eve = bearer(&post.team.bench, "eve@example.com").await;
    for (credential, id, wanted) in [
        (&eve, &*message, missing("Outreach message")),
        (&post.team.owner, "out_x", missing("Outreach message")),
        (&post.team.owner, &*message.replace("out_", "prop_"), missing("Outreach message")),
        (&fay, &*message, role()),
    ] {
        let answer = ask(&post.team.bench, credential, "POST", &path(id), &Value::Null).await;
        assert_eq!(told(&answer), wanted, "{id}");
    }
    assert_eq!(post.team.admin("POST", &path(&message), &Value::Null).await.status, 200);
    let again = post.team.owner("POST", &path(&message), &Value::Null).await;
    assert_eq!(told(&again), refused("Outreach message is approved, expected pending"));
}

#[tokio::test]
async fn it_is_sent_at_the_full_hour_that_leaves_a_quarter_of_one() {
    let post = Post::start().await;
    for (number, (second, wait)) in
        [(30 * 60, 30 * 60), (45 * 60, 15 * 60), (45 * 60 + 1, 15 * 60 + 3_599)].into_iter().enumerate()
    {
        let (_, _, _, message) = post.draft(&json!({}), &format!("t{number}@example.com")).await;
        to_second_of_hour(&post.team.bench, second);
        let answer = data(&post.team.owner("POST", &path(&message), &Value::Null).await);
        let (approved, planned) = (time_of(&answer["approvedAt"]), time_of(&answer["scheduledSendAt"]));
        // the clock goes on while the request is made
        let late = approved.unix_timestamp().rem_euclid(3_600) - second;
        assert!((0..3).contains(&late), "{answer}");
        if late == 0 {
            assert_eq!((planned - approved).whole_seconds(), wait, "{answer}");
        }
        assert_eq!(planned.unix_timestamp() % 3_600, 0, "{answer}");
    }
}

#[tokio::test]
async fn of_many_at_once_one_approves() {
    let post = Post::start().await;
    let (_, _, _, message) = post.draft(&json!({}), "fay@example.com").await;
    let path = path(&message);
    let calls = (0..20).map(|_| post.team.owner("POST", &path, &Value::Null));
    let answers = futures_util::future::join_all(calls).await;
    let approved = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((approved, answers.iter().filter(|answer| answer.status == 422).count()), (1, 19));
}
