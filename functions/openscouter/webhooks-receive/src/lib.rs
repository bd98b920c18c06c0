//! `POST /api/webhooks/:source`: events that another service sends (openscouter 16.3).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::webhook);
