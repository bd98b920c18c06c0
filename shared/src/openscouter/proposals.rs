//! Proposals as their answers show them, and who sees them (openscouter 3.8, 14.1).

pub mod answers;

use serde::Serialize;
use time::OffsetDateTime;

use super::{
    access::{Access, EVERYBODY, Scope, Viewer},
    envelope::Problem,
    format::timestamp,
};
use crate::model::{Proposal, ProposalStatus};

/// Who may read proposals: also testers who have not passed the quiz yet (openscouter 3.7, 4).
pub const READERS: Access = Access::of(EVERYBODY).tokens(Scope::Read).or_pending();

/// 404 for a proposal that is not there, or not for this caller.
#[must_use]
pub fn missing() -> Problem {
    Problem::not_found("Proposal")
}

/// 422 for the state that a proposal is in.
#[must_use]
pub fn wrong_state(status: ProposalStatus, expected: &str) -> Problem {
    Problem::invalid("", &format!("Proposal is {}, expected {expected}", status.as_str()))
}

/// Whether a caller sees a proposal: testers those that they were told of.
#[must_use]
pub fn is_visible(viewer: Viewer, proposal: &Proposal) -> bool {
    match viewer {
        Viewer::Admin => true,
        Viewer::Owner(organization) => proposal.organization == organization,
        Viewer::Tester(tester) => proposal.tester == tester && proposal.sent_at.is_some(),
    }
}

/// A proposal (openscouter 14.1).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProposalView {
    proposal_id: String,
    job_id: String,
    tester_id: String,
    status: &'static str,
    match_score: f64,
    created_at: String,
    sent_at: Option<String>,
    expires_at: Option<String>,
    responded_at: Option<String>,
}

impl ProposalView {
    /// The view of a proposal at `now`.
    #[must_use]
    pub fn of(proposal: &Proposal, now: OffsetDateTime) -> Self {
        Self {
            proposal_id: proposal.id.wire(),
            job_id: proposal.study.wire(),
            tester_id: proposal.tester.wire(),
            status: proposal.status_at(now).as_str(),
            match_score: proposal.score.as_number(),
            created_at: timestamp(proposal.created_at),
            sent_at: proposal.sent_at.map(timestamp),
            expires_at: proposal.expires_at.map(timestamp),
            responded_at: proposal.responded_at.map(timestamp),
        }
    }
}
