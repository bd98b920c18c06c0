//! The Outsend dialect: accounts, sessions, API keys, jobs and the registry so far (docs/contracts/outsend.md).

mod account;
mod auth;
mod call;
mod envelope;
mod export;
mod fields;
mod jobs;
mod keys;
mod limits;
mod registry;
mod routes;
mod text;

pub use account::{
    change_password, delete_account, login, logout, me, request_reset, resend_verification, reset_password, sign_up,
    verify_email,
};
pub use export::export;
pub use jobs::{
    cancel, create_scrap, create_typed, delete_job, download, get_job, list_items, list_jobs, report, resume, stream,
};
pub use keys::{create_key, delete_key, list_keys};
pub use registry::{list_modules, vote};

use super::{Answer, ApiRequest, edge::Dialect};
use crate::{context::Context, serve::BoxFuture};

/// What the edge must know of this dialect (outsend 2.1, 3).
pub const DIALECT: Dialect = Dialect {
    least_request_id: 1,
    roots: &["/api"],
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};

/// What is routed nowhere: 404, or 405 where only the method is wrong (outsend 1).
#[must_use]
pub fn fallback(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    call::answer(context, request, |_| {
        Box::pin(async { Err(envelope::Problem::Crash("the gateway's routes are not those of the API".to_owned())) })
    })
}
