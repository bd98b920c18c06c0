//! Outset, operation by operation.

mod fallback;
mod participant_complete;
mod participant_start;
mod rules;
mod schema_retrieve;
mod studies_list;
mod studies_retrieve;
mod studies_update;
