//! The Outset dialect: Django REST framework's wire format (docs/contracts/outset.md).

mod access;
mod envelope;
mod interviews;
mod list;
mod patch;
pub mod rules;
mod schema;
mod view;

pub use envelope::{Problem, crash};
pub use interviews::{complete, loggable_path, start};
pub use list::list;
pub use patch::update;
pub use schema::schema;
pub use view::{fallback, retrieve};

/// What the edge must know of this dialect (outset 4.3, 13.1).
pub const DIALECT: crate::lambda::Dialect = crate::lambda::Dialect {
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
