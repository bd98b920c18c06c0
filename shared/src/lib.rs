//! What several functions need: settings, entities, the store, the limits, HTTP and Lambda, and one module for each API
//! dialect. Arrows run one way, from the last of these to the first.

pub mod assets;
pub mod attempts;
pub mod aws;
pub mod clock;
pub mod config;
pub mod context;
pub mod http;
pub mod http_client;
pub mod json;
pub mod jwt;
pub mod lambda;
pub mod limits;
pub mod log;
pub mod model;
pub mod names;
pub mod openapi;
pub mod openscouter;
pub mod outsend;
pub mod outset;
pub mod page;
pub mod password;
pub mod secret;
pub mod secrets_manager;
pub mod signed;
pub mod store;
pub mod stripe;
pub mod sweeps;
pub mod telegram;
pub mod ulid;

/// A boxed future: what crosses the boundary between this library and a function, so that the library's code is
/// compiled once and not again in each function.
pub use futures_util::future::BoxFuture;
