//! Ranked collections: page-number lists at any depth (outset 8.6).
//!
//! A collection is a counted B+-tree over opaque byte keys: leaves hold the members' keys in
//! order, inner nodes hold for each child its first key and how many members it has. A page is
//! found by walking down by counts: at most one batch of reads a level, whatever the page. The
//! root lives in the head, so that a small collection is one item. A change gives all nodes that
//! it touches, to be written in one transaction that is conditional on the head's version.

mod edit;
mod node;
#[cfg(test)]
mod tests;
mod tree;

pub use edit::{ApplyError, Change, Edit, Shape, apply};
pub use node::{Child, Corrupt, Node, NodeId};
pub use tree::{Head, NodeReader, PageError, page, rank};
