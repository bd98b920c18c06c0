//! `GET /api/jobs/{id}/items`: a job's rows (outsend 8.1).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::list_items);
