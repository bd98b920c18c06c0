//! How the work of an agent ends: well, or with a failure.

use serde::Serialize;
use serde_json::Value;
use shared::{
    context::Context,
    model::{Action, AgentJob, AgentStatus, AuditEntry, AuditId},
    store::StoreError,
};

/// What a failed job says, whatever went wrong.
pub(super) const FAILED: &str = "Analysis failed";

/// Why a job came to nothing.
pub(super) enum Failure {
    /// A gate was closed meanwhile: its name, and what the job says.
    Gate(&'static str, &'static str),
    /// What it rests on is gone.
    Gone,
    /// A fault; it can be tried again.
    Fault(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.to_string())
    }
}

/// What an agent made, as it is kept.
pub(super) fn text_of(made: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(made).map_err(|error| Failure::Fault(error.to_string()))
}

/// The job as it is when it is done.
pub(super) fn done(context: &Context, job: &AgentJob) -> AgentJob {
    AgentJob {
        status: AgentStatus::Complete,
        finished_at: Some(context.clock().now()),
        version: job.version + 1,
        ..job.clone()
    }
}

/// A record of the audit trail about what the job does.
pub(super) async fn record(
    context: &Context,
    job: &AgentJob,
    action: Action,
    object: String,
    detail: Value,
) -> Result<AuditEntry, StoreError> {
    let now = context.clock().now();
    let account = context.store().account(job.actor).await?;
    Ok(AuditEntry {
        id: AuditId::at(now),
        action,
        actor: Some(job.actor),
        role: account.map(|account| account.user.role),
        object: Some(object),
        detail,
        request_id: job.request_id.clone(),
        at: now,
    })
}
