//! The OpenScouter dialect: accounts, tokens, the OAuth server and administration so far
//! (docs/contracts/openscouter.md).

mod account;
mod admin;
mod auth;
mod call;
mod connections;
mod cron;
mod envelope;
mod fields;
mod limits;
mod oauth;
mod providers;
mod rights;
mod routes;
mod session;
mod text;
mod tokens;
mod webhooks;

pub use account::{forgot_password, jwks, magic_link, me, resend_verification, reset_password, sign_up, verify_email};
pub use admin::{list_audit, list_organizations, update_organization, update_user};
pub use connections::{delete_connection, list_connections};
pub use cron::cron;
pub use oauth::{oauth_authorize, oauth_metadata, oauth_register, oauth_revoke, oauth_token};
pub use providers::{provider_callback, provider_start};
pub(crate) use rights::bundle;
pub use rights::{
    create_export, download_export, get_erasure, get_export, get_profile, request_erasure, update_profile,
};
pub use session::{magic_link_verify, refresh, sign_in, sign_out};
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
