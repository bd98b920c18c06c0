//! Accounts from their beginning to their end.

mod openscouter;
mod outsend;
