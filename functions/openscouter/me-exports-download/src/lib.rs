//! `GET /api/me/exports/:id/download`: an export's content (openscouter 18).

use shared::{
    lambda::{Plain, plain_streaming},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain =
    plain_streaming(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::download_export);
