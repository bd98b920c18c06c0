//! The OpenScouter dialect: what its endpoints share, by resource, and who may call them
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
pub mod page;
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

pub(crate) use agents::{NO_APPROVAL, millis};
pub use agents::{analyze_session, create_snapshot, get_agent_job};
pub use approvals::{create_approval, list_approvals, revoke_approval};
pub use consents::{give_consent, list_consents, revoke_consent};
pub(crate) use exports::make_export;
pub use exports::{create_export, download_export, get_export};
pub use ingestion::{ingest_facial, ingest_voice};
pub use quiz::{attempt_quiz, get_admin_quiz, get_quiz, publish_quiz};
pub use reports::{create_report, create_study_report, get_report, get_study_report, report_page};
pub use rights::{get_erasure, get_profile, request_erasure, update_profile};
pub(crate) use studies::task_id;
pub use studies::{close_study, create_study, delete_study, get_study, list_studies, update_study};
pub use test_sessions::{
    complete_session, confirm_session, create_session, get_notes, get_session, give_feedback, list_sessions,
    pause_session, put_notes, resume_session,
};
pub use users as account;

pub use endpoint::{AnonymousHandler, CallerHandler, Endpoint, Guard, Outcome, anonymous, endpoint, fallback, guarded};

use crate::lambda::Dialect;

/// What the edge must know of this dialect (openscouter 2.3, 2.11).
pub const DIALECT: Dialect = Dialect {
    min_request_id_length: 8,
    roots: &["/api", "/.well-known"],
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};
