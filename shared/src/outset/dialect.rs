//! What the edge must know of this dialect.

use super::{envelope::crash, participants::loggable_path};
use crate::lambda::Dialect;

/// What the edge must know of this dialect (outset 4.3, 13.1).
pub const DIALECT: Dialect = Dialect {
    min_request_id_length: 1,
    roots: &["/v1", "/interviews"],
    crash: |cause, _| crash(cause),
    loggable_path,
    headers: &[
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ],
};
