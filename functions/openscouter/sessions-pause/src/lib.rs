//! `POST /api/sessions/:id/pause`: a session is interrupted (openscouter 10).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::pause_session);
