//! Approvals of a study's agents: an admin's personal act (openscouter 12.4, 17).

use serde_json::{Value, json};
use time::Duration;

use super::{
    auth::{ADMINS, Access},
    call::{Call, answer},
    envelope::{Problem, list, optional_time, success},
    fields::{Fields, Paging},
    studies,
    text::timestamp,
};
use crate::{
    api::{Answer, ApiRequest},
    context::Context,
    model::{Action, Approval, ApprovalId, StudyId},
    serve::BoxFuture,
    store::ApprovalFilter,
};

/// Admins in person: no token approves anything.
const IN_PERSON: Access = Access { token: None, ..ADMINS };
/// How long an approval lasts that names no end.
const DEFAULT: Duration = Duration::days(7);
/// How long one can last.
const LONGEST: Duration = Duration::days(30);

fn object(approval: &Approval) -> Value {
    json!({
        "approvalId": approval.id.wire(),
        "jobId": approval.study.wire(),
        "approvedBy": approval.approved_by.wire(),
        "reason": approval.reason,
        "createdAt": timestamp(approval.created_at),
        "expiresAt": timestamp(approval.expires_at),
        "revokedAt": optional_time(approval.revoked_at),
    })
}

/// `POST /api/admin/approvals`
#[must_use]
pub fn create_approval(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| Box::pin(create_now(call)))
}

async fn create_now(call: &Call) -> Result<Answer, Problem> {
    let caller = call.caller(IN_PERSON).await?;
    let fields = Fields::read(&call.request)?;
    call.once(&caller.key(), &[], async {
        let study = fields.text("jobId", 1, usize::MAX)?;
        let end = fields.optional_future("expiresAt", call.now)?.unwrap_or(call.now + DEFAULT);
        if end > call.now + LONGEST {
            return Err(Problem::invalid("expiresAt", "must be at most 30 days ahead"));
        }
        let reason = fields.optional_text("reason", 0, 500)?;
        let store = call.context.store();
        let id = StudyId::from_wire(&study).ok_or_else(studies::missing)?;
        let study = store.linked_study(id).await?.ok_or_else(studies::missing)?;
        let user = &caller.account.user;
        let approval = Approval {
            id: ApprovalId::at(call.now),
            study: study.id,
            approved_by: user.id,
            reason,
            created_at: call.now,
            expires_at: end,
            revoked_at: None,
        };
        let detail = json!({"jobId": study.id.wire()});
        let audit = call.record(Action::ApprovalCreated, Some(user), Some(approval.id.wire()), detail);
        store.create_approval(&approval, &audit).await?;
        Ok(success(201, &object(&approval)))
    })
    .await
}

/// `GET /api/admin/approvals`
#[must_use]
pub fn list_approvals(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            call.caller(ADMINS).await?;
            let query = &call.request.query;
            let paging = Paging::read(query)?;
            let active = match query.last("active") {
                None => None,
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some(_) => return Err(Problem::bad("active: must be a boolean")),
            };
            let study = query.last("jobId").map(StudyId::from_wire);
            if study == Some(None) {
                return Ok(list(&[], paging.page, paging.limit, 0));
            }
            let filter = ApprovalFilter { study: study.flatten(), active };
            let page = call.context.store().approvals_page(filter, paging.offset(), paging.limit, call.now).await?;
            let rows: Vec<_> = page.members.iter().map(object).collect();
            Ok(list(&rows, paging.page, paging.limit, page.total))
        })
    })
}

/// `DELETE /api/admin/approvals/:id`
#[must_use]
pub fn revoke_approval(context: Context, request: ApiRequest) -> BoxFuture<'static, Answer> {
    answer(context, request, |call| {
        Box::pin(async {
            let caller = call.caller(IN_PERSON).await?;
            let missing = || Problem::not_found("Approval");
            let id = ApprovalId::from_wire(call.path_id()).ok_or_else(missing)?;
            let user = &caller.account.user;
            let audit = call.record(Action::ApprovalRevoked, Some(user), Some(id.wire()), json!({}));
            let approval = call.context.store().revoke_approval(id, &audit).await?.ok_or_else(missing)?;
            Ok(success(200, &object(&approval)))
        })
    })
}
