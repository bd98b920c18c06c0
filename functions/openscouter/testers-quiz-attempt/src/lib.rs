//! `POST /api/testers/quiz/attempts`: a tester's answers to the active quiz (openscouter 18).

use serde::Serialize;

use shared::{
    http::Response,
    model::{AttemptId, QuizAttempt},
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        envelope::{Problem, success},
        fields::Fields,
        format::timestamp,
        request_context::RequestContext,
    },
    store::Attempted,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(attempt(cx, caller)));

/// An attempt as its tester sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttemptView {
    attempt_id: String,
    quiz_id: String,
    score: u32,
    passed: bool,
    capacity_verified: bool,
    created_at: String,
}

async fn attempt(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("quizId", 1, 64)?;
        let answers = answers(&fields)?;
        let store = cx.context.store();
        let quiz = store.quiz().await?.filter(|quiz| quiz.id() == id).ok_or_else(replaced)?;
        for (index, (question, option)) in answers.iter().enumerate() {
            match quiz.knows(question, option) {
                (true, true) => {}
                (true, false) => return Err(unknown(index, "optionId", "is no option of this question")),
                (false, _) => return Err(unknown(index, "questionId", "is no question of this quiz")),
            }
        }
        let score = quiz.score(&answers);
        let user = &caller.account.user;
        let attempt = QuizAttempt {
            id: AttemptId::at(cx.now),
            tester: user.id,
            version: quiz.version,
            answers,
            score,
            passed: score >= quiz.passing_score,
            created_at: cx.now,
        };
        match store.attempt_quiz(&attempt, user.clone()).await? {
            Attempted::Kept => {}
            Attempted::Qualified => return Err(Problem::invalid("", "Tester is already verified")),
            Attempted::TooOften => return Err(Problem::invalid("quizId", "at most 3 attempts in 24 hours")),
            Attempted::Replaced => return Err(replaced()),
            Attempted::Gone => return Err(Problem::unauthorized("Invalid credentials")),
        }
        let view = AttemptView {
            attempt_id: attempt.id.wire(),
            quiz_id: attempt.quiz_id(),
            score,
            passed: attempt.passed,
            capacity_verified: attempt.passed,
            created_at: timestamp(attempt.created_at),
        };
        Ok(success(201, &view))
    })
    .await
}

fn unknown(index: usize, name: &str, reason: &str) -> Problem {
    Problem::invalid(&format!("answers[{index}].{name}"), reason)
}

fn replaced() -> Problem {
    Problem::invalid("quizId", "is not the active quiz")
}

/// The answers: question and option, each question once.
fn answers(fields: &Fields) -> Result<Vec<(String, String)>, Problem> {
    let mut answers: Vec<(String, String)> = Vec::new();
    for (index, value) in fields.array("answers", 0, 100)?.iter().enumerate() {
        let path = format!("answers[{index}]");
        let given = Fields::within(&path, value)?;
        let question = given.text(&format!("{path}.questionId"), 1, 64)?;
        let option = given.text(&format!("{path}.optionId"), 1, 64)?;
        if answers.iter().any(|(known, _)| *known == question) {
            return Err(Problem::invalid("answers", "must not contain duplicates"));
        }
        answers.push((question, option));
    }
    Ok(answers)
}
