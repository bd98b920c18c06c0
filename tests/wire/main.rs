//! Wire tests: one binary for all functions.

mod limits;
mod outset;
