//! `DELETE /api/me/consents/:kind`: a tester withdraws a consent; what rests on it goes (openscouter 18).

use serde::Serialize;
use serde_json::json;

use shared::{
    http::Response,
    model::{Action, ConsentKind},
    openscouter::{
        self, Endpoint,
        access::{Caller, TESTERS},
        envelope::{Problem, success},
        format::timestamp,
        request_context::RequestContext,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), TESTERS, |cx, caller| Box::pin(revoke(cx, caller)));

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

/// A consent that was withdrawn.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    kind: &'static str,
    revoked_at: Option<String>,
    cascade: [&'static str; 9],
}

fn missing() -> Problem {
    Problem::not_found("Consent")
}

async fn revoke(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let kind = ConsentKind::parse(cx.path("kind")).ok_or_else(missing)?;
    let user = &caller.account.user;
    let detail = json!({"kind": kind.as_str()});
    let audit = cx.record(Action::ConsentRevoked, Some(user), Some(user.id.wire()), detail);
    let store = cx.context.store();
    let consent = store.revoke_consent(user.id, kind, cx.now, &audit).await?.ok_or_else(missing)?;
    // also when it was withdrawn before: whoever did may have come no further
    if let Some(revoked_at) = consent.revoked_at {
        store.end_running_tests(user.id, (kind, revoked_at), cx.now).await?;
    }
    let view = Revoked { kind: kind.as_str(), revoked_at: consent.revoked_at.map(timestamp), cascade: CASCADE };
    Ok(success(202, &view))
}
