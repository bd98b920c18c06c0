//! Who is reminded, and which proposals end (openscouter 14.1, 20).

use bytes::Bytes;
use harness::{
    Answer,
    openscouter::{
        ask, bearer, data,
        outreach::Post,
        proposals::{fitting, proposals_follow},
        read, work,
    },
};
use serde_json::{Value, json};
use shared::model::ProposalId;
use time::Duration;

/// How much a run over HTTP and one of the schedule's own function, both at once, dealt with.
async fn run_twice(post: &Post) -> u64 {
    let tick = post.team.bench.invoke(&background_reminders::FUNCTION, Bytes::from_static(b"{}"));
    let body = json!({});
    let (first, second) = futures_util::future::join(post.run("reminders", &body), tick).await;
    let second: Value = serde_json::from_slice(&second.unwrap().whole().unwrap()).unwrap();
    first["processed"].as_u64().unwrap() + second["processed"].as_u64().unwrap()
}

/// The test token in the link of a mail.
fn test_token(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let (_, token) = text.trim().split_once("https://app.example.com/test#token=").unwrap();
    assert_eq!(token.len(), 48, "{text}");
    format!("Token {token}")
}

async fn begin(post: &Post, credential: &str, study: &str, tester: &Value) -> Answer {
    ask(&post.team.bench, credential, "POST", "/api/sessions", &json!({"jobId": study, "testerId": tester})).await
}

/// A tester who accepted: the study, the credential, the test token, the proposal.
async fn accepted(post: &Post, change: &Value, email: &str) -> (String, String, String, String) {
    let study = post.team.open_study(change).await;
    let (user, credential) = fitting(&post.team.bench, email).await;
    let proposal = post.team.offered(&study, &user).await;
    let accepted = data(&post.team.answer(&credential, &proposal, "accept").await);
    (study, credential, format!("Token {}", accepted["testToken"].as_str().unwrap()), proposal)
}

#[tokio::test]
async fn who_accepted_is_reminded_three_times_and_the_last_link_works() {
    let post = Post::start().await;
    let bench = &post.team.bench;
    let (_, _, first, _) = accepted(&post, &json!({}), "fay@example.com").await;
    post.mails(0).await;
    let mut tokens = vec![first];
    bench.advance(Duration::hours(24) - Duration::seconds(10));
    for number in 1..=3_usize {
        assert_eq!(run_twice(&post).await, 0, "{number}");
        bench.advance(Duration::seconds(10));
        assert_eq!(run_twice(&post).await, 1, "{number}");
        let mails = post.mails(number).await;
        let mail = mails.last().unwrap();
        assert_eq!(mail["subject"], "Your test is waiting");
        assert!(mail["text"].as_str().unwrap().contains("Checkout Redesign"), "{mail}");
        tokens.push(test_token(mail));
        bench.advance(Duration::hours(24) - Duration::seconds(10));
    }
    bench.advance(Duration::days(30));
    assert_eq!(run_twice(&post).await, 0, "three times, and no more");
    post.mails(3).await;
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4, "each has a token of its own");
}

#[tokio::test]
async fn a_reminder_brings_a_fresh_token_and_voids_the_older_one() {
    let post = Post::start().await;
    let (study, fay, older, _) =
        accepted(&post, &json!({"settings": {"reminderAfterHours": 2}}), "fay@example.com").await;
    post.team.bench.advance(Duration::hours(2));
    assert_eq!(run_twice(&post).await, 1);
    let fresh = test_token(&post.mails(1).await[0]);
    // a test token is known, and begins no session
    let id = data(&read(&post.team.bench, &fay, "/api/me/profile").await)["testerId"].clone();
    assert_eq!(begin(&post, &older, &study, &id).await.status, 401);
    assert_eq!(begin(&post, &fresh, &study, &id).await.status, 403);
    assert_eq!(begin(&post, &fay, &study, &id).await.status, 201);
    post.team.bench.advance(Duration::days(3));
    assert_eq!(run_twice(&post).await, 0, "who has begun is not reminded");
}

#[tokio::test]
async fn who_declined_or_whose_study_ended_is_not_reminded() {
    let post = Post::start().await;
    let (_, gus, _, proposal) = accepted(&post, &json!({}), "gus@example.com").await;
    assert_eq!(post.team.answer(&gus, &proposal, "decline").await.status, 200);
    let (closed, ..) = accepted(&post, &json!({}), "hal@example.com").await;
    assert_eq!(post.team.owner("POST", &format!("/api/jobs/{closed}/close"), &Value::Null).await.status, 200);
    let (paused, ..) = accepted(&post, &json!({}), "ida@example.com").await;
    let path = format!("/api/jobs/{paused}");
    assert_eq!(post.team.owner("PATCH", &path, &json!({"status": "paused"})).await.status, 200);
    post.mails(0).await;
    post.team.bench.advance(Duration::hours(24));
    assert_eq!(run_twice(&post).await, 0);
    post.mails(0).await;
    // a study that goes on reminds again
    let owner = bearer(&post.team.bench, "dana@example.com").await;
    assert_eq!(ask(&post.team.bench, &owner, "PATCH", &path, &json!({"status": "open"})).await.status, 200);
    post.team.bench.advance(Duration::hours(24));
    assert_eq!(run_twice(&post).await, 1);
    post.mails(1).await;
}

