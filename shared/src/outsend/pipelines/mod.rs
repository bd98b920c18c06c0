//! Pipelines (outsend 14): what a definition may be, how a run goes on, and what is told of both.

mod blocks;
mod definition;
mod intake;
mod parameters;
mod planning;
mod runs;
mod view;

pub use blocks::{Block, block};
pub use definition::{Definition, Node, judge, read};
pub use intake::{MAX_ITEMS, Usable, usable_rows};
pub use parameters::{judge as judge_config, schema};
pub use runs::{advance, cancel, check_start, first_run, launch, record, start_run};
pub use view::{Found, Named, NodeView, PipelineView, named, node_view, view};
