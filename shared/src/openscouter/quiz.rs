//! The qualification quiz, as its answers show it (openscouter 17, 18).

use serde::Serialize;

use super::{envelope::Problem, format::timestamp};
use crate::model::{Question, Quiz, QuizOption};

/// 404: no quiz was published yet.
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found("Quiz")
}

/// A version of the quiz (openscouter 17, 18).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuizView<'a> {
    quiz_id: String,
    version: u32,
    passing_score: u32,
    questions: Vec<QuestionView<'a>>,
    updated_at: String,
}

/// A question of the quiz.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuestionView<'a> {
    question_id: &'a str,
    text: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    options: &'a [QuizOption],
    #[serde(skip_serializing_if = "Option::is_none")]
    correct_option_id: Option<&'a str>,
    points: u32,
}

impl<'a> QuizView<'a> {
    /// The quiz with the right answers, for admins.
    #[must_use]
    pub fn with_key(quiz: &'a Quiz) -> Self {
        Self::new(quiz, true)
    }

    /// The quiz without the right answers, for testers.
    #[must_use]
    pub fn without_key(quiz: &'a Quiz) -> Self {
        Self::new(quiz, false)
    }

    fn new(quiz: &'a Quiz, key: bool) -> Self {
        let question = |question: &'a Question| QuestionView {
            question_id: &question.question_id,
            text: &question.text,
            kind: &question.kind,
            options: &question.options,
            correct_option_id: key.then_some(&question.correct_option_id),
            points: question.points,
        };
        Self {
            quiz_id: quiz.id(),
            version: quiz.version,
            passing_score: quiz.passing_score,
            questions: quiz.questions.iter().map(question).collect(),
            updated_at: timestamp(quiz.updated_at),
        }
    }
}
