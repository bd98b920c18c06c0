//! What many operations of OpenScouter share.

mod access;
mod addresses;
mod batches;
mod bodies;
mod cors;
mod credentials;
mod idempotency;
mod items;
mod limits;
mod routes;
mod session_states;
mod study_states;
