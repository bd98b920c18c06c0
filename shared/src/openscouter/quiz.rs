//! The qualification quiz: published by admins, taken by testers (openscouter 17, 18).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    access::{ADMINS, TESTERS},
    endpoint::answer,
    envelope::{Problem, success},
    fields::Fields,
    format::timestamp,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, AttemptId, Question, Quiz, QuizAttempt, QuizOption},
    store::Attempted,
};

/// Attempts at a change that somebody else's change got in the way of.
const MAX_ATTEMPTS: u32 = 5;

fn missing() -> Problem {
    Problem::not_found("Quiz")
}

/// The quiz; its key is for admins only.
fn object(quiz: &Quiz, key: bool) -> Value {
    let question = |question: &Question| {
        let mut object = json!(question);
        if !key && let Some(object) = object.as_object_mut() {
            object.remove("correctOptionId");
        }
        object
    };
    json!({
        "quizId": quiz.id(),
        "version": quiz.version,
        "passingScore": quiz.passing_score,
        "questions": quiz.questions.iter().map(question).collect::<Vec<_>>(),
        "updatedAt": timestamp(quiz.updated_at),
    })
}

/// `GET /api/admin/quiz`
#[must_use]
pub fn get_admin_quiz(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.caller(ADMINS).await?;
            let quiz = cx.context.store().quiz().await?.ok_or_else(missing)?;
            Ok(success(200, &object(&quiz, true)))
        })
    })
}

/// `GET /api/testers/quiz`
#[must_use]
pub fn get_quiz(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.caller(TESTERS).await?;
            let quiz = cx.context.store().quiz().await?.ok_or_else(missing)?;
            Ok(success(200, &object(&quiz, false)))
        })
    })
}

fn options(fields: &Fields, path: &str) -> Result<Vec<QuizOption>, Problem> {
    let mut options: Vec<QuizOption> = Vec::new();
    for (place, value) in fields.array(path, 2, 6)?.iter().enumerate() {
        let path = format!("{path}[{place}]");
        let option = Fields::within(&path, value)?;
        let letter = |text: &str| ["a", "b", "c", "d", "e", "f"].contains(&text).then(|| text.to_owned());
        let id = option.choice(&format!("{path}.id"), "a, b, c, d, e, f", letter)?;
        let text = option.text(&format!("{path}.text"), 1, 500)?;
        options.push(QuizOption { id, text });
    }
    let distinct: HashSet<_> = options.iter().map(|option| &option.id).collect();
    if distinct.len() < options.len() {
        return Err(Problem::invalid(path, "must not contain duplicates"));
    }
    Ok(options)
}

fn questions(fields: &Fields) -> Result<Vec<Question>, Problem> {
    let mut questions = Vec::new();
    for (place, value) in fields.array("questions", 1, 100)?.iter().enumerate() {
        let path = format!("questions[{place}]");
        let question = Fields::within(&path, value)?;
        let named = |name: &str| format!("{path}.{name}");
        let text = question.text(&named("text"), 1, 1_000)?;
        const CHOICE: &str = "multiple_choice";
        let kind = match question.optional(&named("type")) {
            None => CHOICE.to_owned(),
            Some(_) => question.choice(&named("type"), CHOICE, |text| (text == CHOICE).then(|| text.to_owned()))?,
        };
        let options = options(&question, &named("options"))?;
        let ids: Vec<_> = options.iter().map(|option| option.id.clone()).collect();
        let right = |text: &str| ids.iter().find(|id| *id == text).cloned();
        let correct_option_id = question.choice(&named("correctOptionId"), &ids.join(", "), right)?;
        question.required(&named("points"))?;
        let points = question.optional_integer(&named("points"), 1, 100)?.unwrap_or(1);
        questions.push(Question {
            question_id: format!("q_{:03}", place + 1),
            text,
            kind,
            options,
            correct_option_id,
            points,
        });
    }
    Ok(questions)
}

/// `POST /api/admin/quiz`
#[must_use]
pub fn publish_quiz(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(publish_now(cx)))
}

async fn publish_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(ADMINS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        fields.required("passingScore")?;
        let passing_score = fields.optional_integer("passingScore", 1, 100)?.unwrap_or(100);
        let quiz = Quiz { version: 0, passing_score, questions: questions(&fields)?, updated_at: cx.now };
        let user = &caller.account.user;
        let record = |quiz: &Quiz| cx.record(Action::QuizPublished, Some(user), Some(quiz.id()), json!({}));
        let quiz = cx.context.store().publish_quiz(&quiz, &record).await?;
        Ok(success(201, &object(&quiz, true)))
    })
    .await
}

/// `POST /api/testers/quiz/attempts`
#[must_use]
pub fn attempt_quiz(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(attempt_now(cx)))
}

fn answers(fields: &Fields) -> Result<Vec<(String, String)>, Problem> {
    let mut answers: Vec<(String, String)> = Vec::new();
    for (place, value) in fields.array("answers", 0, 100)?.iter().enumerate() {
        let path = format!("answers[{place}]");
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

async fn attempt_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(TESTERS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let id = fields.text("quizId", 1, 64)?;
        let answers = answers(&fields)?;
        let store = cx.context.store();
        let quiz = store.quiz().await?.filter(|quiz| quiz.id() == id);
        let replaced = || Problem::invalid("quizId", "is not the active quiz");
        let quiz = quiz.ok_or_else(replaced)?;
        let score = quiz.score(&answers);
        let mut user = caller.account.user.clone();
        for _ in 0..MAX_ATTEMPTS {
            if user.qualified {
                return Err(Problem::invalid("", "Tester is already verified"));
            }
            let attempt = QuizAttempt {
                id: AttemptId::at(cx.now),
                tester: user.id,
                version: quiz.version,
                answers: answers.clone(),
                score,
                passed: score >= quiz.passing_score,
                created_at: cx.now,
            };
            match store.keep_attempt(&attempt, &user).await? {
                Attempted::Kept => {
                    let data = json!({
                        "attemptId": attempt.id.wire(),
                        "quizId": quiz.id(),
                        "score": score,
                        "passed": attempt.passed,
                        "capacityVerified": attempt.passed,
                        "createdAt": timestamp(attempt.created_at),
                    });
                    return Ok(success(201, &data));
                }
                Attempted::Replaced => return Err(replaced()),
                Attempted::TooOften => return Err(Problem::invalid("quizId", "at most 3 attempts in 24 hours")),
                Attempted::Changed => {
                    let account = store.account(user.id).await?;
                    user = account.ok_or_else(|| Problem::unauthorized("Invalid credentials"))?.user;
                }
            }
        }
        Err(Problem::Crash("the account kept changing".to_owned()))
    })
    .await
}
