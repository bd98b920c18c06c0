//! The Outsend dialect (docs/contracts/outsend.md): who may call, and what several of its endpoints share, by resource.

pub mod access;
pub mod authentication;
mod endpoint;
pub mod envelope;
pub mod events;
pub mod feedback;
pub mod fields;
pub mod format;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod messages;
mod pages;
pub mod pipelines;
pub mod places;
mod refusal;
pub mod request_context;
pub mod routes;
pub mod sessions;
pub mod streams;
pub mod tokens;
pub mod users;
pub mod veilles;
pub mod webhooks;

pub use endpoint::{
    AnonymousHandler, CallerHandler, DIALECT, Endpoint, Guard, Outcome, Preload, PreloadedEndpoint, PreloadedHandler,
    endpoint, fallback, guarded, page, preloaded,
};
pub use refusal::Refusal;
