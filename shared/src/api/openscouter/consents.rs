//! Consents of testers (openscouter 18).

use serde_json::{Value, json};

use super::{
    auth::TESTERS,
    call::{Call, answer},
    envelope::{Problem, optional_time, success},
    fields::Fields,
    text::timestamp,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{Action, Consent, ConsentKind},
    serve::BoxFuture,
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

pub(super) fn consent_object(consent: &Consent) -> Value {
    json!({
        "kind": consent.kind.as_str(),
        "version": consent.version,
        "givenAt": timestamp(consent.given_at),
        "revokedAt": optional_time(consent.revoked_at),
    })
}

fn current(call: &Call) -> &str {
    &call.context.settings().openscouter.consent_version
}

/// `GET /api/me/consents`
#[must_use]
pub fn list_consents(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            let caller = call.caller(TESTERS).await?;
            let consents = call.context.store().consents(caller.account.user.id).await?;
            let consents: Vec<_> = consents.iter().map(consent_object).collect();
            Ok(success(200, &json!({"currentVersion": current(call), "consents": consents})))
        })
    })
}

/// `POST /api/me/consents`
#[must_use]
pub fn give_consent(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(give_now(call)))
}

async fn give_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(TESTERS).await?;
    let fields = Fields::read(&call.request)?;
    call.once(&caller.key(), &[], async {
        let kind = fields.choice("kind", "testing, special_category", ConsentKind::parse)?;
        let version = fields.text("version", 1, usize::MAX)?;
        if version != current(call) {
            return Err(Problem::invalid("version", &format!("must be {}", current(call))));
        }
        let user = &caller.account.user;
        let consent = Consent { kind, version, given_at: call.now, revoked_at: None };
        let detail = json!({"kind": kind.as_str(), "version": consent.version});
        let audit = call.record(Action::ConsentGiven, Some(user), Some(user.id.wire()), detail);
        let (consent, new) = call.context.store().give_consent(user.id, &consent, &audit).await?;
        Ok(success(if new { 201 } else { 200 }, &consent_object(&consent)))
    })
    .await
}

/// `DELETE /api/me/consents/:kind`
#[must_use]
pub fn revoke_consent(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            let caller = call.caller(TESTERS).await?;
            let missing = || Problem::not_found("Consent");
            let kind = ConsentKind::parse(call.path_id()).ok_or_else(missing)?;
            let user = &caller.account.user;
            let detail = json!({"kind": kind.as_str()});
            let audit = call.record(Action::ConsentRevoked, Some(user), Some(user.id.wire()), detail);
            let store = call.context.store();
            let consent = store.revoke_consent(user.id, kind, call.now, &audit).await?.ok_or_else(missing)?;
            let data = json!({
                "kind": kind.as_str(),
                "revokedAt": optional_time(consent.revoked_at),
                "cascade": CASCADE,
            });
            Ok(success(202, &data))
        })
    })
}
