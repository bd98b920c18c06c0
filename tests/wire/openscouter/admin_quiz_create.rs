//! `POST /api/admin/quiz`: the next version of the quiz (openscouter 17).

use harness::{
    openscouter::{
        data, read, send,
        team::{Team, quiz},
    },
    snapshot,
};
use serde_json::{Value, json};

/// As large as the contract lets it be, of nothing that compression makes small.
fn largest_quiz() -> Value {
    let text = |name: &str, length: usize| {
        let digests = (0..length / 32 + 1).map(|part| shared::secret::sha256_hex(format!("{name}/{part}").as_bytes()));
        let bytes = digests.flat_map(|digest| {
            (0..32).map(|at| u32::from_str_radix(&digest[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<_>>()
        });
        bytes.map(|byte| char::from_u32(0x100 + byte).unwrap()).take(length).collect::<String>()
    };
    let questions: Vec<_> = (0..100)
        .map(|question| {
            let option = |id: &str| json!({"id": id, "text": text(&format!("{question}{id}"), 500)});
            let options: Vec<_> = ["a", "b", "c", "d", "e", "f"].into_iter().map(option).collect();
            json!({"text": text(&question.to_string(), 1_000), "options": options, "correctOptionId": "f", "points": 1})
        })
        .collect();
    json!({"passingScore": 50, "questions": questions})
}

#[tokio::test]
async fn a_quiz_of_any_size_is_published_once() {
    let team = Team::start().await;
    let bench = &team.bench;
    let quiz = largest_quiz().to_string();
    assert!((800_000..1_048_576).contains(&quiz.len()), "more than an item holds, even when it is compressed");
    let headers =
        [("authorization", team.admin.as_str()), ("content-type", "application/json"), ("idempotency-key", "the-quiz")];
    let publish = async || send(bench, "POST", "/api/admin/quiz", &headers, &quiz).await;
    let first = publish().await;
    assert_eq!((first.status, &data(&first)["quizId"]), (201, &json!("quiz_v2")));
    let again = publish().await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert!(again.body == first.body, "the replay is the answer, whatever its length");
    let seen = data(&read(bench, &team.tester, "/api/testers/quiz").await);
    assert_eq!(seen["questions"].as_array().unwrap().len(), 100);
    assert_eq!(seen["questions"][99]["options"][5]["text"].as_str().unwrap().chars().count(), 500);
    assert_eq!(data(&read(bench, &team.admin, "/api/admin/quiz").await), data(&first));
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    let answer = team.admin("POST", "/api/admin/quiz", &quiz()).await;
    snapshot!("admin-quiz-create", &answer);
}
