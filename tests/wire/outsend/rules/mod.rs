//! What many operations of Outsend share.

mod credentials;
mod jobs;
mod limits;
mod origins;
mod requests;
