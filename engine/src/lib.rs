//! What jobs compute (outsend 7.4, 9, 11, 12): rules over rows, and the clients that ask the outside world.
//!
//! A module is planned once, when its job is created, and then run in slices: [`start`] builds a run at a
//! checkpoint, and each [`module::Run::step`] turns the next input rows into output rows, counters and log lines,
//! which the caller commits together. A run keeps nothing that it could not build again from its input, so a slice
//! that is lost is simply made again. Nothing here knows a store or a Lambda.

mod ahead;
pub mod analysis;
mod assets;
pub mod columns;
pub mod data;
pub mod delivery;
mod dispatch;
pub mod export;
pub mod filter;
pub mod import;
pub mod lists;
mod means;
pub mod module;
#[cfg(feature = "net")]
pub mod net;
pub mod places;
mod planner;
pub mod services;
pub mod sort;
pub mod table;
pub mod values;
pub mod veille;
pub mod verify;
pub mod web;

pub use assets::Assets;
pub use dispatch::start;
pub use engine_types::{Lane, Module, registry};
/// A boxed future, so that what crosses the crate's boundary is compiled once.
pub use futures_util::future::BoxFuture;
pub use means::Means;
pub use module::{Fault, Input, Level, Line, Network, Row, Run, Spec, Step};
pub use planner::Rules;
