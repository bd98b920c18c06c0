//! Messages from the draft to the tester (openscouter 14.2, 20).

use bytes::Bytes;
use harness::openscouter::{
    ask, data,
    outreach::{Post, time_of},
    says, told,
};
use serde_json::{Value, json};
use shared::model::OutreachId;
use time::Duration;

/// How many messages a run over HTTP and one of the schedule's own function, both at once, set off.
async fn run_twice(post: &Post) -> u64 {
    let tick = post.team.bench.invoke(&background_outreach_send::FUNCTION, Bytes::from_static(b"{}"));
    let body = json!({});
    let (first, second) = futures_util::future::join(post.run("outreach-send", &body), tick).await;
    let second: Value = serde_json::from_slice(&second.unwrap().whole().unwrap()).unwrap();
    first["processed"].as_u64().unwrap() + second["processed"].as_u64().unwrap()
}

async fn status(post: &Post, message: &str) -> &'static str {
    let id = OutreachId::from_wire(message).unwrap();
    post.team.bench.context.store().outreach(id).await.unwrap().unwrap().status.as_str()
}

async fn approve(post: &Post, message: &str) -> Value {
    data(&post.team.owner("POST", &format!("/api/outreach/{message}/approve"), &Value::Null).await)
}

/// Moves the clock to so long before a time.
fn to(post: &Post, time: &Value, before: Duration) {
    let left = time_of(time) - before - post.team.bench.context.clock().now();
    post.team.bench.advance(left);
}

#[tokio::test]
async fn an_approved_message_is_sent_once_at_its_time_and_answered() {
    let post = Post::start().await;
    let (study, _, fay, message) = post.draft(&json!({}), "fay@example.com").await;
    let words = json!({"subject": "Try <this>", "body": "Dear tester,\n\nplease <b>try</b> it."});
    assert_eq!(post.team.owner("POST", &format!("/api/outreach/{message}/edit"), &words).await.status, 200);
    let zone = json!({"timezone": "Asia/Tokyo"});
    assert_eq!(ask(&post.team.bench, &fay, "PATCH", "/api/me/profile", &zone).await.status, 200);
    let planned = approve(&post, &message).await["scheduledSendAt"].clone();
    to(&post, &planned, Duration::seconds(5));
    let nothing = json!({"processed": 0, "failed": 0, "nextCursor": null});
    assert_eq!(post.run("outreach-send", &json!({})).await, nothing);
    let proposal = message.replace("out_", "prop_");
    let path = format!("/api/proposals/{proposal}");
    assert_eq!(ask(&post.team.bench, &fay, "GET", &path, &Value::Null).await.status, 404, "nobody was told");
    to(&post, &planned, Duration::ZERO);
    assert_eq!(run_twice(&post).await, 1);
    assert_eq!(run_twice(&post).await, 0);
    let mails = post.mails(1).await;
    assert_eq!((status(&post, &message).await, &mails[0]["subject"]), ("sent", &json!("Try <this>")));
    let (text, html) = (mails[0]["text"].as_str().unwrap(), mails[0]["html"].as_str().unwrap());
    let link = format!("https://app.example.com/proposals/{proposal}");
    assert!(text.starts_with("Dear tester,\n\nplease <b>try</b> it.\n") && text.contains(&link), "{text}");
    assert!(text.contains(" JST.") && html.contains("&lt;b&gt;try") && html.contains(&link), "{html}");
    post.team.bench.advance(Duration::minutes(2));
    post.mails(1).await;
    let told_of = data(&ask(&post.team.bench, &fay, "GET", &path, &Value::Null).await);
    assert_eq!(told_of["status"], "sent");
    assert_eq!(time_of(&told_of["expiresAt"]) - time_of(&told_of["sentAt"]), Duration::hours(72));
    let accepted = ask(&post.team.bench, &fay, "POST", &format!("{path}/accept"), &Value::Null).await;
    assert_eq!((accepted.status, &data(&accepted)["jobId"]), (200, &json!(study)));
}

