//! `GET /api/sessions/:id`: a session with what agents made of it (openscouter 10).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::get_session);
