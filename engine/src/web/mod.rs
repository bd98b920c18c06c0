//! Websites, read politely (outsend 11.5).

mod ask;

pub use ask::{Answer, Ask, Missed, Wanted};