#[tokio::test]
async fn a_paused_study_puts_it_off_and_one_that_ended_cancels_it() {
    let post = Post::start().await;
    let (study, _, _, message) = post.draft(&json!({}), "fay@example.com").await;
    let planned = approve(&post, &message).await["scheduledSendAt"].clone();
    let path = format!("/api/jobs/{study}");
    assert_eq!(post.team.owner("PATCH", &path, &json!({"status": "paused"})).await.status, 200);
    to(&post, &planned, Duration::ZERO);
    for _ in 0..2 {
        assert_eq!(run_twice(&post).await, 0);
        assert_eq!(status(&post, &message).await, "approved");
        post.team.bench.advance(Duration::HOUR);
    }
    assert_eq!(post.team.owner("PATCH", &path, &json!({"status": "open"})).await.status, 200);
    assert_eq!(run_twice(&post).await, 1);
    post.mails(1).await;
    // another one, whose study ends between the approval and its time
    let (study, _, _, message) = post.draft(&json!({}), "gus@example.com").await;
    let planned = approve(&post, &message).await["scheduledSendAt"].clone();
    assert_eq!(post.team.owner("POST", &format!("/api/jobs/{study}/close"), &Value::Null).await.status, 200);
    to(&post, &planned, Duration::ZERO);
    assert_eq!(run_twice(&post).await, 0);
    assert_eq!(status(&post, &message).await, "cancelled");
    post.mails(1).await;
}

#[tokio::test]
async fn what_cannot_be_delivered_has_failed_after_three_tries() {
    let team = harness::openscouter::team::Team::over(
        harness::Bench::with(&[
            ("OUTSCOUT_CRON_SECRET", "of-the-scheduler"),
            ("OUTSCOUT_MAIL_SENDER", "outscout@localhost"),
            // nobody listens there
            ("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9"),
        ])
        .await
        .unwrap(),
    )
    .await;
    let study = team.open_study(&json!({})).await;
    let (user, _) = harness::openscouter::proposals::fitting(&team.bench, "fay@example.com").await;
    let message = team.offered(&study, &user).await.replace("prop_", "out_");
    let store = team.bench.context.store();
    let status =
        async || store.outreach(OutreachId::from_wire(&message).unwrap()).await.unwrap().unwrap().status.as_str();
    for tries in 1..=3 {
        assert_eq!(status().await, "approved", "{tries}");
        let _ = team.bench.invoke(&background_work::FUNCTION, Bytes::from_static(b"{}")).await;
        team.bench.advance(Duration::minutes(2));
    }
    assert_eq!(status().await, "failed");
}

#[tokio::test]
async fn the_job_goes_on_where_it_stopped_and_knows_its_cursors() {
    let post = Post::start().await;
    for number in 0..5 {
        let (_, _, _, message) = post.draft(&json!({}), &format!("t{number}@example.com")).await;
        approve(&post, &message).await;
    }
    post.team.bench.advance(Duration::hours(2));
    let first = post.run("outreach-send", &json!({"limit": 2})).await;
    let second = post.run("outreach-send", &json!({"limit": 2, "cursor": first["nextCursor"]})).await;
    let third = post.run("outreach-send", &json!({"limit": 2, "cursor": second["nextCursor"]})).await;
    assert_eq!((&first["processed"], &second["processed"]), (&json!(2), &json!(2)));
    assert_eq!(third, json!({"processed": 1, "failed": 0, "nextCursor": null}));
    for (job, cursor) in [("outreach-send", "x"), ("outreach-send", "000000000000000#offered#x"), ("reminders", "1#a")]
    {
        let path = format!("/api/cron/{job}");
        let answer = ask(&post.team.bench, "Bearer of-the-scheduler", "POST", &path, &json!({"cursor": cursor})).await;
        assert_eq!(told(&answer), says(422, "cursor: is invalid"), "{cursor}");
    }
}
