//! Where a user's items stand.

use crate::model::UserId;

/// The partition of a user, in either table.
pub(super) fn user_pk(id: UserId) -> String {
    format!("USER#{id}")
}
