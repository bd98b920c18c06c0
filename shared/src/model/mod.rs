//! Entities and their state machines; no input or output.

mod audit;
mod connection;
mod event;
mod id;
mod job;
mod key;
mod organization;
mod participant;
mod study;
mod token;
mod user;
mod work;

pub use audit::{Action, AuditEntry};
pub use connection::{AccessToken, Connection, OAuthClient, OAuthCode};
pub use event::WebhookEvent;
pub use id::{
    ApiKeyId, AuditId, ClientId, ConnectionId, ErasureId, EventId, ExportId, FamilyId, OrganizationId, SessionToken,
    StudyId, TokenId, UserId,
};
pub use job::{Job, JobId, JobInput, JobStatus, month};
pub use key::{ApiKey, Scope};
pub use organization::{Organization, Plan};
pub use participant::{ParticipantSession, SessionState};
pub use study::{Activation, ActivationRefused, Status, Study, Task};
pub use token::{ApiToken, TestToken, TokenScopes};
pub use user::{Account, Email, Family, Locale, Role, Session, Standing, User, UserKey};
pub use work::{TokenKind, Work, WorkKind};
