//! `POST /api/auth/magic-link`: a link that signs in (openscouter 7).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::magic_link);
