//! `PUT /api/sessions/:id/notes`: the tester changes the notes (openscouter 10).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::put_notes);