#[tokio::test]
async fn a_session_that_stands_still_is_reminded_of_until_it_goes_on() {
    let post = Post::start().await;
    let bench = &post.team.bench;
    let study = post.team.study(&json!({"settings": {"reminderAfterHours": 1, "maxDurationMinutes": 240}})).await;
    let session = post.team.session(&study).await;
    let move_on = async |what: &str| {
        let answer = post.team.tester("POST", &format!("/api/sessions/{session}/{what}"), &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    move_on("pause").await;
    bench.advance(Duration::minutes(59));
    assert_eq!(run_twice(&post).await, 0);
    bench.advance(Duration::minutes(1));
    assert_eq!(run_twice(&post).await, 1);
    let mails = post.mails(1).await;
    assert_eq!(mails[0]["subject"], "Your test is paused");
    let token = test_token(&mails[0]);
    let path = format!("/api/sessions/{session}/resume");
    assert_eq!(ask(bench, &token, "POST", &path, &Value::Null).await.status, 200);
    bench.advance(Duration::minutes(30));
    move_on("pause").await;
    // what the first pause left is not this one's
    bench.advance(Duration::minutes(31));
    assert_eq!(run_twice(&post).await, 0);
    bench.advance(Duration::minutes(29));
    assert_eq!(run_twice(&post).await, 1);
    post.mails(2).await;
}

#[tokio::test]
async fn a_proposal_that_nobody_answered_ends_to_the_second_and_the_next_best_is_proposed() {
    let post = Post::start().await;
    let bench = &post.team.bench;
    let study = post.team.open_study(&json!({})).await;
    let (tester, _) = fitting(bench, "fay@example.com").await;
    let proposal = post.team.offered(&study, &tester).await;
    let (gus, _) = fitting(bench, "gus@example.com").await;
    let path = format!("/api/proposals/{proposal}");
    bench.advance(Duration::hours(72) - Duration::seconds(10));
    assert_eq!(run_twice(&post).await, 0);
    let fay = bearer(bench, "fay@example.com").await;
    assert_eq!(data(&read(bench, &fay, &path).await)["status"], "sent");
    bench.advance(Duration::seconds(10));
    assert_eq!(run_twice(&post).await, 1);
    assert_eq!(data(&read(bench, &fay, &path).await)["status"], "expired");
    work(bench).await;
    proposals_follow(bench).await;
    let owner = bearer(bench, "dana@example.com").await;
    let list = data(&read(bench, &owner, &format!("/api/proposals?jobId={study}&status=pending")).await);
    let testers: Vec<_> = list.as_array().unwrap().iter().map(|one| one["testerId"].clone()).collect();
    assert_eq!(testers, [json!(gus.id.wire())]);
}

/// `OUTSCOUT_TEST_DUE` says how many are due: 100,000 take some minutes.
#[tokio::test]
async fn many_that_are_due_end_once_each_in_steps_of_two_hundred() {
    const TESTERS: usize = 12;
    let named = std::env::vars().find(|(name, _)| name == "OUTSCOUT_TEST_DUE");
    let wanted: usize = named.and_then(|(_, number)| number.parse().ok()).unwrap_or(600);
    let post = Post::start().await;
    let (bench, store) = (&post.team.bench, post.team.bench.context.store());
    let mut testers = Vec::new();
    for number in 0..TESTERS {
        testers.push(fitting(bench, &format!("t{number}@example.com")).await.0.id.wire());
    }
    // what a launch proposes is not waited for
    let change = json!({"targeting": {"countries": ["US"], "testerCount": 1}});
    let mut ids = Vec::new();
    while ids.len() < wanted {
        let study = post.team.study(&change).await;
        let body = json!({"jobId": study, "testerIds": testers, "send": true});
        let made = post.team.owner("POST", "/api/proposals", &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let made = data(&made)["proposals"].clone();
        assert_eq!(made.as_array().unwrap().len(), TESTERS);
        let id = |one: &Value| ProposalId::from_wire(one["proposalId"].as_str().unwrap()).unwrap();
        ids.extend(made.as_array().unwrap().iter().map(id));
        bench.advance(Duration::seconds(10));
    }
    bench.advance(Duration::hours(73));
    let began = std::time::Instant::now();
    let walk = async || {
        let (mut cursor, mut processed, mut steps) = (Value::Null, 0, 0);
        loop {
            let step = post.run("reminders", &json!({"cursor": cursor, "limit": 200})).await;
            processed += step["processed"].as_u64().unwrap();
            assert!(step["processed"].as_u64().unwrap() <= 200 && step["failed"] == 0, "{step}");
            cursor = step["nextCursor"].clone();
            steps += 1;
            if cursor.is_null() {
                return (processed, steps);
            }
        }
    };
    let (first, second) = futures_util::future::join(walk(), walk()).await;
    assert_eq!(first.0 + second.0, ids.len() as u64, "each once: {first:?} {second:?}");
    eprintln!("{} proposals ended in {:?}", ids.len(), began.elapsed());
    for id in ids {
        let proposal = store.proposal(id).await.unwrap().unwrap();
        assert_eq!((proposal.status.as_str(), proposal.version), ("expired", 2));
    }
    assert_eq!(post.run("reminders", &json!({})).await["processed"], 0);
}
