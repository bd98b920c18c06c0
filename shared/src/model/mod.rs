//! Entities and their state machines; no input or output.

mod id;
mod key;
mod organization;
mod participant;
mod study;
mod user;
mod work;

pub use id::{ApiKeyId, OrganizationId, SessionToken, StudyId, UserId};
pub use key::{ApiKey, Scope};
pub use organization::{Organization, Plan};
pub use participant::{ParticipantSession, SessionState};
pub use study::{Activation, ActivationRefused, Status, Study, Task};
pub use user::{Account, Email, Locale, Session, User, UserKey};
pub use work::{TokenKind, Work, WorkKind};
