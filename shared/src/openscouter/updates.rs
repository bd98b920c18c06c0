//! What a client is told of an update that was not written.

use super::envelope::Problem;
use crate::store::UpdateError;

/// The problem of an update that was not written; `object` names what there is none of.
pub fn update_problem(error: UpdateError<Problem>, object: &str) -> Problem {
    match error {
        UpdateError::NotFound => Problem::not_found(object),
        UpdateError::Refused(problem) => problem,
        UpdateError::Store(error) => error.into(),
    }
}
