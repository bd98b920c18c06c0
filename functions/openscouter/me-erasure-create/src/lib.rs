//! `POST /api/me/erasure`: a person asks to be forgotten (openscouter 18, 21).

use serde_json::json;
use time::Duration;

use shared::{
    http::Response,
    model::{Action, ErasureId},
    openscouter::{
        self, Endpoint,
        access::{ANY_ROLE, Caller},
        envelope::{Problem, success},
        erasures::ErasureView,
        fields::Fields,
        request_context::RequestContext,
    },
    store::Erasure,
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ANY_ROLE, |cx, caller| Box::pin(request_erasure(cx, caller)));

/// How long after a request an account is erased.
const DELAY: Duration = Duration::days(30);

async fn request_erasure(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        if fields.text("confirm", 1, usize::MAX)? != "ERASE" {
            return Err(Problem::invalid("confirm", "must be ERASE"));
        }
        let user = &caller.account.user;
        let id = ErasureId::at(cx.now);
        let erasure = Erasure { id, acknowledged_at: cx.now, due_at: cx.now + DELAY };
        let audit = cx.record(Action::ErasureRequested, Some(user), Some(id.wire()), json!({}));
        let erasure = cx.context.store().request_erasure(user.id, &erasure, &audit).await?;
        Ok(success(202, &ErasureView::new(&erasure)))
    })
    .await
}
