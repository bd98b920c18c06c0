//! What jobs are made of (outsend 7.4, 12.0, 13): the modules, rows, log lines and steps that the engine makes and the
//! store keeps, and what became of a request that the engine sent. It links nothing heavy, so that what only stores or
//! shows them does not link the engine.

pub mod places;
mod planner;
mod posted;
pub mod registry;
mod seed;
mod step;

pub use places::{Found, Lookup, ZoneArea, ZoneAsk};
pub use planner::{Planner, RowIntake};
pub use posted::Posted;
pub use registry::{Lane, Module};
pub use seed::Seed;
pub use step::{Discovered, Level, Line, Row, Seen, Step};
