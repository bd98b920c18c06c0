//! The Outset dialect: Django REST framework's wire format (docs/contracts/outset.md).

mod auth;
mod envelope;
mod interviews;
mod list;
mod patch;
pub mod rules;
mod schema;
mod view;

pub use envelope::{Problem, crash};
pub use interviews::{complete, loggable_path, start};
pub use list::list;
pub use patch::update;
pub use schema::schema;
pub use view::{fallback, retrieve};
