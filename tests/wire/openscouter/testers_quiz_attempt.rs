//! `POST /api/testers/quiz/attempts`: a tester takes the quiz (openscouter 18).

use harness::{
    Bench,
    openscouter::{ask, bearer, data, person, read, refused, team::Team, told},
    snapshot,
};
use serde_json::json;
use shared::model::{AttemptId, QuizAttempt, Role};
use time::Duration;

#[tokio::test]
async fn the_quiz_opens_the_account() {
    let bench = Bench::start().await.unwrap();
    person(&bench, Role::Admin, "ann@example.com").await;
    person(&bench, Role::Tester, "tess@example.com").await;
    let (admin, tess) = (bearer(&bench, "ann@example.com").await, bearer(&bench, "tess@example.com").await);
    for (caller, path) in [(&admin, "/api/admin/quiz"), (&tess, "/api/testers/quiz")] {
        assert_eq!(told(&read(&bench, caller, path).await), (404, "Quiz not found".to_owned()));
    }
    let quiz = json!({"passingScore": 100, "questions": [{"text": "?", "correctOptionId": "a", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    for _ in 0..7 {
        assert_eq!(ask(&bench, &admin, "POST", "/api/admin/quiz", &quiz).await.status, 201);
    }
    let seen = data(&read(&bench, &tess, "/api/testers/quiz").await);
    assert!(!seen.to_string().contains("correctOptionId"));
    assert_eq!((&seen["quizId"], &seen["questions"][0]["questionId"]), (&json!("quiz_v7"), &json!("q_001")));
    let attempt = async |quiz: &str, option: &str| {
        let body = json!({"quizId": quiz, "answers": [{"questionId": "q_001", "optionId": option}]});
        ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await
    };
    assert_eq!(told(&attempt("quiz_v1", "a").await), refused("quizId: is not the active quiz"));
    let twice = json!({"quizId": "quiz_v7", "answers": [{"questionId": "q_001", "optionId": "a"}, {"questionId": "q_001", "optionId": "a"}]});
    let answer = ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &twice).await;
    assert_eq!(told(&answer), refused("answers: must not contain duplicates"));
    // what the quiz does not have is no attempt
    for (question, option, reason) in [
        ("q_002", "a", "answers[0].questionId: is no question of this quiz"),
        ("q_001", "c", "answers[0].optionId: is no option of this question"),
    ] {
        let body = json!({"quizId": "quiz_v7", "answers": [{"questionId": question, "optionId": option}]});
        assert_eq!(told(&ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await), refused(reason));
    }
    let calls = (0..5).map(|_| attempt("quiz_v7", "b"));
    let tried = futures_util::future::join_all(calls).await;
    assert_eq!(tried.iter().filter(|answer| answer.status == 201).count(), 3);
    assert_eq!(told(&attempt("quiz_v7", "a").await), refused("quizId: at most 3 attempts in 24 hours"));
    bench.advance(Duration::hours(23));
    let tess = bearer(&bench, "tess@example.com").await;
    bench.advance(Duration::hours(2));
    let body = json!({"quizId": "quiz_v7", "answers": [{"questionId": "q_001", "optionId": "a"}]});
    let passed = ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await;
    assert_eq!((&data(&passed)["passed"], &data(&passed)["capacityVerified"]), (&json!(true), &json!(true)));
    assert_eq!(data(&read(&bench, &tess, "/api/auth/me").await)["status"], "active");
    assert_eq!(data(&read(&bench, &tess, "/api/me/profile").await)["capacityScore"], 100);
    let again = ask(&bench, &tess, "POST", "/api/testers/quiz/attempts", &body).await;
    assert_eq!(told(&again), refused("Tester is already verified"));
}

#[tokio::test]
async fn an_attempt_at_a_version_that_was_replaced_meanwhile_does_not_count() {
    let team = Team::start().await;
    let (bench, store) = (&team.bench, team.bench.context.store());
    let user = person(bench, Role::Tester, "penny@example.com").await;
    let penny = bearer(bench, "penny@example.com").await;
    let known = store.quiz().await.unwrap().unwrap();
    let quiz = json!({"passingScore": 1, "questions": [{"text": "?", "correctOptionId": "b", "points": 1,
        "options": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}]});
    assert_eq!(team.admin("POST", "/api/admin/quiz", &quiz).await.status, 201);
    let now = bench.context.clock().now();
    let attempt = QuizAttempt {
        id: AttemptId::at(now),
        tester: user.id,
        version: known.version,
        answers: vec![("q_001".to_owned(), "a".to_owned())],
        score: 100,
        passed: true,
        created_at: now,
    };
    let kept = store.attempt_quiz(&attempt, user.clone()).await.unwrap();
    assert_eq!(kept, shared::store::Attempted::Replaced);
    assert_eq!(data(&read(bench, &penny, "/api/auth/me").await)["status"], "pending", "nobody passes an old quiz");
    assert!(store.attempts_of(user.id).await.unwrap().is_empty(), "nor is it one of the three a day");
    let body = json!({"quizId": "quiz_v2", "answers": [{"questionId": "q_001", "optionId": "b"}]});
    assert_eq!(ask(bench, &penny, "POST", "/api/testers/quiz/attempts", &body).await.status, 201);
    let kept = store.attempts_of(user.id).await.unwrap();
    assert_eq!((kept.len(), &kept[0].answers), (1, &vec![("q_001".to_owned(), "b".to_owned())]));
}

#[tokio::test]
async fn succeeds() {
    let team = Team::start().await;
    person(&team.bench, Role::Tester, "penny@example.com").await;
    let penny = bearer(&team.bench, "penny@example.com").await;
    let body = json!({"quizId": "quiz_v1", "answers": [{"questionId": "q_001", "optionId": "a"}]});
    let answer = ask(&team.bench, &penny, "POST", "/api/testers/quiz/attempts", &body).await;
    snapshot!("testers-quiz-attempt", &answer);
}
