//! `DELETE /api/admin/approvals/:id`: an approval is withdrawn (openscouter 17).

use shared::{
    lambda::{Plain, plain},
    openscouter,
};

/// The function.
pub const FUNCTION: Plain = plain(env!("CARGO_PKG_NAME"), &openscouter::DIALECT, openscouter::revoke_approval);
