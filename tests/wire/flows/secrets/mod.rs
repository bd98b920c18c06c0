//! Secrets are neither stored nor logged.

mod openscouter;
mod outsend;
