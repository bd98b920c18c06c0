//! Columns: aliases, what a module keeps and adds (outsend 8.3, 9.3, 11.1 to 11.3).

mod aliases;
mod infer;
mod intake;
mod output;
pub(crate) mod rows;
mod view;

pub(crate) use aliases::{asked, names_column};
pub use aliases::{canonical, find, resolve};
pub use infer::{headless, infer, years};
pub use intake::Intake;
pub(crate) use intake::{Column, digest};
pub(crate) use output::own;
pub use output::{carried, output};

pub(crate) use view::RowView;
