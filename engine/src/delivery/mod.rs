//! Where a sender's mail lands (outsend 12.16): seed mailboxes are looked into again and again, until all have some or the
//! time is over.

mod run;
mod wanted;

pub use engine_types::Seed;

pub(crate) use self::run::start;
pub use self::wanted::{Arrival, Placement, Unread, Wanted};
