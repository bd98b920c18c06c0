//! `PUT /api/sessions/:id/notes`: the tester changes the notes (openscouter 10).

use std::collections::BTreeSet;

use harness::{
    openscouter::{data, send, team::Team},
    snapshot,
};
use serde_json::json;
use shared::model::TestSessionId;
use time::Duration;

#[tokio::test]
async fn every_change_that_was_answered_was_made() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}/notes");
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    let bodies: Vec<_> = (0..8).map(|n| json!({"notes": [{"text": format!("note {n}")}]}).to_string()).collect();
    let calls = bodies.iter().map(|body| send(&team.bench, "PUT", &path, &headers, body));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let id = TestSessionId::from_wire(&session).unwrap();
    let notes = team.bench.context.store().notes(id).await.unwrap();
    assert_eq!((notes.version, notes.notes.len()), (8, 1), "each of them was written");
    // pause and resume in turn from many sides: no state is skipped, none is entered twice
    let mut done = [0, 0];
    for _ in 0..6 {
        for (turn, name) in ["pause", "resume"].iter().enumerate() {
            let path = format!("/api/sessions/{session}/{name}");
            let calls = (0..5).map(|_| send(&team.bench, "POST", &path, &headers, "{}"));
            let answers = futures_util::future::join_all(calls).await;
            done[turn] += answers.iter().filter(|answer| answer.status == 200).count();
            team.bench.advance(Duration::seconds(30));
        }
    }
    assert_eq!(done, [6, 6]);
    let kept = team.bench.context.store().test_session(id).await.unwrap().unwrap();
    assert_eq!((kept.version, kept.pauses.len()), (21, 6));
}

#[tokio::test]
async fn long_notes_are_read_whole_while_they_are_replaced() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let path = format!("/api/sessions/{session}/notes");
    let headers = [("authorization", team.tester.as_str()), ("content-type", "application/json")];
    // noise that does not compress takes several items
    let noise = |tag: &str, note: usize| {
        let text: String =
            (0..60).map(|part| shared::secret::sha256_hex(format!("{tag}/{note}/{part}").as_bytes())).collect();
        json!({"text": format!("{tag}{text}")})
    };
    let body = |tag: &str| json!({"notes": (0..200).map(|note| noise(tag, note)).collect::<Vec<_>>()}).to_string();
    let bodies = [body("a"), body("b")];
    assert_eq!(send(&team.bench, "PUT", &path, &headers, &bodies[0]).await.status, 200);
    for turn in 1..6 {
        let write = send(&team.bench, "PUT", &path, &headers, &bodies[turn % 2]);
        let reads = (0..6).map(|_| send(&team.bench, "GET", &path, &headers, ""));
        let (written, read) = futures_util::future::join(write, futures_util::future::join_all(reads)).await;
        assert_eq!(written.status, 200);
        for answer in read {
            let notes = data(&answer)["notes"].as_array().unwrap().clone();
            let tags: BTreeSet<_> = notes.iter().map(|note| note["text"].as_str().unwrap()[..1].to_owned()).collect();
            assert_eq!((notes.len(), tags.len()), (200, 1), "one edition, and all of it");
        }
        team.bench.advance(Duration::seconds(10));
    }
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let study = team.study(&json!({})).await;
    let session = team.session(&study).await;
    let answer = team
        .tester("PUT", &format!("/api/sessions/{session}/notes"), &json!({"notes": [{"text": "I was lost."}]}))
        .await;
    snapshot!("sessions-notes-put", &answer);
}
