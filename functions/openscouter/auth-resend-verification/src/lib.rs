//! `POST /api/auth/resend-verification`: the link again (openscouter 7).

mod page;

use shared::{
    model::WorkKind,
    openscouter::{self, Endpoint, users::queue_mail},
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::anonymous(env!("CARGO_PKG_NAME"), |cx| queue_mail(cx, WorkKind::ScouterVerify)).with_form(&page::PAGE);
