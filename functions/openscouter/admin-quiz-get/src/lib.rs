//! `GET /api/admin/quiz`: the quiz with its key (openscouter 17).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::get_admin_quiz);
