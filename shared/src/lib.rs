//! What every outscout function links: the context, the entities, the store, the limits, and one
//! module for each API dialect. Arrows run one way: `model` ← `store` ← `limits` ← `api`.

mod agents;
pub mod api;
pub mod clock;
pub mod context;
pub mod http_client;
mod jobs;
pub mod limits;
pub mod mail;
pub mod model;
pub mod password;
pub mod prose;
pub mod reactor;
pub mod secret;
pub mod serve;
pub mod signing;
pub mod store;
pub mod ulid;
pub mod work;
