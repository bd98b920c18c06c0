//! `POST /api/auth/forgot-password`: the link for a new password (openscouter 7).

mod page;

use shared::{
    model::WorkKind,
    openscouter::{self, Endpoint, users::queue_mail},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| queue_mail(cx, WorkKind::ScouterReset)).with_form(&page::PAGE);
