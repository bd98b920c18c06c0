//! The OpenScouter dialect: accounts, tokens, the OAuth server and administration so far
//! (docs/contracts/openscouter.md).

mod account;
mod admin;
mod agents;
mod approvals;
mod auth;
mod call;
mod capture;
mod connections;
mod consents;
mod cron;
mod envelope;
mod exports;
mod fields;
mod limits;
mod oauth;
mod page;
mod providers;
mod quiz;
mod reports;
mod rights;
mod routes;
mod session;
mod studies;
mod test_sessions;
mod text;
mod tokens;
mod webhooks;

pub use account::{forgot_password, jwks, magic_link, me, resend_verification, reset_password, sign_up, verify_email};
pub use admin::{list_audit, list_organizations, update_organization, update_user};
pub(crate) use agents::{NO_APPROVAL, millis};
pub use agents::{analyze_session, create_snapshot, get_agent_job};
pub use approvals::{create_approval, list_approvals, revoke_approval};
pub use capture::{capture_events, capture_facial, capture_voice};
pub use connections::{delete_connection, list_connections};
pub use consents::{give_consent, list_consents, revoke_consent};
pub use cron::cron;
pub(crate) use exports::make_export;
pub use exports::{create_export, download_export, get_export};
pub use oauth::{oauth_authorize, oauth_metadata, oauth_register, oauth_revoke, oauth_token};
pub use providers::{provider_callback, provider_start};
pub use quiz::{attempt_quiz, get_admin_quiz, get_quiz, publish_quiz};
pub use reports::{create_report, create_study_report, get_report, get_study_report, report_page};
pub use rights::{get_erasure, get_profile, request_erasure, update_profile};
pub use session::{magic_link_verify, refresh, sign_in, sign_out};
pub(crate) use studies::task_id;
pub use studies::{close_study, create_study, delete_study, get_study, launch_study, list_studies, update_study};
pub use test_sessions::{
    complete_session, confirm_session, create_session, get_notes, get_session, give_feedback, list_sessions,
    pause_session, put_notes, resume_session,
};
pub use tokens::{create_token, delete_token, list_tokens};
pub use webhooks::webhook;

use super::{Answer, ApiRequest, edge::Dialect};
use crate::{context::Context, serve::BoxFuture};

/// What the edge must know of this dialect (openscouter 2.3, 2.11).
pub const DIALECT: Dialect = Dialect {
    least_request_id: 8,
    roots: &["/api", "/.well-known"],
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};

/// What is routed nowhere: 404, or 405 where only the method is wrong; and every preflight (openscouter 2.4, 2.9).
#[must_use]
pub fn fallback(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    call::answer(context, request, |_| {
        Box::pin(async { Err(envelope::Problem::Crash("the gateway's routes are not those of the API".to_owned())) })
    })
}
