//! The OpenScouter dialect: what its endpoints share, by resource, and who may call them
//! (docs/contracts/openscouter.md).

pub mod access;
pub mod agents;
pub mod approvals;
pub mod authentication;
pub mod claims;
pub mod connections;
pub mod consents;
mod endpoint;
pub mod envelope;
pub mod erasures;
pub mod exports;
pub mod fields;
pub mod format;
mod idempotency;
pub mod ingestion;
pub mod limits;
pub mod lists;
pub mod oauth;
pub mod organizations;
pub mod outreach;
mod pages;
pub mod paging;
pub mod payments;
pub mod payouts;
pub mod profiles;
pub mod proposals;
pub mod providers;
pub mod quiz;
pub mod reports;
pub mod request_context;
pub mod routes;
pub mod sign_ins;
pub mod studies;
pub mod telegram;
pub mod test_sessions;
pub mod tokens;
pub mod users;

pub use endpoint::{
    AnonymousHandler, CallerHandler, Endpoint, Guard, Outcome, anonymous, endpoint, fallback, guarded, page,
};

use crate::lambda::Dialect;

/// What the edge must know of this dialect (openscouter 2.3, 2.11).
pub const DIALECT: Dialect = Dialect {
    min_request_id_length: 8,
    roots: routes::ROOTS,
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};
