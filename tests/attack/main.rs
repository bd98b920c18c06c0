//! Attacks: one file for each kind of fault that a review opened. A test here plays the attacker, and holds that nothing is
//! gained.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts_one_time;
mod accounts_passwords;
mod accounts_payment;
mod accounts_prehijack;
mod accounts_providers;
mod accounts_recovery;
mod accounts_throttles;
mod accounts_traces;
mod accounts_words;
mod cloud_policies;
mod consents_withdrawal;
mod edge_caches;
mod edge_paths;
mod fuzz;
mod laptop_control;
mod laptop_files;
mod laptop_store;
mod resources_depth;
mod resources_formulas;
mod resources_memory;
mod resources_streams;
mod resources_time;
