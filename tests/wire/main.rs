//! Wire tests: one binary for all functions. A test stands with the operation that it is about, under the API; what several
//! operations share under `rules/`, what crosses APIs under `flows/`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod background;
mod flows;
mod mirror;
mod openscouter;
mod outsend;
mod outset;
