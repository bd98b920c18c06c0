//! Consents of testers (openscouter 18).

use serde_json::{Value, json};

use super::{
    access::TESTERS,
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::Fields,
    format::timestamp,
    request_context::RequestContext,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, Consent, ConsentKind},
};

/// What goes when a consent is withdrawn, in the contract's order.
const CASCADE: [&str; 9] = [
    "special_category_profile",
    "events",
    "facial_snapshots",
    "voice_segments",
    "session_notes",
    "insights",
    "session_reports",
    "findings",
    "strata",
];

pub fn consent_object(consent: &Consent) -> Value {
    json!({
        "kind": consent.kind.as_str(),
        "version": consent.version,
        "givenAt": timestamp(consent.given_at),
        "revokedAt": optional_time(consent.revoked_at),
    })
}

fn current(cx: &RequestContext) -> &str {
    &cx.context.settings().openscouter.consent_version
}

/// `GET /api/me/consents`
#[must_use]
pub fn list_consents(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(TESTERS).await?;
            let consents = cx.context.store().consents(caller.account.user.id).await?;
            let consents: Vec<_> = consents.iter().map(consent_object).collect();
            Ok(success(200, &json!({"currentVersion": current(cx), "consents": consents})))
        })
    })
}

/// `POST /api/me/consents`
#[must_use]
pub fn give_consent(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(give_now(cx)))
}

async fn give_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(TESTERS).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let kind = fields.choice("kind", "testing, special_category", ConsentKind::parse)?;
        let version = fields.text("version", 1, usize::MAX)?;
        if version != current(cx) {
            return Err(Problem::invalid("version", &format!("must be {}", current(cx))));
        }
        let user = &caller.account.user;
        let consent = Consent { kind, version, given_at: cx.now, revoked_at: None };
        let detail = json!({"kind": kind.as_str(), "version": consent.version});
        let audit = cx.record(Action::ConsentGiven, Some(user), Some(user.id.wire()), detail);
        let (consent, new) = cx.context.store().give_consent(user.id, &consent, &audit).await?;
        Ok(success(if new { 201 } else { 200 }, &consent_object(&consent)))
    })
    .await
}

/// `DELETE /api/me/consents/:kind`
#[must_use]
pub fn revoke_consent(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(TESTERS).await?;
            let missing = || Problem::not_found("Consent");
            let kind = ConsentKind::parse(cx.path_id()).ok_or_else(missing)?;
            let user = &caller.account.user;
            let detail = json!({"kind": kind.as_str()});
            let audit = cx.record(Action::ConsentRevoked, Some(user), Some(user.id.wire()), detail);
            let store = cx.context.store();
            let consent = store.revoke_consent(user.id, kind, cx.now, &audit).await?.ok_or_else(missing)?;
            let data = json!({
                "kind": kind.as_str(),
                "revokedAt": optional_time(consent.revoked_at),
                "cascade": CASCADE,
            });
            Ok(success(202, &data))
        })
    })
}
