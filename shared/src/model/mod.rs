//! Entities and their state machines; no input or output.

mod agent;
mod announcement;
mod approval;
mod asset;
mod audit;
mod connection;
mod consent;
mod event;
mod id;
mod job;
mod key;
mod locale;
mod matching;
mod money;
mod organization;
mod outreach;
mod owner;
mod participant;
mod payout;
mod pipeline;
mod proposal;
mod quiz;
mod redelivery;
mod refresh;
mod schedule;
mod sign_up;
mod study;
mod test_session;
mod tester;
mod thread;
mod token;
mod user;
mod veille;
mod webhook;
mod work;

pub use agent::{AgentJob, AgentKind, AgentStatus, Criterion, Note, NotedMoment, Notes, Report};
pub use announcement::{Announcement, EVENTS_KEPT, EventData, EventName, FeedEvent, FeedEventId};
pub use approval::Approval;
pub use asset::AssetName;
pub use audit::{Action, AuditEntry};
pub use connection::{AccessToken, Connection, OAuthClient, OAuthCode};
pub use consent::{Consent, ConsentKind};
/// What jobs are made of, shared with the engine.
pub use engine_types::{
    Discovered, Found, Lane, Level, Line, Lookup, Module, Planner, Posted, Row, RowIntake, Seed, Seen, Step, ZoneArea,
    ZoneAsk,
    places::{NOMINATIM, OVERPASS},
    registry,
};
pub use event::WebhookEvent;
pub use id::{
    AgentJobId, ApiKeyId, ApprovalId, AttemptId, AuditId, ClientId, ConnectionId, ErasureId, EventId, ExportId,
    FamilyId, FeedbackId, FindingId, NoteId, OrganizationId, OutreachId, PayoutId, PipelineId, ProposalId, ReportId,
    SessionToken, StudyId, TaskId, TestSessionId, TokenId, UserId,
};
pub use job::{Job, JobId, JobInput, JobRules, JobStatus, Search, month};
pub use key::{ApiKey, Scope};
pub use locale::Locale;
pub use matching::{Best, Candidate, MatchScore, Ratings, Wanted, standing_score};
pub use money::{FeeRate, WHOLE_CURRENCIES, major_units, minor_units};
pub use organization::{Organization, Plan};
pub use outreach::{Channel, Outreach, OutreachStatus, message_language};
pub use owner::Owner;
pub use participant::{ParticipantSession, SessionState};
pub use payout::{Checkout, Failure, Payee, Payout, PayoutStatus};
pub use pipeline::{NodeRun, NodeStatus, Pipeline, Run as PipelineRun, RunStatus, Trigger};
pub use proposal::{Proposal, ProposalStatus};
pub use quiz::{Question, Quiz, QuizAttempt, QuizOption};
pub use redelivery::Redelivery;
pub use refresh::{Presented, RefreshTokens, Replaced};
pub use schedule::{LastRun, RunState, Schedule, ScheduleStatus, Tick};
pub use sign_up::{PendingSignUp, SignUpOf};
pub use study::{
    AbTest, Activation, ActivationRefused, AgeRange, Compensation, Details, Payment, SplitRatio, Status, Study,
    StudySettings, Targeting, Task, Variant, VariantLabel,
};
pub use test_session::{IngestedStream, Records, TestSession, TestStatus};
pub use tester::Tester;
pub use thread::{Author, Conversation, Message, Silenced, Thread, ThreadId, ThreadKind, ThreadStatus};
pub use token::{ApiToken, TestToken, TokenScopes};
pub use user::{Account, Email, Family, Rivals, Role, Session, Standing, User, UserKey};
pub use veille::{Veille, VeilleCounts, VeilleRun, VeilleRunStatus, VeilleSource, number_from_path};
pub use webhook::{Attempt, Delivery, DeliveryStatus, NamedDelivery, Webhook, webhook_id};
pub(crate) use webhook::{aside, delivery_id};
pub use work::{TokenKind, WorkItem, WorkKind};
