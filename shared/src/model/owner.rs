//! Whom requests, guesses and mails are counted for.

use super::{OrganizationId, UserId};
use crate::secret::sha256_hex;

/// Whom rate windows count for, and are erased with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A person.
    User(UserId),
    /// A tenant: its keys and tokens together.
    Organization(OrganizationId),
    /// An e-mail address, by its hash, whether somebody has it or not.
    Email(&'a str),
}

impl Owner<'_> {
    /// The name of the partition that all of the owner's buckets are in, which names nobody.
    #[must_use]
    pub fn partition(self) -> String {
        sha256_hex(
            match self {
                Self::User(id) => format!("user/{id}"),
                Self::Organization(id) => format!("organization/{id}"),
                Self::Email(hash) => format!("email/{hash}"),
            }
            .as_bytes(),
        )
    }
}
