//! What many operations of Outset share.

mod credentials;
mod hostile;
mod limits;
