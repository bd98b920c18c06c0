//! Veille over many runs, against plain computations of the same (outsend 15).

mod account;
mod days;
mod diff;
mod places;
