//! The qualification quiz of testers (openscouter 17, 18).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{AttemptId, UserId};

/// A question with its answer key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// `q_001` and on, anew in each version.
    pub question_id: String,
    /// What is asked.
    pub text: String,
    /// Always `multiple_choice`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What can be answered.
    pub options: Vec<QuizOption>,
    /// The right one.
    pub correct_option_id: String,
    /// What it is worth.
    pub points: u32,
}

/// An answer that can be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuizOption {
    /// `a` to `f`.
    pub id: String,
    /// What it says.
    pub text: String,
}

fn wire_id(version: u32) -> String {
    format!("quiz_v{version}")
}

/// A version of the quiz; the newest is the active one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiz {
    /// From 1.
    pub version: u32,
    /// Percent that pass.
    pub passing_score: u32,
    /// Its questions.
    pub questions: Vec<Question>,
    /// When it was published.
    pub updated_at: OffsetDateTime,
}

impl Quiz {
    /// Its id on the wire.
    #[must_use]
    pub fn id(&self) -> String {
        wire_id(self.version)
    }

    /// Whether it has this question, and the question this option.
    #[must_use]
    pub fn knows(&self, question: &str, option: &str) -> (bool, bool) {
        let question = self.questions.iter().find(|known| known.question_id == question);
        (question.is_some(), question.is_some_and(|known| known.options.iter().any(|known| known.id == option)))
    }

    /// What these answers, by question and option, score in percent.
    #[must_use]
    pub fn score(&self, answers: &[(String, String)]) -> u32 {
        let points = |right: &dyn Fn(&Question) -> bool| -> u64 {
            self.questions.iter().filter(|question| right(question)).map(|question| u64::from(question.points)).sum()
        };
        let earned = points(&|question| {
            answers.iter().any(|(id, option)| *id == question.question_id && *option == question.correct_option_id)
        });
        let possible = points(&|_| true).max(1);
        // half away from zero
        u32::try_from((earned * 200 + possible) / (possible * 2)).unwrap_or(100)
    }
}

/// A tester's attempt at the quiz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuizAttempt {
    /// Id.
    pub id: AttemptId,
    /// Who.
    pub tester: UserId,
    /// The version that was tried.
    pub version: u32,
    /// What was answered: question and option, in the order given.
    pub answers: Vec<(String, String)>,
    /// Percent.
    pub score: u32,
    /// Whether that was enough.
    pub passed: bool,
    /// When.
    pub created_at: OffsetDateTime,
}

impl QuizAttempt {
    /// The wire id of the version that was tried.
    #[must_use]
    pub fn quiz_id(&self) -> String {
        wire_id(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_rounded_to_percent() {
        let question = |number: u32, points: u32| Question {
            question_id: format!("q_{number:03}"),
            text: "?".to_owned(),
            kind: "multiple_choice".to_owned(),
            options: Vec::new(),
            correct_option_id: "a".to_owned(),
            points,
        };
        let questions = vec![question(1, 1), question(2, 1), question(3, 1)];
        let quiz = Quiz { version: 1, passing_score: 67, questions, updated_at: OffsetDateTime::UNIX_EPOCH };
        let right = |number: u32| (format!("q_{number:03}"), "a".to_owned());
        assert_eq!(quiz.score(&[]), 0);
        assert_eq!(quiz.score(&[right(1)]), 33);
        assert_eq!(quiz.score(&[right(1), right(3), ("q_002".to_owned(), "b".to_owned())]), 67);
        assert_eq!(quiz.score(&[right(1), right(2), right(3), ("q_009".to_owned(), "a".to_owned())]), 100);
    }
}
