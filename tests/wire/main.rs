//! Wire tests: one binary for all functions.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod concurrency;
mod cost;
mod coverage;
mod crash;
mod erasure;
mod events;
mod faults;
mod foreign;
mod jobs;
mod limits;
mod mail;
mod openscouter;
mod outsend;
mod outset;
mod processes;
mod sign_up;
