//! `POST /api/sessions/:id/resume`: a session goes on (openscouter 10).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::resume_session);
