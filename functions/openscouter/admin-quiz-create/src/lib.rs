//! `POST /api/admin/quiz`: publishes a quiz, which is the active one from then on (openscouter 17).

use std::collections::HashSet;

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, Question, Quiz, QuizOption},
    openscouter::{
        self, Endpoint,
        access::{ADMINS, Caller},
        envelope::{Problem, success},
        fields::Fields,
        quiz::QuizView,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS, |cx, caller| Box::pin(publish(cx, caller)));

/// The one kind of question that there is.
const CHOICE: &str = "multiple_choice";

async fn publish(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        fields.required("passingScore")?;
        let passing_score = fields.optional_integer("passingScore", 1, 100)?.unwrap_or(100);
        let quiz = Quiz { version: 0, passing_score, questions: questions(&fields)?, updated_at: cx.now };
        let user = &caller.account.user;
        let record = |quiz: &Quiz| cx.record(Action::QuizPublished, Some(user), Some(quiz.id()), json!({}));
        let quiz = cx.context.store().publish_quiz(&quiz, &record).await?;
        Ok(success(201, &QuizView::with_key(&quiz)))
    })
    .await
}

fn questions(fields: &Fields) -> Result<Vec<Question>, Problem> {
    let mut questions = Vec::new();
    for (index, value) in fields.array("questions", 1, 100)?.iter().enumerate() {
        let path = format!("questions[{index}]");
        let question = Fields::within(&path, value)?;
        let named = |name: &str| format!("{path}.{name}");
        let text = question.text(&named("text"), 1, 1_000)?;
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
            question_id: format!("q_{:03}", index + 1),
            text,
            kind,
            options,
            correct_option_id,
            points,
        });
    }
    Ok(questions)
}

fn options(fields: &Fields, path: &str) -> Result<Vec<QuizOption>, Problem> {
    let mut options: Vec<QuizOption> = Vec::new();
    for (index, value) in fields.array(path, 2, 6)?.iter().enumerate() {
        let path = format!("{path}[{index}]");
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
