//! `POST /api/admin/approvals`: a study's agents may work for a while (openscouter 12.4, 17).

use serde_json::json;
use time::Duration;

use shared::{
    http::Response,
    model::{Action, Approval, ApprovalId, StudyId},
    openscouter::{
        self, Endpoint,
        access::Caller,
        approvals::{ADMINS_IN_PERSON, approval_view},
        envelope::{Problem, success},
        fields::Fields,
        request_context::RequestContext,
        studies::missing,
    },
};

/// The function.
pub const FUNCTION: Endpoint =
    openscouter::endpoint(env!("CARGO_PKG_NAME"), ADMINS_IN_PERSON, |cx, caller| Box::pin(create(cx, caller)));

/// How long an approval lasts that names no end.
const DEFAULT_LENGTH: Duration = Duration::days(7);
/// How long an approval lasts at most.
const MAX_LENGTH: Duration = Duration::days(30);

async fn create(cx: &RequestContext, caller: Caller) -> Result<Response, Problem> {
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let study = fields.text("jobId", 1, usize::MAX)?;
        let end = fields.optional_future("expiresAt", cx.now)?.unwrap_or(cx.now + DEFAULT_LENGTH);
        if end > cx.now + MAX_LENGTH {
            return Err(Problem::invalid("expiresAt", "must be at most 30 days ahead"));
        }
        let reason = fields.optional_text("reason", 0, 500)?;
        let store = cx.context.store();
        let id = StudyId::from_wire(&study).ok_or_else(missing)?;
        let study = store.linked_study(id).await?.ok_or_else(missing)?;
        let user = &caller.account.user;
        let approval = Approval {
            id: ApprovalId::at(cx.now),
            study: study.id,
            approved_by: user.id,
            reason,
            created_at: cx.now,
            expires_at: end,
            revoked_at: None,
        };
        let detail = json!({"jobId": study.id.wire()});
        let audit = cx.record(Action::ApprovalCreated, Some(user), Some(approval.id.wire()), detail);
        store.create_approval(&approval, &audit).await?;
        Ok(success(201, &approval_view(&approval)))
    })
    .await
}
