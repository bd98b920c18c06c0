//! The clients that reach the outside world (outsend 11.5, 12.2, 12.5): name servers, mail servers and web servers.
//!
//! Wherever a user names the host, every address that the name has must be public before any is connected to, and the
//! connection goes to the very address that was checked.

mod dns;
mod guard;
mod imap;
mod network;
mod outside;
mod page;
mod pinned;
mod service;
mod smtp;
mod table;
#[cfg(test)]
mod testing;
mod unpack;
mod webhook;

pub use outside::{Outside, OutsideConfig};
