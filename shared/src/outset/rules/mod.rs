//! The dialect's pure rules: what is read from a request and how values look on the wire.

pub mod body;
pub mod boolean;
pub mod datetime;
pub mod error;
pub mod fill;
pub mod filters;
pub mod idempotency;
pub mod json;
pub mod media;
pub mod negotiate;
pub mod page;
pub mod patch;
pub mod render;
pub mod url;
pub mod uuid;
