//! The audit trail (openscouter 17): what was done with credentials and rights, append-only.

use serde_json::Value;
use time::OffsetDateTime;

use super::{AuditId, Role, UserId};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All actions, in the contract's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stored and shown name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

actions! {
    /// Somebody signed in.
    SignIn = "auth.sign_in",
    /// Somebody signed out.
    SignOut = "auth.sign_out",
    /// A password was wrong.
    SignInFailed = "auth.sign_in_failed",
    /// That was the last one for a while.
    LockedOut = "auth.locked_out",
    /// A link for a new password was sent.
    ResetRequested = "auth.reset_requested",
    /// A new password was set with such a link.
    PasswordReset = "auth.password_reset",
    /// The password was changed by who knows it.
    PasswordChanged = "auth.password_changed",
    /// A used refresh token was presented again.
    RefreshReuse = "auth.refresh_reuse",
    /// A caller without the right called what only some may call.
    Refused = "access.refused",
    /// A key or token was issued.
    TokenIssued = "token.issued",
    /// A key or token was revoked.
    TokenRevoked = "token.revoked",
    /// An OAuth client was given a connection.
    ConnectionCreated = "connection.created",
    /// A connection was ended.
    ConnectionRevoked = "connection.revoked",
    /// An agent was not allowed to work.
    AgentBlocked = "agent.blocked",
    /// A study's agents were approved.
    ApprovalCreated = "approval.created",
    /// An approval was withdrawn.
    ApprovalRevoked = "approval.revoked",
    /// A report was made.
    ReportGenerated = "report.generated",
    /// A report was read.
    ReportRead = "report.read",
    /// An account was suspended, or a suspension lifted.
    UserStatusChanged = "user.status_changed",
    /// An organization's plan or exemption was changed.
    OrganizationChanged = "organization.changed",
    /// A version of the quiz was published.
    QuizPublished = "quiz.published",
    /// A consent was given.
    ConsentGiven = "consent.given",
    /// A consent was withdrawn.
    ConsentRevoked = "consent.revoked",
    /// A personal export was asked for.
    ExportCreated = "export.created",
    /// Somebody asked to be forgotten.
    ErasureRequested = "erasure.requested",
    /// A person withdrew that.
    ErasureWithdrawn = "erasure.withdrawn",
    /// Somebody was forgotten.
    ErasureCompleted = "erasure.completed",
    /// A payout was made.
    PayoutCreated = "payout.created",
    /// A payout failed.
    PayoutFailed = "payout.failed",
}

impl Action {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text)
    }
}

impl AuditEntry {
    /// A record of what the operator or the system did, without a request.
    #[must_use]
    pub fn of_operator(action: Action, object: Option<String>, detail: Value, at: OffsetDateTime) -> Self {
        let request_id = "operator".to_owned();
        Self { id: AuditId::at(at), action, actor: None, role: None, object, detail, request_id, at }
    }
}

/// One record. It names ids and never a secret, an address or a name.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Id.
    pub id: AuditId,
    /// What was done.
    pub action: Action,
    /// By whom; `None` when it was the operator or nobody known.
    pub actor: Option<UserId>,
    /// The actor's role then.
    pub role: Option<Role>,
    /// Wire id of what it was done to.
    pub object: Option<String>,
    /// What else is worth knowing.
    pub detail: Value,
    /// Id of the request.
    pub request_id: String,
    /// When.
    pub at: OffsetDateTime,
}
