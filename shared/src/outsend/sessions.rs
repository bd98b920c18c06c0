//! Sessions that an endpoint opens (outsend 4.1).

use time::OffsetDateTime;

use super::{envelope::Problem, request_context::SESSION_LENGTH};
use crate::{
    model::{Session, User},
    secret::new_token,
};

/// A new session of `user`, and the value of its cookie. Only the value's hash is stored.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_session(user: &User, now: OffsetDateTime) -> Result<(Session, String), Problem> {
    let (value, hash) = new_token("")?;
    let session = Session {
        hash,
        user: user.id,
        organization: user.organization,
        generation: user.generation,
        created_at: now,
        expires_at: now + SESSION_LENGTH,
    };
    Ok((session, value))
}
