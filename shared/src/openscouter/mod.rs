//! The OpenScouter dialect: accounts, tokens, the OAuth server and administration so far
//! (docs/contracts/openscouter.md).

pub mod access;
pub mod agents;
pub mod approvals;
mod authentication;
pub mod claims;
pub mod connections;
pub mod consents;
mod endpoint;
pub mod envelope;
pub mod exports;
pub mod fields;
pub mod format;
mod idempotency;
pub mod ingestion;
pub mod limits;
pub mod oauth;
pub mod organizations;
pub mod paging;
pub mod providers;
pub mod quiz;
pub mod reports;
pub mod request_context;
pub mod rights;
pub mod routes;
pub mod sign_ins;
pub mod studies;
pub mod test_sessions;
pub mod tokens;
pub mod users;

pub use agents::NO_APPROVAL;
pub use consents::{give_consent, list_consents, revoke_consent};
pub use endpoint::{Endpoint, Guard, Outcome, anonymous, endpoint, fallback, guarded};
pub use exports::make_export;
pub use exports::{create_export, download_export, get_export};
pub use ingestion::{ingest_facial, ingest_voice};
pub use quiz::{attempt_quiz, get_admin_quiz, get_quiz, publish_quiz};
pub use rights::{get_erasure, get_profile, request_erasure, update_profile};
pub use studies::task_id;
pub use test_sessions::{
    complete_session, confirm_session, create_session, get_notes, get_session, give_feedback, list_sessions,
    pause_session, put_notes, resume_session,
};

use crate::lambda::Dialect;

/// What the edge must know of this dialect (openscouter 2.3, 2.11).
pub const DIALECT: Dialect = Dialect {
    min_request_id_length: 8,
    roots: &["/api", "/.well-known"],
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};
