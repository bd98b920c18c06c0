//! `POST /api/auth/magic-link`: a link that signs in (openscouter 7).

mod page;

use shared::{
    model::WorkKind,
    openscouter::{self, Endpoint, users::queue_mail},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| queue_mail(cx, WorkKind::MagicLink)).with_form(&page::PAGE);
