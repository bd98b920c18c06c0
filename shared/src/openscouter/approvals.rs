//! Approvals of a study's agents (openscouter 12.4, 17).

use serde::Serialize;

use super::{
    access::{ADMINS, Access},
    format::timestamp,
};
use crate::model::Approval;

/// Admins in person: no token approves anything (openscouter 4).
pub const ADMINS_IN_PERSON: Access = Access { token: None, ..ADMINS };

/// An approval (openscouter 17).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView<'a> {
    approval_id: String,
    job_id: String,
    approved_by: String,
    reason: Option<&'a str>,
    created_at: String,
    expires_at: String,
    revoked_at: Option<String>,
}

/// An approval, as the API shows it (openscouter 17).
#[must_use]
pub fn approval_view(approval: &Approval) -> ApprovalView<'_> {
    ApprovalView {
        approval_id: approval.id.wire(),
        job_id: approval.study.wire(),
        approved_by: approval.approved_by.wire(),
        reason: approval.reason.as_deref(),
        created_at: timestamp(approval.created_at),
        expires_at: timestamp(approval.expires_at),
        revoked_at: approval.revoked_at.map(timestamp),
    }
}
