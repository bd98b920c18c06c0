//! `GET /api/modules-registry`: what there is to run (outsend 13).

use shared::{
    lambda::{Plain, plain},
    outsend,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &outsend::DIALECT, outsend::list_modules);
