//! The demo's people as a laptop keeps them, and what they did.

use serde::{Deserialize, Serialize};
use shared::secret::new_token;

use crate::embedded_store::EngineError;

/// The demo's business user, and the others: all of it is made at random, and stored as hashes.
#[derive(Clone, Deserialize, Serialize)]
pub struct DemoAccount {
    /// Address, verified.
    pub email: String,
    /// Password.
    pub password: String,
    /// An Outsend API key with both scopes.
    pub outsend_key: String,
    /// A tester: verified, consenting and active.
    #[serde(default)]
    pub tester: Option<DemoPerson>,
    /// An admin.
    #[serde(default)]
    pub admin: Option<DemoPerson>,
    /// What they did so far.
    #[serde(default)]
    pub story: Option<Story>,
}

/// One of the demo's people.
#[derive(Clone, Deserialize, Serialize)]
pub struct DemoPerson {
    /// Address, verified.
    pub email: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for DemoAccount {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DemoAccount({}, …)", self.email)
    }
}

impl std::fmt::Debug for DemoPerson {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DemoPerson({}, …)", self.email)
    }
}

impl DemoPerson {
    /// Somebody with a new password.
    pub(super) fn new(email: &str) -> Result<Self, EngineError> {
        Ok(Self { email: email.to_owned(), password: new_token("")?.0 })
    }
}

/// What came of it, by the ids of the APIs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Story {
    /// The study.
    pub study: String,
    /// The study's proposal to the tester, who accepted. Demos of before had none.
    #[serde(default)]
    pub proposal: String,
    /// The tester's session, analysed and confirmed.
    pub session: String,
    /// The session's report.
    pub report: String,
    /// The study's report.
    pub study_report: String,
    /// A finished job of Outsend.
    pub job: String,
}
