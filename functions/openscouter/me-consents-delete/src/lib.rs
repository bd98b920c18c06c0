//! `DELETE /api/me/consents/:kind`: a consent is withdrawn (openscouter 18).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::revoke_consent);
