//! `POST /api/modules-registry/{slug}/interest`: a vote for a module (outsend 13).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::vote);
