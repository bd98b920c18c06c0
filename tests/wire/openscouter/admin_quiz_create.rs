//! `POST /api/admin/quiz`: the next version of the quiz (openscouter 17).

use harness::{
    Bench,
    openscouter::{
        ask, bearer, data, person, read, refused, send,
        team::{Team, quiz},
        told,
    },
    snapshot,
};
use serde_json::{Value, json};
use shared::model::Role;

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

#[tokio::test]
async fn versions_are_distinct_and_of_whole_questions() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Admin, "ann@example.com").await;
    let admin = bearer(&bench, "ann@example.com").await;
    let question = json!({"text": "?", "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}], "correctOptionId": "a", "points": 1});
    let quiz = |change: Value| {
        let mut question = question.clone();
        question.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({"passingScore": 100, "questions": [question]})
    };
    for (body, text) in [
        (json!({}), "passingScore: is required"),
        (json!({"passingScore": 0}), "passingScore: must be at least 1"),
        (json!({"passingScore": 1, "questions": []}), "questions: must contain at least 1 items"),
        (quiz(json!({"text": ""})), "questions[0].text: must not be empty"),
        (quiz(json!({"type": "essay"})), "questions[0].type: must be one of: multiple_choice"),
        (quiz(json!({"options": [1, 2]})), "questions[0].options[0]: must be an object"),
        (
            quiz(json!({"options": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]})),
            "questions[0].options: must not contain duplicates",
        ),
        (quiz(json!({"correctOptionId": "c"})), "questions[0].correctOptionId: must be one of: a, b"),
        (quiz(json!({"points": 101})), "questions[0].points: must be at most 100"),
    ] {
        assert_eq!(told(&ask(&bench, &admin, "POST", "/api/admin/quiz", &body).await), refused(text));
    }
    let published = ask(&bench, &admin, "POST", "/api/admin/quiz", &quiz(json!({}))).await;
    assert_eq!((published.status, &data(&published)["quizId"]), (201, &json!("quiz_v1")));
    assert_eq!(data(&read(&bench, &admin, "/api/admin/quiz").await), data(&published));
    // versions are distinct, however many are published at once
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let text = quiz(json!({})).to_string();
    let calls = (0..6).map(|_| send(&bench, "POST", "/api/admin/quiz", &headers, &text));
    let mut versions: Vec<_> = futures_util::future::join_all(calls)
        .await
        .iter()
        .map(|answer| data(answer)["version"].as_u64().unwrap())
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7]);
}
