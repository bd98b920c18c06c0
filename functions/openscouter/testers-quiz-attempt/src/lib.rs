//! `POST /api/testers/quiz/attempts`: a tester takes the quiz (openscouter 18).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::attempt_quiz);
