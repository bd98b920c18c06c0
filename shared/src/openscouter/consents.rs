//! Consents of testers, as their answers show them (openscouter 18).

use serde::Serialize;

use super::format::timestamp;
use crate::model::Consent;

/// A consent (openscouter 18).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentView {
    kind: &'static str,
    version: String,
    given_at: String,
    revoked_at: Option<String>,
}

impl ConsentView {
    /// A consent as its tester sees it.
    #[must_use]
    pub fn new(consent: &Consent) -> Self {
        Self {
            kind: consent.kind.as_str(),
            version: consent.version.clone(),
            given_at: timestamp(consent.given_at),
            revoked_at: consent.revoked_at.map(timestamp),
        }
    }
}
