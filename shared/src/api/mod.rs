//! The edge that every request passes, and one module for each dialect.

pub mod edge;
pub mod openscouter;
pub mod outsend;
pub mod outset;
mod request;
mod routes;

pub use request::{Answer, ApiRequest};
