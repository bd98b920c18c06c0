//! What a module that reads websites is: which pages it reads, and what it makes of them.

use serde_json::Value;

use super::visit::{Plan, Visit};
pub(super) use crate::columns::RowView;

/// What a module found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The module's own cells in their order, but for `fetch_status`.
    pub(super) cells: Vec<Value>,
    /// What `breakdown` counts: group and key.
    pub(super) counts: Vec<(&'static str, &'static str)>,
}

/// A module that reads websites.
#[derive(Clone, Copy)]
pub(super) struct Enricher {
    /// Which pages it reads.
    pub(super) plan: Plan,
    /// What it finds.
    pub(super) find: fn(&RowView<'_>, &Visit) -> Found,
}
