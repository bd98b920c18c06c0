//! `PATCH /api/admin/users/:id`: suspends, and lifts a suspension (openscouter 17).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::update_user);
