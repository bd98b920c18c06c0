//! `POST /api/admin/quiz`: the next version of the quiz (openscouter 17).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::publish_quiz);
