//! Approvals of a study's agents: an admin's personal act (openscouter 12.4, 17).

use serde_json::{Value, json};
use time::Duration;

use super::{
    access::{ADMINS, Access},
    endpoint::answer,
    envelope::{Problem, optional_time, success},
    fields::Fields,
    format::timestamp,
    paging::Paging,
    request_context::RequestContext,
    studies,
};
use crate::{
    BoxFuture,
    context::Context,
    http::{Request, Response},
    model::{Action, Approval, ApprovalId, StudyId},
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
pub fn create_approval(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| Box::pin(create_now(cx)))
}

async fn create_now(cx: &RequestContext) -> Result<Response, Problem> {
    let caller = cx.caller(IN_PERSON).await?;
    let fields = Fields::read(&cx.request)?;
    cx.idempotent(&caller.key(), &[], async {
        let study = fields.text("jobId", 1, usize::MAX)?;
        let end = fields.optional_future("expiresAt", cx.now)?.unwrap_or(cx.now + DEFAULT);
        if end > cx.now + LONGEST {
            return Err(Problem::invalid("expiresAt", "must be at most 30 days ahead"));
        }
        let reason = fields.optional_text("reason", 0, 500)?;
        let store = cx.context.store();
        let id = StudyId::from_wire(&study).ok_or_else(studies::missing)?;
        let study = store.linked_study(id).await?.ok_or_else(studies::missing)?;
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
        Ok(success(201, &object(&approval)))
    })
    .await
}

/// `GET /api/admin/approvals`
#[must_use]
pub fn list_approvals(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            cx.caller(ADMINS).await?;
            let query = &cx.request.query;
            let paging = Paging::read(query)?;
            let active = match query.last("active") {
                None => None,
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some(_) => return Err(Problem::bad("active: must be a boolean")),
            };
            let study = query.last("jobId").map(StudyId::from_wire);
            if study == Some(None) {
                return Ok(paging.empty_list());
            }
            let filter = ApprovalFilter { study: study.flatten(), active };
            let page = cx.context.store().approvals_page(filter, paging.offset(), paging.limit, cx.now).await?;
            let rows: Vec<_> = page.members.iter().map(object).collect();
            Ok(paging.list(&rows, page.total))
        })
    })
}

/// `DELETE /api/admin/approvals/:id`
#[must_use]
pub fn revoke_approval(context: Context, request: Request) -> BoxFuture<'static, Response> {
    answer(context, request, |cx| {
        Box::pin(async {
            let caller = cx.caller(IN_PERSON).await?;
            let missing = || Problem::not_found("Approval");
            let id = ApprovalId::from_wire(cx.path_id()).ok_or_else(missing)?;
            let user = &caller.account.user;
            let audit = cx.record(Action::ApprovalRevoked, Some(user), Some(id.wire()), json!({}));
            let approval = cx.context.store().revoke_approval(id, &audit).await?.ok_or_else(missing)?;
            Ok(success(200, &object(&approval)))
        })
    })
}
