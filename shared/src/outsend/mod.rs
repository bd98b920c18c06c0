//! The Outsend dialect: accounts, sessions, API keys, jobs and the registry so far (docs/contracts/outsend.md).

pub mod access;
pub mod account;
pub mod authentication;
mod endpoint;
pub mod envelope;
pub mod export;
pub mod fields;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod messages;
pub mod registry;
pub mod request_context;
pub mod routes;

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

pub use endpoint::{Endpoint, Guard, Outcome, Preload, PreloadedEndpoint, endpoint, fallback, guarded, preloaded};

use crate::lambda::Dialect;

/// What the edge must know of this dialect (outsend 2.1, 3).
pub const DIALECT: Dialect = Dialect {
    min_request_id_length: 1,
    roots: &["/api"],
    crash: envelope::crash,
    loggable_path: str::to_owned,
    headers: &[("X-Content-Type-Options", "nosniff")],
};
