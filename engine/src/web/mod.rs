//! Websites, read politely, and what is found on them (outsend 11.5, 12).

mod ask;
mod camera;
mod charset;
#[cfg(test)]
mod corpus;
mod crawl;
mod enricher;
mod host;
mod images;
mod json_ld;
mod modules;
mod page;
mod parse;
mod parts;
mod sitemap;
#[cfg(test)]
pub(crate) mod testing;
mod visit;
mod visitor;
mod world;

pub use ask::{Answer, Ask, Missed, Wanted};
pub(crate) use crawl::start;
pub use host::{Hosts, LEASE, Rules, Turn};
pub use modules::mail_addresses;
pub(crate) use modules::signatures::add as add_signatures;
pub use page::Page;
pub use parts::{Link, Parts};
pub use visit::{Visit, registrable};
