//! `POST /api/me/consents`: a tester consents to the current version of a text (openscouter 18).

use serde_json::json;

use shared::{
    http::Response,
    model::{Action, Consent, ConsentKind},
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        consents::ConsentView,
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(give(cx, caller)));

async fn give(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let kind = fields.choice("kind", "testing, special_category", ConsentKind::parse)?;
        let version = fields.text("version", 1, usize::MAX)?;
        let current = &*cx.context.settings().openscouter.consent_version;
        if version != current {
            return Err(Problem::invalid("version", &format!("must be {current}")));
        }
        let user = &caller.account.user;
        let consent = Consent { kind, version, given_at: cx.now, revoked_at: None };
        let detail = json!({"kind": kind.as_str(), "version": consent.version});
        let audit = cx.record(Action::ConsentGiven, Some(user), Some(user.id.wire()), detail);
        let (consent, new) = cx.context.store().give_consent(user.id, &consent, &audit).await?;
        Ok(success(if new { 201 } else { 200 }, &ConsentView::new(&consent)))
    })
    .await
}
